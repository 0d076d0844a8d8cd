"""Intervals of what is counted over rows that may ask the same question. Pure.

Responsible for what counts as one observation: rows that ask the same once case, Unicode form and
white space are aside are one question. A model that decodes greedily answers them alike, so that
counting each would make an interval too narrow.

The interval of a rate is Wilson's with n = (Σ r)² / Σ r², r the rows of each question: the number
of rows where each is a question of its own, the number of questions where all have as many rows,
and less where a few have most (Kish, Survey Sampling, 1965, 8.2, with answers to one question taken
to be wholly alike). It may be too wide, never too narrow for that reason. It says nothing of
questions that are related and not the same.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from evidence.records.run import PredictionRow
from evidence.rules.questions import independent
from evidence.rules.scoring import wilson
from evidence.rules.wording import normalised


def questions_of(rows: Sequence[PredictionRow]) -> tuple[int, ...]:
    """For each row the number of the question that it asks."""
    return independent([(normalised(row.prompt),) for row in rows])


def effective_number(groups: Sequence[int]) -> float:
    """Of how many independent questions the rows tell as much: n of their intervals. `groups` has
    the number of the question of each row."""
    rows = Counter(groups).values()
    return sum(rows) ** 2 / sum(count * count for count in rows)


def rate_interval(count: int, num_rows: int, num_effective: float) -> tuple[float, float]:
    """Wilson interval, 95 %, of the rate of `count` in `num_rows` rows, which tell as much as
    `num_effective` independent questions."""
    if num_effective == num_rows:
        return wilson(count, num_rows)
    return wilson(count / num_rows * num_effective, num_effective)


def spread_over_questions(groups: Sequence[int], values: Sequence[float]) -> list[float]:
    """One number a question, whose mean is that of all rows, and whose spread is that of a mean
    over rows where questions are drawn: mean + (rows of the question / mean rows of a question) ·
    (mean of the question − mean), the ratio estimator, linearised (Cochran, Sampling Techniques,
    1977, chapter 6)."""
    mean, means = math.fsum(values) / len(values), question_means(groups, values)
    rows = Counter(groups)
    a_question = len(values) / len(means)
    numbers = sorted(rows)
    return [
        mean + rows[number] / a_question * (own - mean)
        for number, own in zip(numbers, means, strict=True)
    ]


def question_means(groups: Sequence[int], values: Sequence[float]) -> list[float]:
    """The mean of the values of each question, by its number (`questions.independent`).

    Sums are `math.fsum`'s: the built-in one rounds otherwise from one Python to the next.
    """
    found: dict[int, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        found.setdefault(group, []).append(value)
    return [math.fsum(found[group]) / len(found[group]) for group in sorted(found)]
