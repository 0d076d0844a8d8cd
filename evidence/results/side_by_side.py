"""Two runs side by side: their common steps and their scores. Pure.

Responsible for the comparisons that the tiers of a reproduction and `compare` both rest on.
"""

from __future__ import annotations

from collections.abc import Sequence

from evidence.pack.documents import Documents
from evidence.records.comparison import TrajectoryRecord
from evidence.records.program import NotFinite
from evidence.records.record import Number, Record
from evidence.records.run import PredictionRow
from evidence.results.program import main_steps
from evidence.rules import scoring
from evidence.rules.closeness import WITHIN_A_FRAMEWORK, Tolerance, difference
from evidence.stages.command import PROGRAM_STEPS
from evidence.stages.train import STEPS
from evidence.text import formatting


class ComparedStep(Record):
    """A step of whatever was trained, as far as two of them can be compared."""

    step: int
    loss: Number | NotFinite | None
    stream: str | None
    """Digest of all rows so far; None where it is not known which they were."""
    elapsed_s: Number
    learning_rate: Number | None = None
    grad_norm: Number | NotFinite | None = None


def compared_steps(documents: Documents) -> tuple[ComparedStep, ...]:
    """The steps of our own training, or those of a recorded program that give its losses."""
    own = documents.rows(STEPS)
    if own:
        return tuple(
            ComparedStep(
                one.step, one.loss, one.stream, one.elapsed_s, one.learning_rate, one.grad_norm
            )
            for one in own
        )
    rows = main_steps(documents.rows(PROGRAM_STEPS))
    return tuple(
        ComparedStep(
            number, one.loss, None, one.elapsed_s, next(iter(one.learning_rates), None),
            one.grad_norm,
        )
        for number, one in enumerate(rows, 1)
    )  # fmt: skip


def trajectory(
    first: Sequence[ComparedStep],
    second: Sequence[ComparedStep],
    tolerance: Tolerance = WITHIN_A_FRAMEWORK,
) -> TrajectoryRecord:
    """Where two runs part: by the rows fed, by the losses, and by more than `tolerance`."""
    pairs = list(zip(first, second, strict=False))
    loss_differences = [difference(a.loss, b.loss) for a, b in pairs]
    return TrajectoryRecord(
        num_steps=(len(first), len(second)),
        num_common_steps=len(pairs),
        first_stream_step=_first(pairs, [a.stream != b.stream for a, b in pairs]),
        rows_are_known=all(a.stream is not None and b.stream is not None for a, b in pairs),
        first_loss_step=_first(pairs, [a.loss != b.loss for a, b in pairs]),
        first_step_beyond=_first(
            pairs,
            [
                value > tolerance.at(a.step)
                for (a, _), value in zip(pairs, loss_differences, strict=True)
            ],
        ),
        tolerance=tolerance.later_steps,
        first_tolerance=tolerance.first_step,
        largest_difference=max(loss_differences, default=None)
        if float("inf") not in loss_differences
        else None,
    )


def _first(pairs: list[tuple[ComparedStep, ComparedStep]], flags: list[bool]) -> int | None:
    return next((a.step for (a, _), flag in zip(pairs, flags, strict=True) if flag), None)


def score_problems(first: Sequence[PredictionRow], second: Sequence[PredictionRow]) -> list[str]:
    """Scores of the second that lie outside the first's Wilson interval."""
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
