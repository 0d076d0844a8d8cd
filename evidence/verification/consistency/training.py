"""Checks on training: every step row follows from the milestone and from the rows before it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from itertools import pairwise
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.milestone import DDP
from evidence.records.run import StepRow
from evidence.records.training import has_other_loss
from evidence.results.adapter import with_adapter
from evidence.results.context import journal_at
from evidence.results.training import moved_weights, rate_unreached
from evidence.results.validation import num_steps_done
from evidence.rules import arithmetic
from evidence.rules.differences import scalar
from evidence.rules.movement import hardly_moved
from evidence.stages.train import SEEN, STEPS, TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.packing import packing_problems, packing_tried_problems
from evidence.verification.consistency.registry import Evidence, Problems, close, differs, need
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)


FLOAT_TOLERANCE: Final = 1e-9
"""Relative. Both sides are computed in double precision by a handful of operations."""

LOSS: Final = 1e-3
"""Relative. The same cross entropy, once with and once without a graph for its gradient."""


def at_step(line: int, pointer: str) -> str:
    """Address of a field of a step row."""
    return f"{layout.METRICS}#L{line}/{pointer}"


def _rows(evidence: Evidence) -> tuple[StepRow, ...]:
    _ = evidence.plan
    if not evidence.documents.rows(STEPS):
        raise CannotCheckError("there are no step rows")
    return evidence.documents.rows(STEPS)


def _num_steps(evidence: Evidence) -> tuple[int, int]:
    """Steps an epoch and steps in all, from the milestone and the number of rows."""
    train = evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    updates = arithmetic.steps_per_epoch(num_rows, train.batch_size, train.gradient_accumulation)
    return updates, arithmetic.total_steps(train.epochs, updates, train.max_steps)


@check("training-schedule", "rows, steps and epochs that the worker planned follow from the data")
def training_schedule(evidence: Evidence) -> Problems:
    """m = ceil(N/b), u = ceil(m/g), T = ceil(E·u) or max_steps (docs/arithmetic.md);
    against the journal's schedule of the training stage. Exact."""
    updates, total = _num_steps(evidence)
    expected = {
        "num_rows": evidence.rows_of(evidence.plan.train.data),
        "num_steps": total,
        "steps_per_epoch": updates,
    }
    for event in evidence.events("schedule", "train"):
        for key, value in expected.items():
            place = journal_at(event, "data", key)
            text = f"another {key} than milestone and data give"
            yield from differs(place, text, value, event.data[key])


@check("training-steps", "there is one row for every optimizer step, in order, without a gap")
def training_steps(evidence: Evidence) -> Problems:
    """Steps 1 … T once each, T as in training-schedule, or the step whose validation loss is the
    last of early_stopping_patience that are not better (rules/validating.py); segments never fall,
    and each one was started in the journal at the step after which it resumes; num_rows of
    stage-finished counts the rows of its segment. Exact."""
    rows = _rows(evidence)
    for line, row in enumerate(rows, 1):
        if row.step != line or row.stage != TRAIN.name:
            text = "step rows count 1, 2, 3, … without a gap"
            yield from differs(at_step(line, "step"), text, line, row.step)
            yield from differs(at_step(line, "stage"), "another stage", TRAIN.name, row.stage)
    for line, (before, row) in enumerate(pairwise(rows), 2):
        if row.segment < before.segment:
            text = "a segment cannot come back"
            yield Problem(at_step(line, "segment"), text, f">= {before.segment}", row.segment)
    text = "another number of step rows than milestone and data give"
    ended = num_steps_done(evidence.context, _num_steps(evidence)[1])
    yield from differs(layout.METRICS, text, ended, len(rows))
    yield from _segments(evidence, rows)


def _segments(evidence: Evidence, rows: tuple[StepRow, ...]) -> Problems:
    started = {event.data["segment"]: event for event in evidence.events("stage-started", "train")}
    resumed_from = _resumed_from(evidence)
    firsts = {row.segment: row.step for row in reversed(rows)}
    for segment, first in sorted(firsts.items()):
        event = started.get(segment)
        if event is None:
            text = f"the journal never started segment {segment}"
            yield Problem(at_step(first, "segment"), text)
            continue
        resumed = resumed_from[event.seq]
        if first - 1 not in resumed and (resumed or segment > 1):
            text = "the segment was resumed at another step than its rows begin with"
            yield Problem(journal_at(event, "data"), text, first - 1, resumed or "nothing")
    counts = Counter(row.segment for row in rows)
    for event in evidence.events("stage-finished", "train"):
        count = counts[event.data["segment"]]
        place = journal_at(event, "data", "num_rows")
        yield from differs(place, "another number of step rows", count, event.data["num_rows"])


