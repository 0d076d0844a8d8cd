"""The room stands alone: standard library, relative imports, Python 3.9."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest
from instrument.programs import ROOT

ROOM = ROOT / "evidence/instrument"
FILES = [*sorted(ROOM.rglob("*.py")), ROOT / "evidence/report.py"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_module_needs_nothing_but_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"), feature_version=(3, 9))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [] if node.level else [str(node.module)]
        else:
            continue
        for name in names:
            assert name.partition(".")[0] in sys.stdlib_module_names, name


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_annotations_are_not_evaluated(path: Path) -> None:
    """`X | None` and `list[int]` in annotations need no newer Python so."""
    if path.name == "sitecustomize.py":  # read by any Python 3, which knows no such import
        ast.parse(path.read_text("utf-8"), feature_version=(3, 5))
        return
    assert "from __future__ import annotations" in path.read_text("utf-8")
