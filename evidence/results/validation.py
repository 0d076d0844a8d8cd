"""Values of the evaluations during a training: which of them count, the last and the best."""

from __future__ import annotations

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.run import JournalEvent, ValueRecord
from evidence.results.context import Context, Values, at, journal_at, known, places_of, unknown
from evidence.results.inputs import num_rows_of
from evidence.rules.validating import ends_after
from evidence.stages.train import STEPS, TRAIN

_OF_SET = (
    ("num_rows", "rows"),
    ("num_target_tokens", "tokens"),
    ("num_rows_cut", "rows"),
    ("num_rows_trained_on", "rows"),
)


def validations(context: Context) -> tuple[JournalEvent, ...]:
    """The evaluations of the steps that count, in order: what a segment measured after steps whose
    rows were cut and run again is told by the later segment."""
    segments = {row.step: row.segment for row in context.documents.rows(STEPS)}
    found = {
        event.data["step"]: event
        for event in context.stage_events("validation", TRAIN.name)
        if segments.get(event.data["step"]) == event.data["segment"]
    }
    return tuple(found[step] for step in sorted(found))


def best_of(events: tuple[JournalEvent, ...]) -> JournalEvent:
    """The one with the smallest loss; the earliest of several."""
    return min(events, key=lambda event: (event.data["loss"], event.data["step"]))


def num_steps_done(context: Context, planned: int) -> int:
    """Steps that a training makes: those planned, or fewer where its validation losses end it."""
    spec = context.train
    losses = ((one.data["step"], one.data["loss"]) for one in validations(context))
    found = ends_after(losses, spec.early_stopping_patience, spec.early_stopping_threshold)
    return planned if found is None else found


def num_steps_planned(context: Context) -> int | None:
    """Steps that the worker planned, as the journal has them; None where it does not."""
    events = context.stage_events("schedule", TRAIN.name)
    return int(events[-1].data["num_steps"]) if events else None


def validation_values(context: Context) -> Values:
    """validation.*, where the milestone asks for any."""
    if not context.train.validate_every_steps:
        return
    yield from _of_set(context)
    yield "validation.num_rows_asked", _asked(context)
    events = validations(context) if context.plan is not None else ()
    if not events:
        why = context.why_not if context.plan is None else "no validation loss was measured"
        yield "validation.num_evaluations", unknown(why, "evaluations")
        for name, unit in (("loss_last", "nats"), ("loss_best", "nats"), ("step_best", "steps")):
            yield f"validation.{name}", unknown(why, unit)
        if context.train.early_stopping_patience:
            yield "validation.ended_early", unknown(why, "")
        return
    places = [journal_at(event, "data", "loss") for event in events]
    every = places_of(places, context.whole_journal)
    yield "validation.num_evaluations", known(len(events), "evaluations", every, "count")
    last, best = events[-1], best_of(events)
    yield "validation.loss_last", known(last.data["loss"], "nats", places[-1])
    yield "validation.loss_best", known(best.data["loss"], "nats", every, "minimum")
    yield "validation.step_best", known(best.data["step"], "steps", every, "step-of-minimum")
    yield from _ended(context, every)


def _ended(context: Context, losses: str) -> Values:
    """Whether the losses ended the training early, where that was asked for."""
    if not context.train.early_stopping_patience:
        return
    name, rule = "validation.ended_early", "early-stopping"
    planned = num_steps_planned(context)
    if planned is None:
        yield name, unknown("the journal has no schedule", "", losses, rule)
        return
    yield name, known(num_steps_done(context, planned) < planned, "", losses, rule)


def _asked(context: Context) -> ValueRecord:
    """Validation rows that ask what the evaluation asks: what goes by their losses is chosen by
    its questions."""
    name = context.train.validation_data
    record = context.documents.inputs.data.get(name)
    place = at(layout.INPUTS, "data", name, "overlap", "normalised_rows")
    found = Unavailable("the data set is not recorded") if record is None else record.overlap
    return num_rows_of(found if isinstance(found, Unavailable) else found.normalised_rows, place)


def _of_set(context: Context) -> Values:
    found = context.stage_events("validation-set", TRAIN.name)
    why = context.why_not if context.plan is None else "what was measured on is not recorded"
    for key, unit in _OF_SET:
        name = f"validation.{key}"
        if found:
            place = journal_at(found[-1], "data", key)
            yield name, known(found[-1].data[key], unit, place)
        else:
            yield name, unknown(why, unit)
