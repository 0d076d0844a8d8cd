"""Rows E1 to E9 and S1 to S4 of docs/threats.md are each shown by a test that names them.

The docstring of a test begins with its rows: `E3: a shallow clone.` Rows C are `faults`'s, rows T,
H and I `packs`'s.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROWS = {*(f"E{number}" for number in range(1, 10)), *(f"S{number}" for number in range(1, 5))}


def test_every_row_is_named_by_a_test() -> None:
    named: set[str] = set()
    for path in Path(__file__).parent.rglob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                rows, _, _ = (ast.get_docstring(node) or "").partition(":")
                named |= set(re.findall(r"\b[ES]\d\b", rows))
    assert named == ROWS
