"""A rate with its interval over independent questions. Pure.

Responsible for what counts as one observation: rows that ask the same once case, Unicode form and
white space are aside are one question, whose outcome is the mean over its rows. A model that
decodes greedily answers them alike, so that counting each would make an interval too narrow.

With the outcomes of n questions, each from 0 to 1, the Wilson interval is that of n trials: an
outcome between 0 and 1 with mean p has a variance of at most p(1 − p), that of a yes or no (Bhatia
and Davis, American Mathematical Monthly 107, 2000). The interval may be too wide, never too narrow
for that reason. It says nothing of questions that are related and not the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from evidence.records.availability import Unavailable
from evidence.records.evaluation import QuestionRate
from evidence.records.run import PredictionRow
from evidence.rules.questions import independent
from evidence.rules.scoring import wilson
from evidence.rules.wording import normalised

NOTHING_ASKED = Unavailable("no question was asked")


def scored_rates(
    rows: Sequence[PredictionRow], scorers: Sequence[str]
) -> dict[str, QuestionRate | Unavailable]:
    """The rate of each scorer; unavailable where it lacks a verdict on one of the rows."""
    groups = independent([(normalised(row.prompt),) for row in rows])
    return {name: _scored(rows, groups, name) for name in scorers}


def _scored(
    rows: Sequence[PredictionRow], groups: Sequence[int], scorer: str
) -> QuestionRate | Unavailable:
    given = [row.scores[scorer] for row in rows if scorer in row.scores]
    if len(given) < len(rows):
        missing = len(rows) - len(given)
        return Unavailable(f"{missing} of {len(rows)} rows have no verdict of {scorer}")
    return question_rate(groups, given)


def question_rate(groups: Sequence[int], outcomes: Sequence[bool]) -> QuestionRate | Unavailable:
    """The rate over independent questions, with its Wilson interval, 95 %.

    `groups` has the number of the question of each row (`questions.independent`). Raises
    ValueError where there are not as many outcomes.
    """
    means = question_means(groups, [float(one) for one in outcomes])
    if not means:
        return NOTHING_ASKED
    total = math.fsum(means)
    low, high = wilson(total, len(means))
    return QuestionRate(len(outcomes), len(means), total / len(means), low, high)


def question_means(groups: Sequence[int], values: Sequence[float]) -> list[float]:
    """The mean of the values of each question, by its number (`questions.independent`).

    Sums are `math.fsum`'s: the built-in one rounds otherwise from one Python to the next.
    """
    found: dict[int, list[float]] = {}
    for group, value in zip(groups, values, strict=True):
        found.setdefault(group, []).append(value)
    return [math.fsum(found[group]) / len(found[group]) for group in sorted(found)]
