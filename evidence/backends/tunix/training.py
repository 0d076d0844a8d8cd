"""The training stage with google-tunix's trainer.

Responsible for what is fed to it, for a row of each optimizer step, for checkpoints and for
stopping when asked to. Tunix counts each forward pass as a step; here a step is the optimizer's.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from tunix.models.gemma.model import Gemma
from tunix.sft.peft_trainer import PeftTrainer, TrainingConfig

from evidence.backends.memory import memory_named
from evidence.backends.row_order import rows_of_step
from evidence.backends.steps import StepLog, grouping, nothing_to_learn, num_steps_of
from evidence.backends.tunix import checkpoints
from evidence.backends.tunix.compiling import Compiling
from evidence.backends.tunix.environment import device_name, device_named, device_of
from evidence.backends.tunix.loss import step_loss
from evidence.backends.tunix.optimizer import NormState, RateState, find, optimizer
from evidence.backends.tunix.widths import padded, width_of, widths_for
from evidence.data.tokens import IGNORED, Example, num_targets
from evidence.encoding.codec import encode
from evidence.records.execution import ExecutionRecord, LossRecord
from evidence.records.training import TrainSpec
from evidence.rules.arithmetic import learning_rate_used, steps_per_epoch, warm_up
from evidence.worker.interface import Emit, Job, Stopped
from evidence.worker.recorder import FedRow, Recorder

Batch = Mapping[str, Any]


class Feed:
    """The forward passes of a training, in order, as arrays of few widths."""

    def __init__(
        self,
        spec: TrainSpec,
        execution: ExecutionRecord,
        examples: Sequence[Example],
        pad_id: int,
        recorder: Recorder,
    ) -> None:
        self._spec, self._execution = spec, execution
        self._examples, self._pad_id, self._recorder = examples, pad_id, recorder

    def step(self, step: int) -> Iterator[Batch]:
        """The forward passes of one optimizer step; each is recorded as it is handed out."""
        per_step = self._spec.batch_size * self._spec.gradient_accumulation
        order = rows_of_step(step, len(self._examples), per_step, self._spec.seed)
        rows = [self._examples[index] for index in order]
        count = sum(num_targets(row.labels) for row in rows)
        if not count:
            raise nothing_to_learn([row.source_row for row in rows])
        at_once = self._execution.rows_per_forward
        for start in range(0, len(rows), at_once):
            yield self._batch(rows[start : start + at_once], count)

    def _batch(self, rows: Sequence[Example], count: int) -> Batch:
        longest = max(len(row.ids) for row in rows)
        width = width_of(longest, self._execution.widths or ())
        fed = [FedRow(row.source_row, row.ids, row.labels) for row in rows]
        self._recorder.feed(fed, len(rows) * width)
        ids = [padded(row.ids, width, self._pad_id) for row in rows]
        labels = [padded(row.labels, width, IGNORED) for row in rows]
        return {
            "ids": np.array(ids, dtype=np.int32),
            "labels": np.array(labels, dtype=np.int32),
            "num_targets": np.float32(count),
        }


class StepTrainer(PeftTrainer):  # type: ignore[misc]  # Tunix ships no types
    """Tunix's trainer, which hands on what each forward pass gave."""

    on_forward: Any = None

    def jit_train_and_eval_step(self, skip_jit: bool = False, cache_nnx_graph: bool = False) -> Any:
        """The step as a program, which may write the new weights where the old ones are.

        Tunix's own keeps both, and compiles a step of evaluation too.
        """
        step = nnx.jit(self.create_train_step_fn(), donate_argnames=("model", "optimizer"))
        return partial(nnx.cached_partial(step, self.model, self.optimizer)), None

    def _post_process_train_step(self, aux: Any) -> None:
        self.on_forward(float(aux))

    def _buffer_metrics(self, *_: Any, **__: Any) -> None:
        """Our own rows are the metrics."""

    def _write_train_metrics(self) -> None:
        """Likewise."""


class Steps:
    """Optimizer steps: what to feed for each, and what to do after it."""

    def __init__(
        self,
        job: Job,
        emit: Emit,
        feed: Feed,
        log: StepLog,
        recorder: Recorder,
        compiling: Compiling,
    ) -> None:
        self._job, self._emit, self._feed, self._log = job, emit, feed, log
        self._recorder, self._compiling = recorder, compiling
        self.stop_asked = False
        self._losses: list[float] = []
        self._step = 0

    def run(self, trainer: StepTrainer, first: int, last: int) -> None:
        """Train from step `first` to step `last`."""
        self._trainer, self._last = trainer, last
        self._told_loss = False
        trainer.on_forward = self._losses.append
        self._compiling.take_s()
        trainer.train(self._batches(first))

    def _batches(self, first: int) -> Iterator[Batch]:
        """What the trainer asks for; it has taken a step in full once it asks for the next."""
        spec = self._job.plan.train
        warmup = warm_up(self._last, spec.warmup_steps, spec.warmup_ratio)
        for step in range(first, self._last + 1):
            rate = learning_rate_used(step, self._last, spec.learning_rate, spec.schedule, warmup)
            state = self._trainer.optimizer.opt_state
            find(state, RateState).rate[...] = jnp.asarray(rate, jnp.float32)
            for index, batch in enumerate(self._feed.step(step)):
                yield batch
                if index == 0 and step == first:
                    self._tell_loss(step, len(batch["ids"]))
            self._after(step, rate)

    def _tell_loss(self, step: int, num_rows: int) -> None:
        loss = self._losses[0]
        if np.isfinite(loss):
            self._emit("loss", **encode(LossRecord(step, num_rows, loss, None)))

    def _after(self, step: int, rate: float) -> None:
        norm = float(find(self._trainer.optimizer.opt_state, NormState).norm[...])
        loss = float(np.sum(np.array(self._losses, dtype=np.float32), dtype=np.float32))
        self._losses.clear()
        self._log.report(step, loss, rate, norm, self._last, self._compiling.take_s())
        every = self._job.plan.train.checkpoint_every_steps
        stops = self.stop_asked and step < self._last
        if stops or (every and step % every == 0 and step < self._last):
            self._save(step)
        if stops:
            self._emit("stopped", step=step)
            raise Stopped(f"after step {step}, as asked")

    def _save(self, step: int) -> None:
        folder = Path(self._job.scratch) / f"checkpoint-{step}"
        trainer = self._trainer
        recorded = checkpoints.save(folder, trainer.model, trainer.optimizer, self._recorder)
        self._emit("checkpoint", step=step, path=str(folder), stream=recorded["stream"])


