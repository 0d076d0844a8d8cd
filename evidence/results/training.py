"""Values of the training stage, aggregated from step rows over all segments."""

from __future__ import annotations

from collections.abc import Callable

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.run import IntervalRow, JournalEvent, StepRow, ValueRecord
from evidence.records.training import TrainSpec, options_set
from evidence.results.adapter import lora_values, with_adapter
from evidence.results.context import (
    Context,
    Named,
    Values,
    at,
    join,
    journal_at,
    known,
    level_at,
    number_in,
    places_of,
    ratio,
    rows_at,
    unknown,
)
from evidence.rules import arithmetic
from evidence.rules.differences import scalar
from evidence.stages.train import ADAPTER, STEPS

_NO_RUNTIME = "the journal has no runtime of the training loop"
_SETTINGS = (
    ("batch_size", "rows"),
    ("gradient_accumulation", "micro-batches"),
    ("learning_rate", ""),
    ("schedule", ""),
    ("optimizer", ""),
    ("dtype", ""),
    ("max_length", "tokens"),
    ("log_every_steps", "steps"),
    ("seed", ""),
)
_TABLES = ("lora", "extra")
"""Settings that are no single value."""
_MOVED = (
    ("num_weights_compared", "num_compared", "weights"),
    ("num_weights_changed", "num_changed", "weights"),
    ("weights_compared_every", "compared_every", "weights"),
    ("num_optimizer_steps", "num_optimizer_steps", "steps"),
)
"""What the end of training says of how far weights moved: value, its key there, unit."""
_OF_STEPS = (
    ("train.num_steps", "steps"),
    ("train.epochs", "epochs"),
    ("train.num_samples", "rows"),
    ("train.runtime_s", "s"),
    ("train.samples_per_s", "samples/s"),
    ("train.steps_per_s", "steps/s"),
    ("train.loss_start", "nats"),
    ("train.loss_end", "nats"),
    ("train.loss_mean", "nats"),
    ("train.loss_ratio", ""),
    ("train.num_steps_after_last_log", "steps"),
    ("train.num_tokens", "tokens"),
    ("train.num_fed_tokens", "tokens"),
    ("train.num_target_tokens", "tokens"),
    ("train.padding_share", ""),
    ("train.total_flos", "FLOP"),
)


def loss_table(context: Context) -> tuple[IntervalRow, ...]:
    """One row a logging interval: mean loss, and rate and epoch of its last step."""
    return context.once("loss-table", _loss_table)


def _loss_table(context: Context) -> tuple[IntervalRow, ...]:
    milestone = context.documents.milestone
    if milestone.given_train is None or milestone.is_staged:
        return ()
    steps = _steps(context)
    rows: list[IntervalRow] = []
    level = level_at(layout.METRICS)
    for interval in arithmetic.log_intervals(len(steps), context.train.log_every_steps):
        inside = steps[interval.first - 1 : interval.last]
        last = inside[-1]
        rows.append(
            IntervalRow(
                step=last.step,
                loss=arithmetic.mean([row.loss for row in inside]),
                learning_rate=last.learning_rate,
                epoch=last.epoch,
                address=rows_at(layout.METRICS, interval.first, interval.last, "loss"),
                level=level,
            )
        )
    return tuple(rows)


def training_values(context: Context) -> Values:
    """train.* and probe.*"""
    table = loss_table(context)
    further = tuple((key, "") for key in options_set(context.train) if key not in _TABLES)
    for key, unit in (*_SETTINGS, *further):
        address, rule = context.stated("train", key)
        yield f"train.{key}", known(getattr(context.train, key), unit, address, rule)
    yield from lora_values(context)
    yield from _extra(context)
    steps = _steps(context)
    if steps:
        yield from _counted(steps)
        yield from _losses(steps, table, context.train.log_every_steps)
        yield from _timed(context, steps)
        yield from _compiled(context, steps)
        yield _flops(context, steps)
    else:
        reason = context.why_not if context.plan is None else "there are no step rows"
        for name, unit in _OF_STEPS:
            yield name, unknown(reason, unit, layout.METRICS)
    yield _peak_memory(context)
    yield from _moved(context)
    if context.documents.milestone.given_eval is not None:
        yield from _probes(context)


def _extra(context: Context) -> Values:
    """Arguments of [train.extra]; a list or a table as its JSON text."""
    for name, value in context.train.extra.items():
        address, rule = context.stated("train", "extra", name)
        stated = value if isinstance(value, (str, int, float)) else str(scalar(value))
        yield f"train.extra.{name}", known(stated, "", address, rule)


def _steps(context: Context) -> tuple[StepRow, ...]:
    return context.documents.rows(STEPS) if context.plan is not None else ()


def _all(steps: tuple[StepRow, ...], field: str) -> str:
    return rows_at(layout.METRICS, 1, len(steps), field)