def _resumed_from(evidence: Evidence) -> dict[int, list[int]]:
    """By the number of the event that starts a segment: steps after which the segment says it goes
    on, there and in the schedules that follow it."""
    found: dict[int, list[int]] = {}
    under_way: list[int] = []
    events = (*evidence.events("stage-started", "train"), *evidence.events("schedule", "train"))
    for event in sorted(events, key=lambda event: event.seq):
        if event.event == "stage-started":
            under_way = found.setdefault(event.seq, [])
        step = event.data.get("resumed_from_step")
        if step is not None:
            under_way.append(step)
    return found


@check("training-epoch", "the epoch of each step follows from its number")
def training_epoch(evidence: Evidence) -> Problems:
    """Whole epochs + min(s·g, m)/m (docs/arithmetic.md). Relative tolerance 1e-9."""
    train = evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    for line, row in enumerate(_rows(evidence), 1):
        expected = arithmetic.epoch_after_step(
            row.step, num_rows, train.batch_size, train.gradient_accumulation
        )
        if expected != row.epoch and not close(expected, row.epoch, FLOAT_TOLERANCE):
            text = "another epoch than its step gives"
            yield Problem(at_step(line, "epoch"), text, expected, row.epoch)


@check("learning-rate-schedule", "the learning rate of each step follows from the schedule")
def learning_rate_schedule(evidence: Evidence) -> Problems:
    """lr₀ · factor(s − 1) of the schedule with warm-up (docs/arithmetic.md; transformers/
    optimization.py). The rate *used* by the step. Relative tolerance 1e-9. Warning
    `rate-unreached` where no step used the rate that the milestone states."""
    train = evidence.plan.train
    total = _num_steps(evidence)[1]
    warmup = arithmetic.warm_up(total, train.warmup_steps, train.warmup_ratio)
    for line, row in enumerate(_rows(evidence), 1):
        expected = arithmetic.learning_rate_used(
            row.step, total, train.learning_rate, train.schedule, warmup
        )
        used = row.learning_rate
        if expected != used and not close(expected, used, FLOAT_TOLERANCE):
            text = f"another rate than the {train.schedule} schedule gives this step"
            yield Problem(at_step(line, "learning_rate"), text, expected, used)
    if rate_unreached(_rows(evidence), train):
        place = f"{layout.METRICS}#L1-L{len(_rows(evidence))}/learning_rate"
        text = "no step used the learning rate of the milestone: the warm-up is as long as the run"
        yield Problem(place, text, train.learning_rate, None, "warning", "rate-unreached")


@check("training-rows", "each step took the rows that its micro-batches hold")
def training_rows(evidence: Evidence) -> Problems:
    """Step w of an epoch (from 0) holds micro-batches w·g … min((w+1)·g, m), that is
    min((w+1)·g·b, N) − w·g·b rows; their sum is seen.num_rows_fed. Exact."""
    train = evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    updates = _num_steps(evidence)[0]
    full = train.batch_size * train.gradient_accumulation
    rows = _rows(evidence)
    for line, row in enumerate(rows, 1):
        within = (row.step - 1) % updates
        expected = min((within + 1) * full, num_rows) - within * full
        if row.num_rows != expected:
            text = "another number of rows than its micro-batches hold"
            yield from differs(at_step(line, "num_rows"), text, expected, row.num_rows)
    seen = evidence.documents.document(SEEN)
    if seen is not None:
        text = "another number of rows than the steps were fed"
        total = sum(row.num_rows for row in rows)
        yield from differs(f"{layout.SEEN}#/num_rows_fed", text, total, seen.num_rows_fed)


@check("training-tokens", "tokens of the steps are possible, and add up to those seen")
def training_tokens(evidence: Evidence) -> Problems:
    """Per step: target ≤ tokens ≤ fed ≤ rows · max_length; sums equal seen.num_tokens,
    num_fed_tokens and num_target_tokens. Of packed rows: see docs/packing.md. Exact."""
    rows, train = _rows(evidence), evidence.plan.train
    for line, row in enumerate(rows, 1):
        most = min(row.num_fed_tokens, row.num_rows * train.max_length)
        for key, value, limit in (
            ("num_target_tokens", row.num_target_tokens, row.num_tokens),
            ("num_tokens", row.num_tokens, most),
        ):
            if value > limit:
                text = "more tokens than can be"
                yield Problem(at_step(line, key), text, f"at most {limit}", value)
    yield from packing_problems(evidence, rows, evidence.documents.document(SEEN))
    seen = need(evidence.documents.document(SEEN), "seen.json is not there")
    for key in ("num_tokens", "num_fed_tokens", "num_target_tokens"):
        total = sum(getattr(row, key) for row in rows)
        text = "another sum than that of the step rows"
        yield from differs(f"{layout.SEEN}#/{key}", text, total, getattr(seen, key))


