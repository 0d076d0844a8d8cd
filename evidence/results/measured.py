"""Values of what functions of the author's say of the answers: means with their intervals.

Responsible for the arithmetic over rows alone: each number is a program's word (level `reported`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.record import Number
from evidence.records.run import PredictionRow
from evidence.results.context import Context, Values, known, rows_at, unknown
from evidence.rules import scoring
from evidence.rules.paired import mean_interval

ALL_ALIKE: Final = Unavailable("all answers have one score, which does not show how much it varies")
_NUMBERS: Final = (
    ("mean", "mean-measured"),
    ("mean_low", "interval-measured"),
    ("mean_high", "interval-measured"),
)


def measured_values(context: Context, rows: Sequence[PredictionRow], why_not: str) -> Values:
    """eval.NAME.mean and its interval for each function; `why_not`: why there are no rows."""
    for name in context.eval.measured:
        place = rows_at(layout.PREDICTIONS, 1, len(rows), f"measured/{name}") if rows else ""
        yield from of_measured(f"eval.{name}", name, rows, place or layout.PREDICTIONS, why_not)


def of_measured(
    start: str, name: str, rows: Sequence[PredictionRow], place: str, why_not: str = ""
) -> Values:
    """The mean over `rows` and its interval, 95 %: Wilson's where each row is true or false."""
    found = [row.measured[name] for row in rows if name in row.measured]
    if not rows or len(found) < len(rows):
        why = "not every prediction has this score" if rows else why_not
        for key, rule in _NUMBERS:
            yield f"{start}.{key}", unknown(why, "", place, rule)
        return
    mean, ends = math.fsum(found) / len(found), _interval(found)
    for index, (key, rule) in enumerate(_NUMBERS):
        if index and isinstance(ends, Unavailable):
            yield f"{start}.{key}", unknown(ends.reason, "", place, rule)
            continue
        value = mean if isinstance(ends, Unavailable) else (mean, *ends)[index]
        yield f"{start}.{key}", replace(known(value, "", place, rule), level="reported")


def _interval(found: Sequence[bool | Number]) -> tuple[float, float] | Unavailable:
    if all(isinstance(one, bool) for one in found):
        return scoring.wilson(sum(found), len(found))
    return ALL_ALIKE if len(set(found)) < 2 else mean_interval([float(one) for one in found])