def execution_of(job: Job, examples: Sequence[Example]) -> ExecutionRecord:
    """How rows go through the model, and on what."""
    spec, device = job.plan.train, device_of(job.plan)
    rows, accumulation = grouping(spec, may_merge=True)  # Gemma drops nothing
    longest = {
        max(len(examples[index].ids) for index in order[start : start + rows])
        for order in _orders(spec, len(examples))
        for start in range(0, len(order), rows)
    }
    return ExecutionRecord(
        execution=spec.execution or "as-written",
        rows_per_forward=rows,
        accumulation=accumulation,
        device=device_name(device),
        num_devices=1 if device.platform == "cpu" else jax.local_device_count(),
        widths=widths_for(longest),
    )


def _orders(spec: TrainSpec, num_rows: int) -> Iterator[tuple[int, ...]]:
    """The rows of every step of the training, whatever part of it this process does."""
    per_step = spec.batch_size * spec.gradient_accumulation
    for step in range(1, num_steps_of(spec, num_rows) + 1):
        yield rows_of_step(step, num_rows, per_step, spec.seed)


def accumulating(
    inner: optax.GradientTransformation, spec: TrainSpec, accumulation: int, num_rows: int
) -> optax.GradientTransformation:
    """The optimizer after so many forward passes, whose gradients are added up as PyTorch does.

    Tunix would take their mean, and the last group of an epoch, which may be shorter, for a part of
    the next epoch's first.
    """
    if accumulation == 1:
        return inner
    per_epoch = steps_per_epoch(num_rows, spec.batch_size, spec.gradient_accumulation)
    last = -(-num_rows // spec.batch_size) - (per_epoch - 1) * accumulation

    def num_forward(done: Any) -> Any:
        return jnp.where((done + 1) % per_epoch == 0, last, accumulation)

    return optax.MultiSteps(
        inner, num_forward, use_grad_mean=False, accumulator_dtype=jnp.dtype(spec.dtype)
    ).gradient_transformation()


def train(
    job: Job,
    model: Gemma,
    pad_id: int,
    examples: Sequence[Example],
    recorder: Recorder,
    emit: Emit,
    compiling: Compiling,
) -> dict[str, Any]:
    """Train to the end. Returns runtime_s, of the loop alone, and the number of optimizer steps.

    Raises Stopped after a checkpoint when SIGTERM asked for it.
    """
    spec, num_steps = job.plan.train, num_steps_of(job.plan.train, len(examples))
    done = 0
    if job.resume is not None:
        state = checkpoints.recorder_state(Path(job.resume))
        recorder.restore(state)
        done = int(state["step"]) - 1
    emit(
        "schedule",
        num_rows=len(examples),
        num_steps=num_steps,
        steps_per_epoch=steps_per_epoch(len(examples), spec.batch_size, spec.gradient_accumulation),
        resumed_from_step=done,
    )
    execution = execution_of(job, examples)
    emit("execution", **encode(execution))
    feed = Feed(spec, execution, examples, pad_id, recorder)
    log = StepLog(job, emit, recorder, len(examples))
    steps = Steps(job, emit, feed, log, recorder, compiling)
    signal.signal(signal.SIGTERM, lambda *_: setattr(steps, "stop_asked", True))
    began_s = log.started_s = time.monotonic()
    with memory_named(spec, execution), device_named(job.plan):
        inner = optimizer(spec, model.config)
        chained = accumulating(inner, spec, execution.accumulation, len(examples))
        trainer = StepTrainer(model, chained, TrainingConfig(eval_every_n_steps=num_steps + 1))
        trainer.with_loss_fn(step_loss, has_aux=True)
        if job.resume is not None:
            checkpoints.restore(Path(job.resume), model, trainer.optimizer)
        before = num_updates(trainer)
        steps.run(trainer, done + 1, num_steps)
    return {
        "runtime_s": time.monotonic() - began_s,
        "num_optimizer_steps": num_updates(trainer) - before,
    }


def num_updates(trainer: StepTrainer) -> int:
    """How often the weights were updated. Flax counts every forward pass as a step."""
    state = trainer.optimizer.opt_state
    if isinstance(state, optax.MultiStepsState):
        return int(state.gradient_step[...])
    return int(nnx.as_pure(trainer.optimizer.step))