def _counted(steps: tuple[StepRow, ...]) -> Values:
    yield "train.num_steps", known(len(steps), "steps", _all(steps, "step"), "count")
    last = rows_at(layout.METRICS, len(steps), len(steps), "epoch")
    yield "train.epochs", known(steps[-1].epoch, "epochs", last)
    sums: tuple[tuple[str, str, Callable[[StepRow], int]], ...] = (
        ("num_samples", "num_rows", lambda row: row.num_rows),
        ("num_tokens", "num_tokens", lambda row: row.num_tokens),
        ("num_fed_tokens", "num_fed_tokens", lambda row: row.num_fed_tokens),
        ("num_target_tokens", "num_target_tokens", lambda row: row.num_target_tokens),
    )
    for name, field, of in sums:
        unit = "rows" if name == "num_samples" else "tokens"
        yield f"train.{name}", known(sum(map(of, steps)), unit, _all(steps, field), "sum")
    yield "train.padding_share", _padding(steps)


def _padding(steps: tuple[StepRow, ...]) -> ValueRecord:
    place = join(_all(steps, "num_tokens"), _all(steps, "num_fed_tokens"))
    fed = sum(row.num_fed_tokens for row in steps)
    if fed <= 0:
        return unknown("no tokens were fed", "", place, "padding-share")
    share = arithmetic.padding_share(sum(row.num_tokens for row in steps), fed)
    return known(share, "", place, "padding-share")


def _losses(steps: tuple[StepRow, ...], table: tuple[IntervalRow, ...], every: int) -> Values:
    whole = _all(steps, "loss")
    yield (
        "train.loss_mean",
        known(arithmetic.mean([row.loss for row in steps]), "nats", whole, "run-loss"),
    )
    left = arithmetic.num_steps_after_last_log(len(steps), every)
    place = _all(steps, "step")
    yield "train.num_steps_after_last_log", known(left, "steps", place, "steps-after-last-log")
    if not table:
        reason = "the run is shorter than one logging interval"
        for name in ("loss_start", "loss_end"):
            yield f"train.{name}", unknown(reason, "nats", whole, "interval-loss")
        yield "train.loss_ratio", unknown(reason, "", whole, "loss-ratio")
        return
    first, last = table[0], table[-1]
    yield "train.loss_start", known(first.loss, "nats", first.address, "interval-loss")
    yield "train.loss_end", known(last.loss, "nats", last.address, "interval-loss")
    both = join(first.address, last.address)
    if len(table) < 2:
        reason = "the run has one logging interval, and its loss has no other to be compared with"
        yield "train.loss_ratio", unknown(reason, "", both, "loss-ratio")
        return
    why = "the first interval loss is not positive"
    yield "train.loss_ratio", ratio(last.loss, first.loss, "", both, "loss-ratio", why)


def _timed(context: Context, steps: tuple[StepRow, ...]) -> Values:
    found = _runtime(context, steps)
    if isinstance(found, Unavailable):
        for name, unit in (
            ("runtime_s", "s"),
            ("samples_per_s", "samples/s"),
            ("steps_per_s", "steps/s"),
        ):
            yield f"train.{name}", unknown(found.reason, unit)
        return
    runtime_s, place = found
    yield "train.runtime_s", known(runtime_s, "s", place, "sum-over-segments")
    why, fed = "the runtime is zero", sum(row.num_rows for row in steps)
    rows = join(_all(steps, "num_rows"), place)
    yield "train.samples_per_s", ratio(fed, runtime_s, "samples/s", rows, "throughput", why)
    place = join(_all(steps, "step"), place)
    yield "train.steps_per_s", ratio(len(steps), runtime_s, "steps/s", place, "throughput", why)


def _compiled(context: Context, steps: tuple[StepRow, ...]) -> Values:
    """Of a framework that compiles: how much, and how much of it within the loop."""
    events = context.stage_events("compilation", "train")
    if not events:
        return
    for name, key, unit in (
        ("num_programs", "num_programs", "programs"),
        ("num_programs_from_cache", "num_from_cache", "programs"),
        ("compile_s", "duration_s", "s"),
    ):
        places = [journal_at(event, "data", key) for event in events]
        total = sum(event.data[key] for event in events)
        place = places_of(places, context.whole_journal)
        yield f"train.{name}", known(total, unit, place, "sum-over-segments")
    inside = [row.compile_s for row in steps if row.compile_s is not None]
    place = _all(steps, "compile_s")
    yield (
        "train.compile_in_loop_s",
        known(sum(inside), "s", place, "sum")
        if len(inside) == len(steps)
        else unknown("not every step says what it spent on compiling", "s", place, "sum"),
    )


