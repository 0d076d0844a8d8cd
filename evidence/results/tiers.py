"""The reproduction tiers that a second run reaches, each with its reason. Pure.

Responsible for the condition of each tier; `reproduce` makes the second run, and `verify`
recomputes what an attached reproduction claims.

Every tier is judged by its own condition. Only bitwise implies the others: the same row stream
says nothing about losses (another learning rate leaves it as it is). The seed test
(`seed_test`) is made where there are runs with other seeds, also of a run that is close.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import TrajectoryRecord
from evidence.records.reproduction import TIERS, TierName, TierResult, VerdictName
from evidence.records.run import PredictionRow, StepRow
from evidence.results.computed import machine_name
from evidence.results.outcome_digest import outcome_content
from evidence.results.seed_test import NAME as OVER_SEEDS
from evidence.results.seed_test import seed_tier
from evidence.rules import scoring
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import STEPS
from evidence.text import formatting

TOLERANCE: Final = 1e-3
"""Relative difference of a step's loss that still counts as close: float32 sums in another order
stay far below it for a few hundred steps, another seed or rate leaves it within a few."""

MIN_CLOCKS: Final = 5
"""Different times of steps that two packs must share to be one run."""
ONE_RUN: Final = "its steps took the same time to the last digit: it is the same run, not a second"

_PARTS: Final = {
    "plan": "the configuration",
    "stream": "the row stream",
    "losses": "the losses",
    "learning_rates": "the learning rates",
    "weights": "the final weights",
    "predictions": "the predictions",
}


def reached_tiers(
    original: Documents, other: Documents, seeds: Sequence[Documents] = ()
) -> tuple[TierResult, ...]:
    """Every tier with its reason, from the strictest to the mildest.

    `seeds` are runs of the original's configuration with other seeds.
    """
    first, second = outcome_content(original), outcome_content(other)
    for content, which in ((first, "original"), (second, "reproduction")):
        if isinstance(content, Unavailable):
            reason = f"the {which} has no outcome: {content.reason}"
            return tuple(TierResult(name, False, reason) for name in TIERS)
    if are_one_run(original, other):
        return tuple(TierResult(name, False, ONE_RUN) for name in TIERS)
    bitwise = _bitwise(first, second)
    if bitwise.reached:
        same = "implied: the outcomes are equal bit for bit"
        implied = [TierResult(name, True, same) for name in TIERS[1:]]
        tested = seed_tier(original, seeds)
        return (bitwise, *(tested if seeds and one.name == OVER_SEEDS else one for one in implied))
    over_seeds = seed_tier(original, seeds)
    return (bitwise, _same_stream(original, other), _close(original, other), over_seeds)


def are_one_run(first: Documents, second: Documents) -> bool:
    """Whether two packs tell of one run: no second one takes the same time to the last digit.

    Most steps decide, so that a few changed ones hide nothing. A clock of few ticks may well say
    the same of a handful of steps.
    """
    rows, others = first.rows(STEPS), second.rows(STEPS)
    pairs = zip(rows, others, strict=False)
    equal = [a.elapsed_s for a, b in pairs if a.elapsed_s == b.elapsed_s]
    return len(set(equal)) >= MIN_CLOCKS and 2 * len(equal) > max(len(rows), len(others))


def strictest_tier(tiers: Sequence[TierResult]) -> VerdictName:
    """The strictest tier that is reached, else `different`."""
    return next((tier.name for tier in tiers if tier.reached), "different")


def when_and_where(documents: Documents) -> tuple[str, str]:
    """When a run ended and what it ran on, as a claim of having reproduced another says it."""
    results = documents.results
    finished = None if results is None else results.values["run.finished_utc"].value
    return str(finished), machine_name(documents)


def trajectory(
    first: Sequence[StepRow], second: Sequence[StepRow], tolerance: float = TOLERANCE
) -> TrajectoryRecord:
    """Where two runs part: by the rows fed, by the losses, and by more than `tolerance`."""
    pairs = list(zip(first, second, strict=False))
    loss_differences = [difference(a.loss, b.loss) for a, b in pairs]
    return TrajectoryRecord(
        num_steps=(len(first), len(second)),
        num_common_steps=len(pairs),
        first_stream_step=_first(pairs, [a.stream != b.stream for a, b in pairs]),
        first_loss_step=_first(pairs, [a.loss != b.loss for a, b in pairs]),
        first_step_beyond=_first(pairs, [value > tolerance for value in loss_differences]),
        tolerance=tolerance,
        largest_difference=max(loss_differences, default=None)
        if float("inf") not in loss_differences
        else None,
    )


def difference(reference: float, value: float) -> float:
    """|value − reference| / |reference|; infinite where only the reference is zero."""
    if value == reference:
        return 0.0
    return abs(value - reference) / abs(reference) if reference else float("inf")


def _first(pairs: list[tuple[StepRow, StepRow]], flags: list[bool]) -> int | None:
    return next((a.step for (a, _), flag in zip(pairs, flags, strict=True) if flag), None)


def _bitwise(first: Any, second: Any) -> TierResult:
    differing = [words for key, words in _PARTS.items() if first[key] != second[key]]
    if not differing:
        return TierResult("bitwise", True, "the outcome digests are equal")
    *most, last = differing
    named = f"{', '.join(most)} and {last}" if most else last
    return TierResult("bitwise", False, f"the outcome digests differ, namely in {named}")


def _same_stream(original: Documents, other: Documents) -> TierResult:
    path = trajectory(original.rows(STEPS), other.rows(STEPS))
    name: TierName = "same-stream"
    if path.first_stream_step is not None:
        reason = f"other rows were fed from step {formatting.count(path.first_stream_step)} on"
        return TierResult(name, False, reason)
    if path.num_steps[0] != path.num_steps[1]:
        return TierResult(name, False, _other_length(path))
    reason = f"the same rows in the same order in all {_steps(path.num_common_steps)}"
    return TierResult(name, True, reason)


def _close(original: Documents, other: Documents) -> TierResult:
    path = trajectory(original.rows(STEPS), other.rows(STEPS))
    name: TierName = "numerically-close"
    share = formatting.shortest(path.tolerance)
    if path.first_step_beyond is not None:
        step = formatting.count(path.first_step_beyond)
        row = path.first_step_beyond - 1
        losses = (original.rows(STEPS)[row].loss, other.rows(STEPS)[row].loss)
        shown = " and ".join(formatting.significant(loss) for loss in losses)
        reason = f"the losses leave the tolerance of {share} (relative) at step {step}: {shown}"
        return TierResult(name, False, reason)
    if path.num_steps[0] != path.num_steps[1]:
        return TierResult(name, False, _other_length(path))
    for problem in _scores(original.rows(PREDICTIONS), other.rows(PREDICTIONS)):
        return TierResult(name, False, problem)
    largest = formatting.significant(path.largest_difference or 0.0, 2)
    reason = (
        f"every step's loss is within {share} (relative; at most {largest}), and every score lies "
        "in the original's Wilson interval"
    )
    return TierResult(name, True, reason)


def _other_length(path: TrajectoryRecord) -> str:
    return f"{_steps(path.num_steps[0])} in the original, {formatting.count(path.num_steps[1])} now"


def _steps(number: int) -> str:
    return formatting.plural(number, "step")


def _scores(first: Sequence[PredictionRow], second: Sequence[PredictionRow]) -> list[str]:
    if len(first) != len(second):
        return [f"{len(first)} predictions in the original, {len(second)} now"]
    problems = []
    for name in sorted({name for row in (*first, *second) for name in row.scores}):
        before, after = (
            sum(row.scores.get(name, False) for row in rows) for rows in (first, second)
        )
        low, high = scoring.wilson(before, len(first))
        if not low <= after / len(second) <= high:
            shown = f"{formatting.percent(low)} to {formatting.percent(high)}"
            rate = formatting.percent(after / len(second))
            problems.append(f"the score {name} is {rate}, outside the original's interval {shown}")
    return problems
