"""Every kind of crash that this project has an answer to is named by a test of this folder."""

from __future__ import annotations

import ast
import re
from pathlib import Path

CRASHES = {f"C{number}" for number in range(1, 14)}


def test_every_kind_of_crash_is_named_by_a_test() -> None:
    """Docstrings of tests begin with the rows that they show."""
    named: set[str] = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                rows, _, _ = (ast.get_docstring(node) or "").partition(":")
                named |= set(re.findall(r"\bC\d+\b", rows))
    assert named == CRASHES