def _runtime(context: Context, steps: tuple[StepRow, ...]) -> tuple[float, str] | Unavailable:
    """Seconds in the training loop over all segments, and where they are recorded.

    A segment that was killed reported no runtime; its last kept step row says how far it came.
    """
    finished = {
        str(event.data.get("segment")): event
        for event in context.stage_events("stage-finished", "train")
    }
    lines = {row.segment: line for line, row in enumerate(steps, 1)}
    total_s, places = 0.0, []
    for segment in sorted({row.segment for row in steps}):
        event: JournalEvent | None = finished.get(str(segment))
        seconds = None if event is None else number_in(event, "runtime_s")
        if event is not None and seconds is not None:
            places.append(journal_at(event, "data", "runtime_s"))
        elif segment == steps[-1].segment:
            return Unavailable(_NO_RUNTIME)
        else:
            line = lines[segment]
            seconds = steps[line - 1].elapsed_s
            places.append(rows_at(layout.METRICS, line, line, "elapsed_s"))
        total_s += seconds
    return total_s, places_of(places, context.whole_journal)


def _flops(context: Context, steps: tuple[StepRow, ...]) -> Named:
    model = context.documents.inputs.model
    has_adapter = context.documents.document(ADAPTER) is not None
    place = join(
        at(layout.INPUTS, "model", "num_parameters"),
        at(layout.ADAPTER, "num_trainable") if has_adapter else "",
        at(layout.INPUTS, "model", "num_embedding_parameters"),
        _all(steps, "num_fed_tokens"),
    )
    if isinstance(model, Unavailable):
        return "train.total_flos", unknown(model.reason, "FLOP", place, "flops")
    fed = sum(row.num_fed_tokens for row in steps)
    parameters = with_adapter(context.documents, model)
    total = arithmetic.training_flops(parameters, model.num_embedding_parameters, fed)
    return "train.total_flos", known(total, "FLOP", place, "flops")


def _peak_memory(context: Context) -> Named:
    name, unit = "train.peak_memory_bytes", "bytes"
    events = context.stage_events("stage-finished", "train")
    found = [
        (peak, journal_at(event, "data", "peak_memory_bytes"))
        for event in events
        if (peak := number_in(event, "peak_memory_bytes")) is not None
    ]
    if not found:
        return name, unknown(
            context.why_not if context.plan is None else "the worker did not report it", unit
        )
    return name, known(
        max(found)[0],
        unit,
        places_of([place for _, place in found], context.whole_journal),
        "maximum",
    )


def moved_weights(context: Context) -> JournalEvent | None:
    """The end of the last training segment, where it says how far the weights moved."""
    events = context.stage_events("stage-finished", "train")
    return next((one for one in reversed(events) if "weights" in one.data), None)


def rate_unreached(steps: tuple[StepRow, ...], train: TrainSpec) -> bool:
    """Whether no step used the rate that is asked for: its warm-up ended after the last one."""
    return bool(steps) and max(row.learning_rate for row in steps) < train.learning_rate * (
        1 - 1e-9
    )


def _moved(context: Context) -> Values:
    event = moved_weights(context)
    if event is None:
        why = _why_not_moved(context)
        yield from ((f"train.{name}", unknown(why, unit)) for name, _, unit in _MOVED)
        yield "train.weights_changed_share", unknown(why, "")
        return
    weights = event.data["weights"]
    for name, key, unit in _MOVED:
        yield f"train.{name}", known(weights[key], unit, journal_at(event, "data", "weights", key))
    both = (journal_at(event, "data", "weights", f"num_{key}") for key in ("changed", "compared"))
    changed, compared = weights["num_changed"], weights["num_compared"]
    why = "the model has no weights that training may move"
    place = join(*both)
    share = ratio(changed, compared, "", place, "share-changed", why)
    yield "train.weights_changed_share", share


def _why_not_moved(context: Context) -> str:
    if context.plan is None:
        return context.why_not
    ended = context.stage_events("stage-finished", "train")
    return "this backend does not compare weights" if ended else "training did not end"


def _probes(context: Context) -> Values:
    events = {str(event.data.get("moment")): event for event in context.events("probe")}
    for moment in ("before", "after"):
        name = f"probe.loss_{moment}"
        event = events.get(moment)
        loss = None if event is None else number_in(event, "loss")
        yield (
            name,
            unknown(context.why_not if context.plan is None else "no probe was made", "nats")
            if event is None or loss is None
            else known(loss, "nats", journal_at(event, "data", "loss")),
        )
    event = events.get("after") or events.get("before")
    count = None if event is None else number_in(event, "num_examples")
    yield (
        "probe.num_examples",
        unknown(context.why_not if context.plan is None else "no probe was made", "examples")
        if event is None or count is None
        else known(count, "examples", journal_at(event, "data", "num_examples")),
    )
