"""The tier "same data and start, other framework": its condition, with the reason either way. Pure.

It says that two independent implementations computed the same training, to rounding. It does not
say that either is right, nor that their final weights are equal.
"""

from __future__ import annotations

from typing import Final

from evidence.pack.documents import Documents
from evidence.records.reproduction import TIERS, TierName, TierResult
from evidence.records.run import AttemptPlan
from evidence.results.conditions import (
    DATA,
    RATES,
    ROWS,
    SETTINGS,
    START,
    TOKENIZER,
    conditions,
)
from evidence.results.context import Context
from evidence.results.framework import are_of_two_frameworks, framework_of
from evidence.results.side_by_side import compared_steps, score_problems, trajectory
from evidence.rules.closeness import ACROSS_FRAMEWORKS
from evidence.stages.eval import PREDICTIONS
from evidence.text import formatting

NAME: Final[TierName] = "other-framework"
_SAME: Final = (START, TOKENIZER, ROWS, RATES, *(f"train.{key}" for key, _ in SETTINGS))


def tiers_of(original: Documents, other: Documents) -> tuple[TierName, ...]:
    """Every tier that two runs can be asked for: this one only where they are of two frameworks."""
    if are_of_two_frameworks(original, other):
        return TIERS
    return tuple(name for name in TIERS if name != NAME)


def other_framework_tier(original: Documents, other: Documents) -> TierResult:
    """Of two runs of two frameworks that both completed."""
    plans = [Context(one).plan for one in (original, other)]
    if plans[0] is None or plans[1] is None:
        return TierResult(NAME, False, "not both have an attempt that completed")
    problem = _condition(original, other, (plans[0], plans[1])) or _apart(original, other)
    if problem:
        return TierResult(NAME, False, problem)
    for problem in score_problems(original.rows(PREDICTIONS), other.rows(PREDICTIONS)):
        return TierResult(NAME, False, problem)
    steps = compared_steps(original), compared_steps(other)
    path = trajectory(*steps, ACROSS_FRAMEWORKS)
    first = trajectory(steps[0][:1], steps[1][:1], ACROSS_FRAMEWORKS)
    reason = (
        f"{framework_of(original)} and {framework_of(other)}, from the same weights, fed the same "
        f"rows: the loss of step 1 is within {_rel(ACROSS_FRAMEWORKS.first_step)} (relative; "
        f"{_rel(first.largest_difference or 0.0)}), every step's within "
        f"{_rel(ACROSS_FRAMEWORKS.later_steps)} (at most {_rel(path.largest_difference or 0.0)}), "
        "and every score lies in the original's Wilson interval"
    )
    return TierResult(NAME, True, reason)


def _condition(
    original: Documents, other: Documents, plans: tuple[AttemptPlan, AttemptPlan]
) -> str:
    """The first condition that is not known to be the same; empty where all are."""
    for one in conditions(original, other, plans):
        if one.name not in _SAME and not one.name.startswith(DATA):
            continue
        if one.outcome == "not-checked":
            return f"whether they have the same {one.title} is not checked: {one.reason}"
        if one.outcome == "differs":
            return f"they have not the same {one.title}: {one.reason}"
    return ""


def _apart(original: Documents, other: Documents) -> str:
    """Where they leave the tolerance, or are not as long; empty where neither is so."""
    steps = compared_steps(original), compared_steps(other)
    path = trajectory(*steps, ACROSS_FRAMEWORKS)
    beyond = path.first_step_beyond
    if beyond is not None:
        share = _rel(ACROSS_FRAMEWORKS.at(beyond))
        losses = " and ".join(
            formatting.significant(one, 8) if isinstance(one, (int, float)) else str(one)
            for one in (side[beyond - 1].loss for side in steps)
        )
        step = formatting.count(beyond)
        return f"the losses leave the tolerance of {share} (relative) at step {step}: {losses}"
    if path.num_steps[0] != path.num_steps[1]:
        now = formatting.count(path.num_steps[1])
        return f"{formatting.plural(path.num_steps[0], 'step')} in the original, {now} now"
    return ""


def _rel(value: float) -> str:
    return formatting.significant(value, 2)
