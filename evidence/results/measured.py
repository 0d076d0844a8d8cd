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
from evidence.rules.intervals import (
    effective_number,
    questions_of,
    rate_interval,
    spread_over_questions,
)
from evidence.rules.paired import mean_interval
from evidence.stages.eval import PREDICTIONS

ALL_ALIKE: Final = Unavailable("all answers have one score, which does not show how much it varies")
ONE_QUESTION: Final = Unavailable("all rows ask one question, so how much scores vary is not shown")
_ASKED: Final = "questions asked"
"""Under which name a context keeps them."""
_NUMBERS: Final = (
    ("mean", "mean-measured"),
    ("mean_low", "interval-measured"),
    ("mean_high", "interval-measured"),
)


def measured_values(context: Context, rows: Sequence[PredictionRow], why_not: str) -> Values:
    """eval.NAME.mean and its interval for each function; `why_not`: why there are no rows."""
    for name in context.eval.measured:
        place = rows_at(layout.PREDICTIONS, 1, len(rows), f"measured/{name}") if rows else ""
        place = place or layout.PREDICTIONS
        yield from of_measured(context, f"eval.{name}", name, rows, place, why_not)


def of_measured(
    context: Context,
    start: str,
    name: str,
    rows: Sequence[PredictionRow],
    place: str,
    why_not: str = "",
) -> Values:
    """The mean over `rows` and its interval, 95 %: Wilson's where each row is true or false."""
    found = [row.measured[name] for row in rows if name in row.measured]
    if not rows or len(found) < len(rows):
        why = "not every prediction has this score" if rows else why_not
        for key, rule in _NUMBERS:
            yield f"{start}.{key}", unknown(why, "", place, rule)
        return
    mean = math.fsum(found) / len(found)
    ends = _interval(found, asked_of(context, rows))
    for index, (key, rule) in enumerate(_NUMBERS):
        if index and isinstance(ends, Unavailable):
            yield f"{start}.{key}", unknown(ends.reason, "", place, rule)
            continue
        value = mean if isinstance(ends, Unavailable) else (mean, *ends)[index]
        yield f"{start}.{key}", replace(known(value, "", place, rule), level="reported")


def _interval(
    found: Sequence[bool | Number], asked: Sequence[int]
) -> tuple[float, float] | Unavailable:
    """`asked` has the number of the question of each row."""
    if all(isinstance(one, bool) for one in found):
        return rate_interval(sum(map(bool, found)), len(found), effective_number(asked))
    numbers, num_questions = [float(one) for one in found], len(set(asked))
    if len(set(numbers)) < 2:
        return ALL_ALIKE
    if num_questions < 2:
        return ONE_QUESTION
    is_each_its_own = num_questions == len(numbers)
    return mean_interval(numbers if is_each_its_own else spread_over_questions(asked, numbers))


def asked_of(context: Context, rows: Sequence[PredictionRow]) -> list[int]:
    """For each of some rows of an evaluation the number of the question that it asks."""
    numbers = context.once(_ASKED, _numbers)
    return [numbers[row.prompt] for row in rows]


def effective_of(context: Context, rows: Sequence[PredictionRow]) -> float:
    """Of how many independent questions these rows tell as much."""
    return effective_number(asked_of(context, rows))


def _numbers(context: Context) -> dict[str, int]:
    """By the prompt: rows with one prompt ask one question."""
    rows = context.documents.rows(PREDICTIONS)
    return dict(zip((row.prompt for row in rows), questions_of(rows), strict=True))
