"""The reproduction tiers that a second run reaches, each with its reason. Pure.

Responsible for the condition of each tier; `reproduce` makes the second run, and `verify`
recomputes what an attached reproduction claims.

Every tier is judged by its own condition. Only bitwise implies the milder ones: the same row stream
says nothing about losses (another learning rate leaves it as it is). Runs of two frameworks have a
tier of their own (`other_framework`), which nothing implies. The seed test
(`seed_test`) is made where there are runs with other seeds, also of a run that is close.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import TrajectoryRecord
from evidence.records.program import NotFinite
from evidence.records.reproduction import TierName, TierResult, VerdictName
from evidence.results.computed import machine_name
from evidence.results.other_framework import NAME as OTHER_FRAMEWORK
from evidence.results.other_framework import other_framework_tier, tiers_of
from evidence.results.outcome_digest import outcome_content
from evidence.results.program import metrics_of
from evidence.results.seed_test import NAME as OVER_SEEDS
from evidence.results.seed_test import seed_tier
from evidence.results.side_by_side import compared_steps, score_problems, trajectory
from evidence.rules.closeness import WITHIN_A_FRAMEWORK, difference
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import STEPS
from evidence.text import formatting

MIN_CLOCKS: Final = 5
"""Different times of steps that two packs must share to be one run."""
ONE_RUN: Final = "its steps took the same time to the last digit: it is the same run, not a second"

_PARTS: Final = {
    "plan": "the configuration",
    "stream": "the row stream",
    "losses": "the losses",
    "learning_rates": "the learning rates",
    "weights": "the final weights",
    "metrics": "the numbers in files",
    "predictions": "the predictions",
}
_OF_THEIR_OWN: Final = ("bitwise", OTHER_FRAMEWORK)
_ROWS_NOT_KNOWN: Final = "which rows each step of a recorded program was fed is not known"


def reached_tiers(
    original: Documents, other: Documents, seeds: Sequence[Documents] = ()
) -> tuple[TierResult, ...]:
    """Every tier with its reason, from the strictest to the mildest.

    `seeds` are runs of the original's configuration with other seeds.
    """
    names = tiers_of(original, other)
    first, second = outcome_content(original), outcome_content(other)
    for content, which in ((first, "original"), (second, "reproduction")):
        if isinstance(content, Unavailable):
            reason = f"the {which} has no outcome: {content.reason}"
            return tuple(TierResult(name, False, reason) for name in names)
    if are_one_run(original, other):
        return tuple(TierResult(name, False, ONE_RUN) for name in names)
    bitwise = _bitwise(first, second)
    own = [other_framework_tier(original, other)] if OTHER_FRAMEWORK in names else []
    if bitwise.reached:
        same = "implied: the outcomes are equal bit for bit"
        implied = [TierResult(name, True, same) for name in names if name not in _OF_THEIR_OWN]
        tested = seed_tier(original, seeds)
        milder = (tested if seeds and one.name == OVER_SEEDS else one for one in implied)
        return (bitwise, *own, *milder)
    over_seeds = seed_tier(original, seeds)
    return (bitwise, *own, _same_stream(original, other), _close(original, other), over_seeds)


def are_one_run(first: Documents, second: Documents) -> bool:
    """Whether two packs tell of one run: no second one takes the same time to the last digit.

    Most steps decide, so that a few changed ones hide nothing. A clock of few ticks may well say
    the same of a handful of steps.
    """
    rows, others = compared_steps(first), compared_steps(second)
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


def _bitwise(first: Any, second: Any) -> TierResult:
    differing = [words for key, words in _PARTS.items() if first.get(key) != second.get(key)]
    if not differing:
        return TierResult("bitwise", True, "the outcome digests are equal")
    *most, last = differing
    named = f"{', '.join(most)} and {last}" if most else last
    return TierResult("bitwise", False, f"the outcome digests differ, namely in {named}")


def _same_stream(original: Documents, other: Documents) -> TierResult:
    path = trajectory(compared_steps(original), compared_steps(other))
    name: TierName = "same-stream"
    if not path.rows_are_known:
        return TierResult(name, False, _ROWS_NOT_KNOWN)
    if path.first_stream_step is not None:
        reason = f"other rows were fed from step {formatting.count(path.first_stream_step)} on"
        return TierResult(name, False, reason)
    if path.num_steps[0] != path.num_steps[1]:
        return TierResult(name, False, _other_length(path))
    reason = f"the same rows in the same order in all {_steps(path.num_common_steps)}"
    return TierResult(name, True, reason)


def _close(original: Documents, other: Documents) -> TierResult:
    path = trajectory(compared_steps(original), compared_steps(other))
    name: TierName = "numerically-close"
    share = formatting.shortest(path.tolerance)
    if path.first_step_beyond is not None:
        step = formatting.count(path.first_step_beyond)
        row = path.first_step_beyond - 1
        losses = (compared_steps(original)[row].loss, compared_steps(other)[row].loss)
        shown = " and ".join(map(_shown, losses))
        reason = f"the losses leave the tolerance of {share} (relative) at step {step}: {shown}"
        return TierResult(name, False, reason)
    if path.num_steps[0] != path.num_steps[1]:
        return TierResult(name, False, _other_length(path))
    for problem in (
        *score_problems(original.rows(PREDICTIONS), other.rows(PREDICTIONS)),
        *_metrics(original, other),
    ):
        return TierResult(name, False, problem)
    largest = formatting.significant(path.largest_difference or 0.0, 2)
    and_what = (
        "every score lies in the original's Wilson interval"
        if original.rows(STEPS)
        else "so is every number that the milestone takes from a file"
    )
    reason = f"every step's loss is within {share} (relative; at most {largest}), and {and_what}"
    return TierResult(name, True, reason)


def _shown(loss: float | NotFinite | None) -> str:
    if loss is None:
        return "none"
    return loss if isinstance(loss, str) else formatting.significant(loss)


def _metrics(original: Documents, other: Documents) -> list[str]:
    """Numbers in files that are no longer close."""
    before, after = (metrics_of(one) for one in (original, other))
    share = formatting.shortest(WITHIN_A_FRAMEWORK.later_steps)
    return [
        f"the number {name} is {_shown(after.get(name))}, and was {_shown(before.get(name))}: not "
        f"within {share} (relative)"
        for name in sorted(before.keys() | after.keys())
        if difference(before.get(name), after.get(name)) > WITHIN_A_FRAMEWORK.later_steps
    ]


def _other_length(path: TrajectoryRecord) -> str:
    return f"{_steps(path.num_steps[0])} in the original, {formatting.count(path.num_steps[1])} now"


def _steps(number: int) -> str:
    return formatting.plural(number, "step")
