"""The training stage with the transformers Trainer.

Responsible for Trainer arguments, one full-precision row per optimizer step, checkpoints and the
final model. What is recorded of the batches is `recorder`'s.
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import torch
from msgspec.structs import replace
from torch.utils.data import DataLoader
from transformers import PrinterCallback, TrainerCallback

from evidence.backends.memory import memory_named
from evidence.backends.steps import StepLog, grouping, nothing_to_learn, num_steps_of
from evidence.backends.transformers.arguments import arguments_of, extra_named
from evidence.backends.transformers.batches import ExampleDataset, collate, in_batches
from evidence.backends.transformers.devices import device_of
from evidence.backends.transformers.loss import (
    Compared,
    compare_losses,
    num_targets_of,
    token_loss,
)
from evidence.backends.transformers.packing import collate_packed, refuse_crossing, rows_of
from evidence.backends.transformers.ranks import Ranks
from evidence.backends.transformers.shared_steps import (
    FILLER,
    Feed,
    OwnLoader,
    OwnRows,
)
from evidence.backends.transformers.validation import Validation
from evidence.backends.transformers.whole_checkpoints import WholeCheckpoints
from evidence.data.tokens import Example
from evidence.data.validation import set_record
from evidence.encoding.codec import encode
from evidence.records.execution import ExecutionRecord, LossRecord
from evidence.records.training import TrainSpec
from evidence.rules.arithmetic import steps_per_epoch
from evidence.worker.interface import Emit, Job, StageFailure, Stopped
from evidence.worker.recorder import STATE_FILE, FedRow, Recorder

_REPEATS: Final = (
    "{} holds each prediction against the very token that it has just read, not against the next "
    "one: it is half of an encoder-decoder, and such a loss teaches nothing that helps to "
    "generate. Take a model that is made to predict the next token"
)


class RecordingTrainer(WholeCheckpoints):
    """The Trainer, with the recorder where batches enter the model, and with our loss."""

    feed: Feed
    ranks: Ranks
    own_rows: OwnRows
    emit: Emit
    compared = False
    extra: Mapping[str, Any] = MappingProxyType({})

    def create_optimizer(self, *args: Any, **kwargs: Any) -> Any:
        """The optimizer; what a milestone adds to it is named where it cannot be made."""
        with extra_named(self.extra, "optim_args", "optim_target_modules"):
            return super().create_optimizer(*args, **kwargs)

    def create_scheduler(self, *args: Any, **kwargs: Any) -> Any:
        """The schedule, likewise."""
        with extra_named(self.extra, "lr_scheduler_kwargs"):
            return super().create_scheduler(*args, **kwargs)

    def get_train_dataloader(self) -> DataLoader[Any]:
        """The rows of this process."""
        if not self.ranks.several:
            loader: DataLoader[Any] = super().get_train_dataloader()
            return loader
        return OwnLoader(
            self.train_dataset,
            batch_sampler=self.own_rows,
            collate_fn=self.data_collator,
            pin_memory=self.args.dataloader_pin_memory,
        )

    def get_batch_samples(self, *args: Any, **kwargs: Any) -> tuple[list[Any], Any]:
        """The forward passes of a step, and how many tokens of it carry loss in all processes."""
        batches, _ = super().get_batch_samples(*args, **kwargs)
        if not batches:
            return batches, None
        own = num_targets_of([batch["labels"] for batch in batches])
        num_items = torch.tensor(self.ranks.total(int(own))) if self.ranks.several else own
        if not num_items:
            own_rows = [row for one in batches for row in one["source_row"].tolist()]
            every = [row for rows in self.ranks.every(own_rows) for row in rows if row != FILLER]
            raise nothing_to_learn(every)
        return batches, num_items.to(self.args.device)

    def training_step(
        self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None
    ) -> Any:
        """Record the batch, then train on it as the Trainer does."""
        fed = _fed(inputs)
        self.feed.feed(fed, inputs["input_ids"].numel())
        if not self.compared:
            self.compared = True
            self._compare(inputs, num_items_in_batch, len(fed))
        return super().training_step(model, inputs, num_items_in_batch)

    def _compare(self, inputs: dict[str, Any], num_items: Any, num_rows: int) -> None:
        """Say what the model's class takes for the loss of the first rows that are fed, in the
        first pass of every process. The model is asked without what DDP puts around it."""
        model, takes_count = self.model, self.model_accepts_loss_kwargs
        extra = {"num_items_in_batch": num_items} if takes_count else {}
        own = Compared(0.0, 0.0, False)
        if num_rows or self.is_divided:  # each layer is put together by all, or by none
            fed = self._prepare_inputs(dict(inputs))
            found = compare_losses(model, fed, num_items, extra, is_mixed=bool(self.args.bf16))
            own = found if num_rows else own
        every = self.ranks.every((num_rows, own))
        found = _together([one for _, one in every])
        if found.repeats:
            raise StageFailure("requirement-not-met", _REPEATS.format(type(model).__name__))
        if not math.isfinite(found.ours):
            return  # the step itself ends the run, with its reason
        step, rows = int(self.state.global_step) + 1, sum(count for count, _ in every)
        self.emit("loss", **encode(LossRecord(step, rows, found.ours, found.framework)))
        if found.is_another:
            self.emit(
                "warning",
                message=f"{type(model).__name__} has a loss of its own ({found.framework!r} where "
                f"the mean over the step's target tokens gives {found.ours!r}): that mean is used",
            )


def _fed(inputs: dict[str, Any]) -> list[FedRow]:
    """The rows of a batch, unpadded; what is no argument of the model's is taken out of it."""
    if "row_tokens" in inputs:
        inputs["use_cache"] = False  # with a cache transformers makes no mask that ends at seams
        return [FedRow(*one) for one in rows_of(inputs)]
    rows = inputs.pop("source_row").tolist()
    lengths = inputs["attention_mask"].sum(dim=1).tolist()
    ids, labels = inputs["input_ids"].tolist(), inputs["labels"].tolist()
    return [
        FedRow(row, ids[i][: lengths[i]], labels[i][: lengths[i]])
        for i, row in enumerate(rows)
        if row != FILLER
    ]


