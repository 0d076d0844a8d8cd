"""One set of questions under two conditions: the difference, its interval, a test. Pure.

Responsible for what a pair of conditions shows of one scorer. Questions that are the same are one
observation, as in `intervals`: two rows are, where they are in either condition.

The test is McNemar's in its exact form: of the m questions that came out differently, as many speak
for either condition if there is none but chance, so that the smaller number is binomial(m, 1/2)
(McNemar, Psychometrika 12, 1947; a sign test, where a question has several rows).

The interval is the percentile bootstrap of paired differences (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993, chapter 13): whole questions are drawn, so both conditions with
them. The draws come from SHAKE-256 over a fixed text, not from a generator of a library: the same
numbers on every machine and Python. Of more than MAX_RESAMPLED questions it is the mean difference
± z·s/√n (E. Miller, Adding Error Bars to Evals, arXiv 2411.00640, 2024), which is about the same
there and costs nothing. For few questions a percentile bootstrap is too narrow; then the test is to
be believed.
"""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Iterator, Sequence
from hashlib import shake_256
from itertools import compress
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.evaluation import PairedRecord
from evidence.records.run import PredictionRow
from evidence.rules.intervals import question_means
from evidence.rules.matching import Matched, matched
from evidence.rules.questions import independent
from evidence.rules.wording import normalised

NUM_RESAMPLES: Final = 2000
MAX_RESAMPLED: Final = 500
"""Questions of which differences are drawn again: verify does it anew, for each scorer."""
NUM_CUT: Final = 50
"""Of NUM_RESAMPLES, so many are left out at either end: 2.5 %."""
Z: Final = 1.959963984540054
_STREAM: Final = b"evidence-pack paired bootstrap 1"
_OF_SHARES: Final = 1.0
"""A share of points differs from another by no more."""
_NEGLIGIBLE: Final = 2.0**-60

NO_PAIR: Final = Unavailable("no row of the one condition has its like in the other")
ALL_ALIKE: Final = Unavailable("no question came out differently, so there is nothing to test")


def paired(
    first: Sequence[PredictionRow], second: Sequence[PredictionRow], scorers: Sequence[str]
) -> dict[str, PairedRecord | Unavailable]:
    """What two conditions show of each scorer; unavailable where no row has a verdict in both."""
    found = matched(first, second)
    questions = [{normalised(row.prompt) for row in pair} for pair in found.pairs]
    return {name: _paired(found, questions, name) for name in scorers}


def _paired(
    found: Matched, questions: Sequence[set[str]], scorer: str
) -> PairedRecord | Unavailable:
    scored = [all(scorer in row.all_scores for row in pair) for pair in found.pairs]
    pairs = list(compress(found.pairs, scored))
    if not pairs:
        return Unavailable(f"no row has a verdict of {scorer} in both") if found.pairs else NO_PAIR
    groups = independent(list(compress(questions, scored)))
    values = [[pair[side].all_scores[scorer] for pair in pairs] for side in (0, 1)]
    are_shares = all(isinstance(one, bool) for side in values for one in side)
    sides = [question_means(groups, [float(one) for one in side]) for side in values]
    differences = [after - before for before, after in zip(*sides, strict=True)]
    count = len(differences)
    worse, better = (sum(sign * one > 0 for one in differences) for sign in (-1, 1))
    return PairedRecord(
        scorer=scorer,
        num_rows=len(pairs),
        num_questions=count,
        num_only_first=found.num_only_first,
        num_only_second=found.num_only_second,
        num_not_scored=len(found.pairs) - len(pairs),
        rates=(math.fsum(sides[0]) / count, math.fsum(sides[1]) / count),
        difference=math.fsum(differences) / count,
        interval=difference_interval(differences, _OF_SHARES if are_shares else math.inf),
        interval_method="paired-bootstrap" if count <= MAX_RESAMPLED else "normal",
        num_worse=worse,
        num_better=better,
        test="exact-mcnemar",
        p_value=exact_mcnemar(worse, better),
        smallest_p=smallest_p(count),
        are_shares=are_shares,
    )


def exact_mcnemar(num_worse: int, num_better: int) -> float | Unavailable:
    """Two-sided p-value: min(1, 2·P(X ≤ min(b, c))), X ~ binomial(b + c, 1/2).

    The largest term is the correctly rounded quotient of whole numbers, each further one follows
    from the one before, k/(m − k + 1) times; terms that no longer count are left out. Never 0.
    """
    total, fewer = num_worse + num_better, min(num_worse, num_better)
    if not total:
        return ALL_ALIKE
    terms = [math.comb(total, fewer) / (1 << total)]
    for k in range(fewer, 0, -1):
        terms.append(terms[-1] * k / (total - k + 1))
        if terms[-1] < terms[0] * _NEGLIGIBLE:
            break
    return max(min(1.0, 2 * math.fsum(terms)), sys.float_info.min)


def smallest_p(num_questions: int) -> float:
    """The smallest p-value that so many questions can give: 2^(1 − n)."""
    return max(math.ldexp(1.0, 1 - num_questions), sys.float_info.min)


def difference_interval(
    differences: Sequence[float], most: float = _OF_SHARES
) -> tuple[float, float] | Unavailable:
    """95 % interval of a mean of paired differences, one a question, in the order of the set.
    `most`: how far from 0 a difference can be."""
    if len(set(differences)) < 2:
        return Unavailable(
            "all questions differ by the same amount, so they do not show how much it varies"
            if any(differences)
            else "no question came out differently, so they do not show how much it varies"
        )
    return mean_interval(differences, most)


def mean_interval(values: Sequence[float], most: float = math.inf) -> tuple[float, float]:
    """95 % interval of a mean: the percentile bootstrap, and of more than MAX_RESAMPLED values the
    normal approximation, cut to ±`most`. Of at least one value."""
    if len(values) > MAX_RESAMPLED:
        return _normal(values, most)
    means = sorted(_resampled_means(values))
    return means[NUM_CUT - 1], means[-NUM_CUT]


def _resampled_means(differences: Sequence[float]) -> Iterator[float]:
    """Means of NUM_RESAMPLES draws of n questions with replacement.

    Draw number j takes question (w·n) >> 32, w the j-th 32-bit word of the stream, big-endian: each
    question is as likely as any other to within n/2^32.
    """
    count = len(differences)
    words = struct.Struct(f">{count}I")
    stream = shake_256(_STREAM).digest(words.size * NUM_RESAMPLES)
    for drawn in words.iter_unpack(stream):
        yield math.fsum([differences[word * count >> 32] for word in drawn]) / count


def _normal(values: Sequence[float], most: float) -> tuple[float, float]:
    count = len(values)
    mean = math.fsum(values) / count
    variance = math.fsum([(one - mean) * (one - mean) for one in values]) / (count - 1)
    spread = Z * math.sqrt(variance / count)
    return max(-most, mean - spread), min(most, mean + spread)
