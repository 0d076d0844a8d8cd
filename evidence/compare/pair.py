"""Two packs with all that was found out about them: what the reasons of a difference are read from.

Responsible for gathering; what follows from it is said in `reasons`. Pure.
"""

from __future__ import annotations

from functools import cached_property

from evidence.compare.configuration import plan_of
from evidence.compare.logits import compare_logits
from evidence.compare.predictions import compare_predictions
from evidence.compare.steps import step_differences, tolerance_for
from evidence.compare.tensors import compare_weights
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import (
    ConditionRecord,
    LogitsComparison,
    PredictionsRecord,
    StepDifference,
    TrajectoryRecord,
    WeightsComparison,
)
from evidence.records.record import Record
from evidence.records.training import number_format
from evidence.results.conditions import FURTHER, ROWS, SETTINGS, conditions
from evidence.results.context import Context
from evidence.results.side_by_side import compared_steps, trajectory
from evidence.stages.eval import PREDICTIONS


class Pair(Record, dict=True):
    """The first pack and another one."""

    first: Documents
    other: Documents
    stated_tolerance: float | None = None

    @cached_property
    def conditions(self) -> dict[str, ConditionRecord]:
        """By name."""
        plans = (plan_of(self.first), plan_of(self.other))
        return {one.name: one for one in conditions(self.first, self.other, plans)}

    @cached_property
    def trajectory(self) -> TrajectoryRecord:
        """Where they part."""
        tolerance = tolerance_for(self.first, self.other, self.stated_tolerance)
        return trajectory(compared_steps(self.first), compared_steps(self.other), tolerance)

    @cached_property
    def steps(self) -> tuple[StepDifference, ...]:
        """Their common steps."""
        return step_differences(compared_steps(self.first), compared_steps(self.other))

    @cached_property
    def logits(self) -> LogitsComparison | Unavailable:
        """Of the final models."""
        return compare_logits(self.first, self.other)

    @cached_property
    def predictions(self) -> PredictionsRecord:
        """By prompt; none where one of them was not evaluated to its end."""
        if self.unfinished:
            return compare_predictions((), ())
        return compare_predictions(self.first.rows(PREDICTIONS), self.other.rows(PREDICTIONS))

    @cached_property
    def unfinished(self) -> tuple[str, ...]:
        """Which of them has no attempt that completed: what came out of it is not known."""
        sides = (("first", self.first), ("other", self.other))
        return tuple(which for which, one in sides if Context(one).plan is None)

    @cached_property
    def weights(self) -> WeightsComparison | Unavailable:
        """By tensor."""
        return compare_weights(self.first, self.other)

    def is_same(self, *names: str) -> bool:
        """Whether all of these conditions are known to be the same."""
        found = [self.conditions.get(name) for name in names]
        return all(one is not None and one.outcome == "same" for one in found)

    def differs(self, name: str) -> bool:
        """Whether it is known to differ."""
        found = self.conditions.get(name)
        return found is not None and found.outcome == "differs"

    @cached_property
    def same_settings(self) -> bool:
        """Whether both state the same of every step."""
        return self.is_same(*(f"train.{key}" for key, _ in SETTINGS)) and not any(
            self.differs(f"train.{key}") for key in FURTHER
        )

    @cached_property
    def steps_of_same_rows(self) -> tuple[StepDifference, ...]:
        """The common steps before the rows part; none where it is not known which they were."""
        if self.is_same(ROWS):
            return self.steps
        parted = self.trajectory.first_stream_step
        if parted is None or not self.trajectory.rows_are_known:
            return ()
        return tuple(one for one in self.steps if one.step < parted)

    @cached_property
    def dtype(self) -> str:
        """The number format that the steps of both round in; empty where they state two, or
        none."""
        if not self.is_same("train.dtype") or self.differs("train.mixed_precision"):
            return ""
        mixed = self.conditions.get("train.mixed_precision")
        stated = str(self.conditions["train.dtype"].values[0])
        return number_format(stated, "no" if mixed is None else str(mixed.values[0]))
