"""The steps of a training, as every backend that is ours takes and reports them.

Responsible for how many there are, for how rows are grouped, for the row of each step and for what
ends a training early. The steps themselves are computed by a backend.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from typing import Final

from evidence.encoding.codec import encode
from evidence.records.run import StepRow
from evidence.records.training import TrainSpec
from evidence.rules.arithmetic import epoch_after_step, steps_per_epoch, total_steps
from evidence.worker.interface import Emit, Job, StageFailure
from evidence.worker.recorder import Recorder

MAX_MERGED_ROWS: Final = 64
"""A step of more rows keeps its micro-batches: memory comes before speed."""
_NOTHING_TO_LEARN: Final = (
    "a step came to hold only rows that have no token that carries loss (rows {}, counted from 1): "
    "raise max_length, shorten their texts, or leave these rows out"
)
_MAX_ROWS_SHOWN: Final = 20


def num_steps_of(spec: TrainSpec, num_rows: int) -> int:
    """Optimizer steps of the whole training."""
    per_epoch = steps_per_epoch(num_rows, spec.batch_size, spec.gradient_accumulation)
    return total_steps(spec.epochs, per_epoch, spec.max_steps)


def grouping(spec: TrainSpec, *, may_merge: bool, processes: int = 1) -> tuple[int, int]:
    """Rows that go through the model at once, and forward passes of a step, of each process.

    Merging changes rounding alone, since the gradient is weighted by tokens either way; a model
    that drops out at random may not.
    """
    rows, accumulation = spec.batch_size, spec.gradient_accumulation // processes
    whole = rows * accumulation
    if spec.execution == "fast" and may_merge and whole <= MAX_MERGED_ROWS:
        return whole, 1
    return rows, accumulation


def nothing_to_learn(rows: Sequence[int]) -> StageFailure:
    """The failure of a step whose rows have no token that carries loss."""
    found = sorted(rows)
    more = len(found) - _MAX_ROWS_SHOWN
    said = ", ".join(str(row + 1) for row in found[:_MAX_ROWS_SHOWN])
    return StageFailure(
        "bad-data", _NOTHING_TO_LEARN.format(f"{said} and {more} more" if more > 0 else said)
    )


class StepLog:
    """Reports each step: a row to the supervisor, and now and then a line to the log."""

    def __init__(self, job: Job, emit: Emit, recorder: Recorder, num_rows: int) -> None:
        self._job, self._emit, self._recorder = job, emit, recorder
        self._num_rows = num_rows
        self._interval: list[float] = []
        self.started_s = time.monotonic()

    def report(
        self,
        step: int,
        loss: float,
        learning_rate: float,
        grad_norm: float | None,
        last: int,
        compile_s: float | None = None,
    ) -> None:
        """A step is done. Raises StageFailure where its numbers are none."""
        if not math.isfinite(loss):
            raise StageFailure("diverged", f"the loss of step {step} is {loss}")
        if grad_norm is not None and not math.isfinite(grad_norm):
            raise StageFailure("diverged", f"the gradient norm of step {step} is {grad_norm}")
        spec, counts = self._job.plan.train, self._recorder.end_step()
        row = StepRow(
            kind="step",
            stage=self._job.stage,
            segment=self._job.segment,
            step=step,
            epoch=epoch_after_step(
                step, self._num_rows, spec.batch_size, spec.gradient_accumulation
            ),
            loss=loss,
            learning_rate=learning_rate,
            grad_norm=grad_norm,
            num_rows=counts.num_rows,
            num_tokens=counts.num_tokens,
            num_fed_tokens=counts.num_fed_tokens,
            num_target_tokens=counts.num_target_tokens,
            elapsed_s=time.monotonic() - self.started_s,
            stream=counts.stream,
            compile_s=compile_s,
            packed=counts.packed,
        )
        self._emit("step", row=encode(row))
        self._say(row, last)

    def _say(self, row: StepRow, last: int) -> None:
        self._interval.append(row.loss)
        if row.step % self._job.plan.train.log_every_steps == 0 or row.step == last:
            mean = math.fsum(self._interval) / len(self._interval)
            self._interval.clear()
            print(
                f"step {row.step}/{last}  loss {mean!r}  learning_rate {row.learning_rate!r}  "
                f"epoch {row.epoch!r}"
            )