@check("training-loss", "losses and gradient norms are possible values that move")
def training_loss(evidence: Evidence) -> Problems:
    """A mean of negative log-likelihoods and a norm are ≥ 0; what moved is a part of the weights.
    Warnings: `frozen-loss` where all of at least three steps have one and the same loss,
    `weights-unmoved` where hardly any weight changed or the optimizer did not step."""
    rows = _rows(evidence)
    for line, row in enumerate(rows, 1):
        if row.loss < 0:
            yield Problem(at_step(line, "loss"), "a loss cannot be negative", ">= 0", row.loss)
        if row.grad_norm is not None and row.grad_norm < 0:
            place = at_step(line, "grad_norm")
            yield Problem(place, "a norm cannot be negative", ">= 0", row.grad_norm)
    if len(rows) >= 3 and len({row.loss for row in rows}) == 1:
        text = "the loss is the same in every step: did anything train?"
        place = f"{layout.METRICS}#L1-L{len(rows)}/loss"
        yield Problem(place, text, severity="warning", code="frozen-loss")
    yield from _moved(evidence)


def _moved(evidence: Evidence) -> Problems:
    """What the last segment says of the weights; backends may say nothing."""
    event = moved_weights(evidence.context)
    if event is None:
        return
    weights, model = event.data["weights"], evidence.documents.inputs.model
    place = journal_at(event, "data", "weights")
    limits = [("num_changed", "num_compared"), ("num_compared_in_embeddings", "num_compared")]
    limits += [
        ("num_changed_in_embeddings", key) for key in ("num_changed", "num_compared_in_embeddings")
    ]
    for key, limit in limits:
        if weights[key] > weights[limit]:
            text = f"more than {limit}"
            yield Problem(f"{place}/{key}", text, f"at most {weights[limit]}", weights[key])
    total = 0 if isinstance(model, Unavailable) else with_adapter(evidence.documents, model)
    if total and weights["num_compared"] > total:
        found, most = weights["num_compared"], f"at most {total}"
        yield Problem(f"{place}/num_compared", "more than parameters", most, found)
    at = f"{place}/num_changed"
    if hardly_moved(weights, beside=evidence.plan.train.lora is not None):
        text = f"of {weights['num_compared']} weights compared hardly any changed in training"
        yield Problem(at, text, None, weights["num_changed"], "warning", "weights-unmoved")
    num_rows = sum(row.segment == event.data["segment"] for row in _rows(evidence))
    if weights["num_optimizer_steps"] < num_rows:
        text = "the optimizer stepped less often than there are steps"
        at, found = f"{place}/num_optimizer_steps", weights["num_optimizer_steps"]
        yield Problem(at, text, num_rows, found, "warning", "weights-unmoved")


@check("training-stream", "the row stream goes on from step to step and ends where seen.json says")
def training_stream(evidence: Evidence) -> Problems:
    """The stream digest after the last step = seen.stream_sha256; no two steps share one (a hash
    chain never repeats); every checkpoint names the digest of its step. Exact."""
    rows = _rows(evidence)
    first: dict[str, int] = {}
    for line, row in enumerate(rows, 1):
        other = first.setdefault(row.stream, line)
        if other != line:
            text = f"the same stream digest as line {other}: a hash chain never repeats"
            yield Problem(at_step(line, "stream"), text)
    checkpoints = evidence.events("checkpoint")
    saved = {event.data["step"] for event in checkpoints}
    by_step = {row.step: row for row in rows if row.step in saved}
    for event in checkpoints:
        row_of = by_step.get(event.data["step"])
        if row_of is None:
            yield Problem(journal_at(event, "data", "step"), "there is no row of this step")
        else:
            place = journal_at(event, "data", "stream")
            text = "another stream digest than the row of its step"
            yield from differs(place, text, row_of.stream, event.data["stream"])
    seen = need(evidence.documents.document(SEEN), "seen.json is not there")
    place, text = f"{layout.SEEN}#/stream_sha256", "another stream than the last step's"
    yield from differs(place, text, rows[-1].stream, seen.stream_sha256)


