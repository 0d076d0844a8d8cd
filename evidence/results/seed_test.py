"""The seed test: losses of a run against those of runs with other seeds. Pure.

Responsible for the test and for what makes runs comparable: the same configuration but for the
seed. A run that passes is not shown to be the same: with few seeds only large differences are seen.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.reproduction import SeedTestRecord, TierResult
from evidence.records.run import PredictionRow
from evidence.results.outcome_digest import outcome_content
from evidence.rules import scoring
from evidence.stages.eval import PREDICTIONS
from evidence.text import formatting

MIN_SEEDS: Final = 3
MAX_SEEDS: Final = 30
NAME: Final = "statistically-consistent"
NOT_TESTED: Final = f"not tested: that takes {MIN_SEEDS} or more runs with other seeds (--seeds 5)"

_MEASURES: Final = ("train.loss_end", "probe.loss_after")
_CRITICAL: Final = (
    63.657, 9.925, 5.841, 4.604, 4.032, 3.707, 3.499, 3.355, 3.250, 3.169,
    3.106, 3.055, 3.012, 2.977, 2.947, 2.921, 2.898, 2.878, 2.861, 2.845,
    2.831, 2.819, 2.807, 2.797, 2.787, 2.779, 2.771, 2.763, 2.756,
)  # fmt: skip
"""Student's t, two-sided 1 %, for 1 to 29 degrees of freedom (NIST/SEMATECH e-Handbook of
Statistical Methods, table 1.3.6.7.2)."""


def critical(num_seeds: int) -> float:
    """Up to which statistic a run is one of `num_seeds` + 1: exceeded by chance once in 100."""
    return _CRITICAL[num_seeds - 2]


def prediction_statistic(value: float, others: Sequence[float]) -> float | Unavailable:
    """|x − mean| / (s · √(1 + 1/n)): distance in standard errors of one further observation.

    Student's t with n − 1 degrees of freedom where all come from one normal distribution
    (Hahn and Meeker, Statistical Intervals, 1991, section 4.7).
    """
    mean, spread = statistics.fmean(others), statistics.stdev(others)
    if spread == 0.0:
        return 0.0 if value == mean else Unavailable("runs with other seeds do not differ in it")
    return abs(value - mean) / (spread * math.sqrt(1 + 1 / len(others)))


def seed_tests(original: Documents, others: Sequence[Documents]) -> tuple[SeedTestRecord, ...]:
    """A test for each loss that all of them have. Empty where the runs cannot be compared."""
    if not others or incomparable(original, others):
        return ()
    tests = []
    for name in _MEASURES:
        value, *values = (_value(one, name) for one in (original, *others))
        if value is not None and None not in values:
            tests.append(_test(name, value, [one for one in values if one is not None]))
    return tuple(tests)


def seed_tier(original: Documents, others: Sequence[Documents]) -> TierResult:
    """Every loss within what other seeds give, and their mean scores in the original's interval."""
    problem = incomparable(original, others) if others else NOT_TESTED
    if problem:
        return TierResult(NAME, False, problem)
    tests = seed_tests(original, others)
    if not tests:
        return TierResult(NAME, False, "not tested: there is no loss that all of the runs have")
    inconsistent = [test for test in tests if not test.consistent]
    if inconsistent:
        return TierResult(NAME, False, f"outside what other seeds give: {_sentence(inconsistent)}")
    for problem in _scores(original, others):
        return TierResult(NAME, False, problem)
    seeds = formatting.plural(len(others), "other seed")
    text = f"within what {seeds} give, at a level of 1 %: {_sentence(tests)}"
    return TierResult(NAME, True, text)


def incomparable(original: Documents, others: Sequence[Documents]) -> str:
    """Why these runs are no test of the original over seeds; empty where they are one."""
    if not MIN_SEEDS <= len(others) <= MAX_SEEDS:
        return f"not tested: {len(others)} runs with other seeds, {MIN_SEEDS} to {MAX_SEEDS} needed"
    plans = []
    for one in (original, *others):
        content = outcome_content(one)
        if isinstance(content, Unavailable):
            return f"not tested: a run has no outcome: {content.reason}"
        plans.append(content["plan"])
    if any(_without_seed(plan) != _without_seed(plans[0]) for plan in plans):
        return "not tested: a run differs in more than its seed"
    seeds = [plan["train"]["seed"] for plan in plans]
    if len(set(seeds)) < len(seeds):
        return "not tested: a seed was used twice"
    return ""


def seed_of(documents: Documents) -> int | None:
    """The seed that a run trained with; None for one without an outcome, or one training."""
    content = outcome_content(documents)
    plan = {} if isinstance(content, Unavailable) else content.get("plan", {})
    train = plan.get("train")  # a run with stages has one of each, and a program none
    return None if train is None else int(train["seed"])


def _without_seed(plan: Mapping[str, Any]) -> dict[str, Any]:
    return {**plan, "train": {**plan["train"], "seed": None}}


def _value(documents: Documents, name: str) -> float | None:
    record = None if documents.results is None else documents.results.values.get(name)
    value = None if record is None else record.value
    return float(value) if isinstance(value, (int, float)) else None


def _test(name: str, value: float, values: list[float]) -> SeedTestRecord:
    statistic, limit = prediction_statistic(value, values), critical(len(values))
    consistent = not isinstance(statistic, Unavailable) and statistic <= limit
    return SeedTestRecord(name, value, tuple(values), statistic, limit, consistent)


def _sentence(tests: Sequence[SeedTestRecord]) -> str:
    return "; ".join(map(_sentence_of_test, tests))


def _sentence_of_test(test: SeedTestRecord) -> str:
    value, mean = map(formatting.significant, (test.original, statistics.fmean(test.values)))
    if isinstance(test.statistic, Unavailable):
        return f"{test.measure} {value}, others {mean} ({test.statistic.reason})"
    spread = formatting.significant(statistics.stdev(test.values), 2)
    distance, limit = (formatting.significant(x, 3) for x in (test.statistic, test.limit))
    return f"{test.measure} {value}, others {mean} ± {spread} (t = {distance}, limit {limit})"


def _scores(original: Documents, others: Sequence[Documents]) -> list[str]:
    num_rows = len(original.rows(PREDICTIONS))
    problems = []
    for name in sorted({name for row in original.rows(PREDICTIONS) for name in row.scores}):
        rows = [row for one in others for row in one.rows(PREDICTIONS)]
        if not rows:
            return ["the runs with other seeds have no predictions"]
        low, high = scoring.wilson(_correct(original.rows(PREDICTIONS), name), num_rows)
        rate = _correct(rows, name) / len(rows)
        if not low <= rate <= high:
            shown = f"{formatting.percent(low)} to {formatting.percent(high)}"
            problems.append(
                f"the score {name} of other seeds is {formatting.percent(rate)}, outside the "
                f"original's interval {shown}"
            )
    return problems


def _correct(rows: Sequence[PredictionRow], name: str) -> int:
    return sum(row.scores.get(name, False) for row in rows)
