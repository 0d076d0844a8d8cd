"""docs/limits.md says which lies only a signature can tell: tests/fields holds the list."""

from __future__ import annotations

from evidence.self_test.forgeries import FORGERIES
from tests.fields.table import read_table


def test_a_lie_that_no_check_finds_is_of_a_kind_that_the_table_declares() -> None:
    _, sentences = read_table()
    kinds = {
        "all-losses": "losses", "probe": "losses", "whole-prediction": "outputs",
        "whole-weights": "weights", "stream-between": "stream", "memory": "load",
        "machine": "machine", "date": "time", "title": "milestone", "question": "data",
    }  # fmt: skip
    assert {one.id for one in FORGERIES if not one.checks} == kinds.keys()
    assert set(kinds.values()) <= sentences.keys()
