"""The common steps of two runs side by side, and which of them a reader needs. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence.pack.documents import Documents
from evidence.records.comparison import StepDifference
from evidence.results.framework import are_of_two_frameworks
from evidence.results.side_by_side import ComparedStep
from evidence.rules.closeness import (
    ACROSS_FRAMEWORKS,
    WITHIN_A_FRAMEWORK,
    Tolerance,
    finite_difference,
)

FIRST_SHOWN: Final = 3


def tolerance_for(first: Documents, other: Documents, stated: float | None) -> Tolerance:
    """What the user stated, for every step; else that of one framework or of two."""
    if stated is not None:
        return Tolerance(stated, stated)
    return ACROSS_FRAMEWORKS if are_of_two_frameworks(first, other) else WITHIN_A_FRAMEWORK


def step_differences(
    first: Sequence[ComparedStep], other: Sequence[ComparedStep]
) -> tuple[StepDifference, ...]:
    """Every common step: loss, gradient norm and learning rate of both."""
    return tuple(
        StepDifference(
            step=a.step,
            losses=(a.loss, b.loss),
            loss_difference=finite_difference(a.loss, b.loss),
            grad_norms=(a.grad_norm, b.grad_norm),
            grad_norm_difference=finite_difference(a.grad_norm, b.grad_norm),
            learning_rates=(a.learning_rate, b.learning_rate),
            learning_rate_difference=finite_difference(a.learning_rate, b.learning_rate),
        )
        for a, b in zip(first, other, strict=False)
    )


def folded(steps: Sequence[StepDifference], beyond: int | None) -> list[tuple[StepDifference, str]]:
    """The rows that a reader needs, in order, each with why: the first ones, the first past the
    tolerance, the largest differences, the last."""
    if not steps:
        return []
    why: dict[int, list[str]] = {place: [] for place in range(min(FIRST_SHOWN, len(steps)))}
    for place, step in enumerate(steps):
        if step.step == beyond:
            why.setdefault(place, []).append("the first past the tolerance")
    for name, found in (
        ("loss", [one.loss_difference for one in steps]),
        ("gradient norm", [one.grad_norm_difference for one in steps]),
    ):
        known = [value for value in found if value]
        if known:
            why.setdefault(found.index(max(known)), []).append(f"the largest of the {name}")
    why.setdefault(len(steps) - 1, []).append("the last")
    return [(steps[place], ", ".join(why[place])) for place in sorted(why)]
