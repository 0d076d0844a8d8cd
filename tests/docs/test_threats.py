"""docs/threats.md has the rows that tests name, all of them and no other, with their exit codes."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from packs.case import cases

from evidence.errors import ExitCode
from tests.docs.pages import ROOT, codes, page, section, table

TEXT: Final = page("threats.md")
ROWS: Final = {cells[0]: cells for cells in table(TEXT) if re.fullmatch(r"[CEHIST]\d+", cells[0])}
TESTS: Final = ROOT / "tests"
CANNOT_OCCUR: Final = {row for row, cells in ROWS.items() if cells[1].startswith("Does not occur")}


def docstrings(path: Path) -> Iterator[str]:
    """Of every test of a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield ast.get_docstring(node) or ""


def exits() -> dict[str, set[int]]:
    """Exit codes of the cases of each row."""
    found: dict[str, set[int]] = defaultdict(set)
    for case in cases():
        for row in case.rows:
            found[row].add(case.exit)
    return dict(found)


def named_by_tests() -> set[str]:
    """At the beginning of a docstring up to a colon (C, E, S), or in brackets (H, I, T)."""
    named: set[str] = set()
    for path in TESTS.rglob("test_*.py"):
        for text in docstrings(path):
            named |= set(re.findall(r"\b[CES]\d+\b", text.partition(":")[0]))
            named |= set(re.findall(r"\(([HIT]\d+)\)", text))
    return named


def test_the_page_has_the_rows_that_tests_and_cases_name() -> None:
    assert ROWS.keys() - CANNOT_OCCUR == named_by_tests() | exits().keys()


@pytest.mark.parametrize("row", sorted(exits()))
def test_cases_of_a_row_end_as_the_page_says(row: str) -> None:
    assert {int(code) for code in ROWS[row][2].split(", ")} == exits()[row]


def test_every_row_says_what_happens_in_a_sentence_or_two() -> None:
    for row, (_, text, exit_) in ROWS.items():
        assert text.endswith("."), row
        assert len(text) < 330, row
        assert set(map(int, re.findall(r"\b\d+\b", exit_))) <= set(map(int, ExitCode)), row


def test_the_exit_codes_are_those_of_the_code() -> None:
    rows = table(section(TEXT, "Exit codes"))
    assert {codes(name)[0]: int(code) for code, name, _ in rows} == {
        one.name: int(one) for one in ExitCode
    }