@check("training-execution", "rows went through the model as the milestone allows")
def training_execution(evidence: Evidence) -> Problems:
    """From the journal's events `execution`: rows a forward pass · accumulation · processes =
    b · g, processes and strategy those of [launch], and rows and passes the milestone's where it
    ran as written, the passes divided by the processes; as train.execution asks, where it does;
    passed on to TrainingArguments is what [train.extra] gives. Exact. Packed rows that were tried
    differ by rounding: 16 units in the last place of float32; of the model's number format, where
    that is another and the model has more than 50 million parameters."""
    train, events = evidence.plan.train, evidence.events("execution", "train")
    if not events:
        raise CannotCheckError("the worker did not record how rows went through the model")
    asked = (train.batch_size, train.gradient_accumulation // evidence.plan.processes)
    for event in events:
        place, text = journal_at(event, "data"), "another number of processes than [launch] gives"
        yield from differs(place, text, evidence.plan.processes, event.data.get("processes", 1))
        text = "another strategy than [launch] gives"
        strategy = event.data.get("strategy", DDP)
        yield from differs(place, text, evidence.plan.strategy, strategy)
        ran = (event.data["rows_per_forward"], event.data["accumulation"])
        merged = event.data["execution"] == "fast" and ran == (asked[0] * asked[1], 1)
        if ran != asked and not merged:
            text = "rows and passes of a step are not what the milestone gives"
            yield Problem(journal_at(event, "data"), text, list(asked), list(ran))
        place, text = journal_at(event, "data", "execution"), "not as the milestone asks"
        yield from differs(place, text, train.execution, event.data["execution"])
        place, text = journal_at(event, "data"), "other TrainingArguments than [train.extra] gives"
        yield from differs(place, text, scalar(train.extra), scalar(event.data.get("extra", {})))
    yield from packing_tried_problems(evidence)


@check("training-own-loss", "the loss of a segment's first step is the one that was held against")
def training_own_loss(evidence: Evidence) -> Problems:
    """From the journal's events `loss`: each is of the first step of its segment; where the rows of
    the step went through the model at once and merged, which is done without dropout only, `ours`
    is the loss of that step. Relative 1e-3: both are sums in single precision. Label smoothing and
    noise on embeddings make another loss of it: that one is not checked."""
    rows, events = _rows(evidence), evidence.events("loss", "train")
    if not events:
        raise CannotCheckError("the worker held its loss against no other")
    ran = {one.data["segment"]: one.data for one in evidence.events("execution", "train")}
    merged_rows, is_other = evidence.plan.train.batch_size, has_other_loss(evidence.plan.train)
    firsts: dict[int, tuple[int, StepRow]] = {}
    for line, row in enumerate(rows, 1):
        firsts.setdefault(row.segment, (line, row))
    for event in events:
        segment, step = event.data["segment"], event.data["step"]
        if segment not in firsts:
            continue  # its rows were cut, and run again in a later segment
        line, first = firsts[segment]
        place, text = journal_at(event, "data", "step"), "not the first step of its segment"
        yield from differs(place, text, first.step, step)
        execution = ran.get(segment, {})
        merged = execution.get("accumulation") == 1 and execution["rows_per_forward"] > merged_rows
        is_held = merged and first.step == step and not is_other
        if is_held and not close(event.data["ours"], first.loss, LOSS):
            text = "not the loss that was computed before this step on the same rows"
            yield Problem(at_step(line, "loss"), text, event.data["ours"], first.loss)
    if is_other:
        raise CannotCheckError("with label_smoothing or neftune_noise_alpha a loss is another one")


@check("training-checkpoints", "checkpoints were written when the milestone asks for them")
def training_checkpoints(evidence: Evidence) -> Problems:
    """Steps of the checkpoint events rise within a segment; each multiple of
    checkpoint_every_steps below T has one (in some segment). Exact."""
    train = evidence.plan.train
    events = evidence.events("checkpoint", "train")
    for before, event in pairwise(events):
        same = before.data["segment"] == event.data["segment"]
        if same and event.data["step"] <= before.data["step"]:
            yield Problem(journal_at(event, "data", "step"), "checkpoints go forward")
    if train.checkpoint_every_steps:
        found = {event.data["step"] for event in events}
        every, planned = train.checkpoint_every_steps, _num_steps(evidence)[1]
        for step in range(every, num_steps_done(evidence.context, planned), every):
            if step not in found:
                text = f"no checkpoint after step {step}, which the milestone asks for"
                yield Problem(layout.JOURNAL, text)


@check("training-flos", "the FLOPs the framework reported follow from parameters and tokens")
def training_flos(evidence: Evidence) -> Problems:
    """6 · (parameters − embedding) · tokens fed (docs/arithmetic.md#tokens), an adapter's among the
    parameters, where the worker reported state.total_flos. Exact, over all segments."""
    model = need(evidence.documents.inputs.model, "the model is not known")
    fed = sum(row.num_fed_tokens for row in _rows(evidence))
    total = with_adapter(evidence.documents, model)
    expected = arithmetic.training_flops(total, model.num_embedding_parameters, fed)
    events = [
        event
        for event in evidence.events("stage-finished", "train")
        if event.data["total_flos"] is not None
    ]
    if not events:
        raise CannotCheckError("the worker reported no FLOPs")
    text = "other FLOPs than parameters and tokens give"
    place = journal_at(events[-1], "data", "total_flos")
    yield from differs(place, text, expected, events[-1].data["total_flos"])