def _together(every: Sequence[Compared]) -> Compared:
    """What several processes add to the loss of one step."""
    if len(every) == 1:
        return every[0]
    theirs = [one.framework for one in every if one.framework is not None]
    return Compared(
        ours=math.fsum(one.ours for one in every),
        framework=math.fsum(theirs) if len(theirs) == len(every) else None,
        repeats=any(one.repeats for one in every),
    )


class StepReporter(TrainerCallback):  # type: ignore[misc]  # transformers ships no types
    """Turns what the Trainer logs into step rows, and stops when asked to."""

    validation: Validation | None = None
    ended_early = False
    """By its validation losses: what is left of the schedule is not trained."""

    def __init__(
        self, job: Job, emit: Emit, recorder: Recorder, num_rows: int, feed: Feed, ranks: Ranks
    ) -> None:
        self._emit, self._recorder = emit, recorder
        self._feed, self._ranks = feed, ranks
        self.log = StepLog(job, emit, recorder, num_rows)
        self.stop_asked = False

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Stop after this step if one process was asked to; the final model is saved apart, so no
        last save."""
        self._feed.end_step(int(state.global_step))
        self.stop_asked = self._ranks.any(self.stop_asked)
        if self.stop_asked:
            control.should_save = True
            control.should_training_stop = True
        elif state.global_step >= state.max_steps:
            control.should_save = False

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
        """One row per optimizer step, from the Trainer's own log in full precision."""
        if not logs or "loss" not in logs:
            return
        grad_norm = logs.get("grad_norm")
        self.log.report(
            int(state.global_step),
            float(logs["loss"]),
            float(logs["learning_rate"]),
            None if grad_norm is None else float(grad_norm),
            int(state.max_steps),
        )
        if (
            self.validation is not None
        ):  # before the checkpoint of this step, which has it behind it
            self.validation.after_step(int(state.global_step), int(state.max_steps))
            if self.validation.is_over:
                self.ended_early = control.should_training_stop = True
                control.should_save = False  # nothing is to go on from here

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A checkpoint is on disk: add our own state to it, then say so."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        self._ranks.wait()  # each has put its random state into the folder
        if not self._ranks.leads:
            return
        recorded = {**self._recorder.state(), **self._feed.state()}
        if self.validation is not None:
            recorded |= self.validation.into_checkpoint(folder)
        (folder / STATE_FILE).write_text(json.dumps(recorded), encoding="utf-8")
        self._emit(
            "checkpoint",
            step=int(state.global_step),
            path=str(folder),
            stream=recorded["stream"],
        )


def execution_of(job: Job, model: Any, ranks: Ranks) -> ExecutionRecord:
    """How rows go through the model, and on what."""
    device = device_of(job.plan)
    # The noise that is added to a row hangs on how long the rows beside it are.
    may_merge = not _drops_out(model) and not job.plan.train.neftune_noise_alpha
    rows, accumulation = grouping(job.plan.train, may_merge=may_merge, processes=ranks.world)
    return ExecutionRecord(
        execution=job.plan.train.execution or "as-written",
        rows_per_forward=rows,
        accumulation=accumulation,
        device=str(device),
        num_devices=torch.cuda.device_count() if device.type == "cuda" else 1,
        processes=ranks.world,
        strategy=job.plan.strategy,
        extra=job.plan.train.extra,
    )


