"""Every row of docs/threats.md that verify meets is named by a case or by a test."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from packs.case import cases

ROWS: Final = (
    *(f"T{number}" for number in range(1, 21)),
    *(f"H{number}" for number in range(1, 16)),
    *(f"I{number}" for number in range(1, 6)),
)
CANNOT_OCCUR: Final[dict[str, str]] = {}
TESTS: Final = Path(__file__).parents[1]


def named_by_tests() -> set[str]:
    """Rows that the docstring of some test names in brackets, each in its own."""
    paths = (path for path in TESTS.rglob("test_*.py") if path != Path(__file__))
    texts = (path.read_text("utf-8") for path in paths)
    return {row for text in texts for row in re.findall(r"\(((?:T|H|I)\d{1,2})\)", text)}


def test_every_row_is_named_by_a_case_or_a_test() -> None:
    named = {row for case in cases() for row in case.rows} | named_by_tests()
    assert set(ROWS) - named - CANNOT_OCCUR.keys() == set()


def test_a_row_that_cannot_occur_is_named_by_nothing() -> None:
    assert {row for case in cases() for row in case.rows} & CANNOT_OCCUR.keys() == set()
