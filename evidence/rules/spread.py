"""One number of several runs or samples: its mean, and how far they are apart. Pure.

Responsible for the arithmetic. Which runs belong together, and which are left out, its caller says.
Runs of several seeds tell how much a seed decides, with the same data; not how much the questions
do, which an interval over questions tells.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SpreadRecord
from evidence.rules.arithmetic import mean

NO_RUN: Final = Unavailable("no run has this number")
NOT_FINITE: Final = Unavailable("the number of a run is not finite")
ONE_RUN: Final = Unavailable("one run has nothing to differ from")


def spread(values: Sequence[float], left_out: Sequence[str] = ()) -> SpreadRecord | Unavailable:
    """Mean, sample standard deviation and range of one number of each run.

    Unavailable without a run, and where the numbers are not finite or farther apart than a float
    can say: whose number that is has to be left out, by name.
    """
    if not values:
        return NO_RUN
    low, high = min(values), max(values)
    if not (all(map(math.isfinite, values)) and math.isfinite(high - low)):
        return NOT_FINITE
    return SpreadRecord(
        num_runs=len(values),
        mean=min(max(mean(values), low), high),  # a rounded mean of equal values may miss them
        sample_sd=sample_sd(values) if len(values) > 1 else ONE_RUN,
        min=low,
        max=high,
        range=high - low,
        left_out=tuple(left_out),
    )


def sample_sd(values: Sequence[float]) -> float:
    """√(Σ(x − mean)² / (n − 1)), of two values or more; scaled, so that no square overflows."""
    if min(values) == max(values):
        return 0.0
    centre = mean(values)
    offsets = [value - centre for value in values]
    largest = max(map(abs, offsets))
    squares = math.fsum([(one / largest) * (one / largest) for one in offsets])
    return largest * math.sqrt(squares / (len(values) - 1))


def standard_error(values: Sequence[float]) -> float:
    """Of a mean: `sample_sd` / √n, as lm-eval and Inspect compute it. Of two values or more."""
    return sample_sd(values) / math.sqrt(len(values))