def _drops_out(model: Any) -> bool:
    """Whether anything is dropped in training: by a module, or by a rate of its configuration.

    The names of rates differ: attention_dropout, resid_pdrop, drop_path_rate.
    """
    if any(isinstance(one, torch.nn.Dropout) and one.p > 0 for one in model.modules()):
        return True
    configs = (model.config, model.config.get_text_config())
    rates = (item for config in configs for item in config.to_dict().items())
    return any("drop" in name and isinstance(rate, float) and rate > 0 for name, rate in rates)


def train(
    job: Job,
    model: Any,
    pad_id: int,
    examples: Sequence[Example],
    recorder: Recorder,
    emit: Emit,
    ranks: Ranks,
    validated: Sequence[Example],
    digest: Callable[[], str],
) -> tuple[dict[str, Any], Feed]:
    """Train to the end, measuring now and then on `validated`. Returns runtime_s (the loop alone)
    and total_flos; and what was fed. `digest`: of the weights that are trained, as they are.

    Raises Stopped after a checkpoint when SIGTERM asked for it.
    """
    spec = job.plan.train
    per_epoch = steps_per_epoch(len(examples), spec.batch_size, spec.gradient_accumulation)
    num_steps = num_steps_of(spec, len(examples))
    feed = Feed(recorder, ranks)
    emit(
        "schedule",
        num_rows=len(examples),
        num_steps=num_steps,
        steps_per_epoch=per_epoch,
        resumed_from_step=_resumed_from(job, recorder, feed),
    )
    execution = execution_of(job, model, ranks)
    if spec.packing:
        apart = refuse_crossing(model, examples)
        execution = replace(execution, packing_difference=apart)
    emit("execution", **encode(execution))
    reporter = StepReporter(job, emit, recorder, len(examples), feed, ranks)
    reporter.validation = _validation(job, model, pad_id, validated, examples, emit, digest)
    trainer = RecordingTrainer(
        model=model,
        args=arguments_of(job, execution, num_steps),
        train_dataset=ExampleDataset(examples),
        data_collator=_collator(spec, pad_id),
        callbacks=[reporter],
        compute_loss_func=partial(token_loss, smoothing=spec.label_smoothing),
    )
    trainer.remove_callback(PrinterCallback)  # it prints four digits a step; `_say` prints all
    trainer.feed, trainer.ranks, trainer.emit = feed, ranks, emit
    trainer.extra = spec.extra
    trainer.own_rows = OwnRows(
        len(examples), execution.rows_per_forward, execution.accumulation, spec.seed, ranks
    )
    signal.signal(signal.SIGTERM, lambda *_: setattr(reporter, "stop_asked", True))
    began_s = reporter.log.started_s = time.monotonic()
    with memory_named(spec, execution):
        trainer.train(resume_from_checkpoint=job.resume)
    runtime_s = time.monotonic() - began_s
    is_whole = reporter.ended_early or trainer.state.global_step >= num_steps
    if reporter.stop_asked and not is_whole:
        emit("stopped", step=int(trainer.state.global_step))
        raise Stopped(f"after step {trainer.state.global_step}, as asked")
    _make_final(trainer, reporter)
    return {"runtime_s": runtime_s, "total_flos": int(trainer.state.total_flos)}, feed


def _collator(spec: TrainSpec, pad_id: int) -> Callable[[Sequence[dict[str, Any]]], Any]:
    """What makes tensors of the rows of a forward pass."""
    if spec.packing:
        return lambda items: collate_packed(items, pad_id, spec.max_length)
    return lambda items: collate(items, pad_id)


def _resumed_from(job: Job, recorder: Recorder, feed: Feed) -> int:
    """The last step that was done before, 0 for none; both go on from there."""
    if job.resume is None:
        return 0
    state = json.loads((Path(job.resume) / STATE_FILE).read_text("utf-8"))
    recorder.restore(state)
    feed.restore(state)
    return int(state["step"]) - 1


def _make_final(trainer: RecordingTrainer, reporter: StepReporter) -> None:
    """From here on the model has the weights that are saved, and computes in their format."""
    if trainer.args.bf16:
        trainer.accelerator.unwrap_model(trainer.model, keep_fp32_wrapper=False)
    if reporter.validation is not None:
        reporter.validation.put_back_best()


def _validation(
    job: Job,
    model: Any,
    pad_id: int,
    validated: Sequence[Example],
    examples: Sequence[Example],
    emit: Emit,
    digest: Callable[[], str],
) -> Validation | None:
    """What measures on `validated`, as far as the checkpoint had come; None where nothing is."""
    spec = job.plan.train
    if not validated:
        return None
    emit("validation-set", **encode(set_record(spec.validation_data, validated, examples)))
    batches = in_batches(validated, spec.batch_size, pad_id)
    found = Validation(model, batches, spec, Path(job.scratch), emit, digest)
    if job.resume is not None:
        found.from_checkpoint(Path(job.resume))
    return found
