"""Rows of two evaluations that belong together. Pure.

Responsible for matching by the row of the evaluation set and its id, whatever was made of them: the
prompts of two conditions may differ, and that is what is looked at elsewhere.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypeAlias

from evidence.records.record import Record
from evidence.records.run import PredictionRow

Key: TypeAlias = tuple[int, str, int]


class Matched(Record):
    """Pairs in the order of the evaluation set, and how many rows one condition alone has."""

    pairs: tuple[tuple[PredictionRow, PredictionRow], ...]
    num_only_first: int
    num_only_second: int


def matched(first: Sequence[PredictionRow], second: Sequence[PredictionRow]) -> Matched:
    """Rows of equal place and id; one that is there twice has as many partners."""
    one, other = _by_row(first), _by_row(second)
    common = sorted(one.keys() & other.keys())
    return Matched(
        pairs=tuple((one[key], other[key]) for key in common),
        num_only_first=len(one) - len(common),
        num_only_second=len(other) - len(common),
    )


def _by_row(rows: Sequence[PredictionRow]) -> dict[Key, PredictionRow]:
    seen: Counter[tuple[int, str]] = Counter()
    found: dict[Key, PredictionRow] = {}
    for row in rows:
        place = (row.index, row.id)
        found[(*place, seen[place])] = row
        seen[place] += 1
    return found
