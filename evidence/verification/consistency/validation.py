"""Checks on the evaluations during a training: when they were made, and on what."""

from __future__ import annotations

from functools import partial

from evidence import layout
from evidence.records.training import TrainSpec
from evidence.results.context import journal_at
from evidence.results.validation import validations
from evidence.rules.validating import steps_due
from evidence.stages.train import STEPS, TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)

_SET, _MEASURED = "validation-set", "validation"


def _has_any(evidence: Evidence) -> bool:
    """Whether anything was measured, or asked for, in any stage or attempt."""
    milestone = evidence.documents.milestone
    tables = [one.train for one in milestone.attempts] + [one.train for one in milestone.stage]
    asks = milestone.given_train is not None and milestone.train.validate_every_steps > 0
    asks = asks or any(table.get("validate_every_steps") for table in tables)
    names = (_SET, _MEASURED)
    return asks or any(event.event in names for event in evidence.documents.journal)


@check(
    "validation", "validation losses were measured when and on what is asked for", asked=_has_any
)
def validation(evidence: Evidence) -> Problems:
    """From the journal: one `validation` after each step that is a multiple of
    validate_every_steps, and after the last one, in the segment that its step row is of; none
    elsewhere. Each loss is ≥ 0 and over the target tokens of `validation-set`, of which each
    segment tells the same: the data set and rows of milestone and inputs.json, targets ≤ tokens ≤
    rows · max_length, no more rows cut, or trained on, than there are. Exact. The losses themselves
    need the model. Warning `validation-seen` where rows are trained on, too."""
    train, rows = evidence.plan.train, evidence.documents.rows(STEPS)
    sets = evidence.events(_SET, TRAIN.name)
    measured = evidence.events(_MEASURED, TRAIN.name)
    if not train.validate_every_steps:
        for event in (*sets, *measured):
            yield Problem(journal_at(event, "data"), "the milestone asks for no validation")
        return
    if not rows:
        raise CannotCheckError("there are no step rows")
    yield from _on_what(evidence, train)
    counted = validations(evidence.context)
    due = steps_due(train.validate_every_steps, len(rows))
    text = "not the steps after which a validation loss is asked for"
    yield from differs(layout.JOURNAL, text, list(due), [one.data["step"] for one in counted])
    kept = {one.seq for one in counted}
    segments = {row.step: row.segment for row in rows}
    for event in measured:
        step, segment = event.data["step"], event.data["segment"]
        if event.data["loss"] < 0:
            place = journal_at(event, "data", "loss")
            yield Problem(place, "a loss cannot be negative", ">= 0", event.data["loss"])
        if event.seq not in kept and segments.get(step, 0) <= segment:
            text = "measured after a step that its segment did not come to, or twice"
            yield Problem(journal_at(event, "data", "step"), text, None, step)
        if sets:
            text = "over another number of target tokens than the rows have"
            wanted = sets[-1].data["num_target_tokens"]
            place = journal_at(event, "data", "num_target_tokens")
            yield from differs(place, text, wanted, event.data["num_target_tokens"])


def _on_what(evidence: Evidence, train: TrainSpec) -> Problems:
    sets = evidence.events(_SET, TRAIN.name)
    if not sets:
        yield Problem(layout.JOURNAL, "what was measured on is not told", _SET)
        return
    num_rows = evidence.rows_of(train.validation_data)
    told = {key: value for key, value in sets[0].data.items() if key != "segment"}
    segments = [event.data["segment"] for event in sets]
    wanted = sorted(event.data["segment"] for event in evidence.events("execution", TRAIN.name))
    text = "each segment that begins to train tells it once"
    yield from differs(layout.JOURNAL, text, wanted or segments[:1], segments)
    for event in sets:
        data = event.data
        text = "another data set than the milestone's"
        yield from differs(
            journal_at(event, "data", "data"), text, train.validation_data, data["data"]
        )
        text = "another number of rows than inputs.json counts"
        yield from differs(journal_at(event, "data", "num_rows"), text, num_rows, data["num_rows"])
        for key, limit in (
            ("num_tokens", num_rows * train.max_length),
            ("num_target_tokens", data["num_tokens"]),
            ("num_rows_cut", num_rows),
            ("num_rows_trained_on", num_rows),
        ):
            if data[key] > limit:
                yield Problem(
                    journal_at(event, "data", key),
                    "more than can be",
                    f"at most {limit}",
                    data[key],
                )
        for key, value in told.items():
            text = "another than the segment before it tells of the same rows"
            yield from differs(journal_at(event, "data", key), text, value, data[key])
    seen = sets[-1].data["num_rows_trained_on"]
    if seen:
        text = f"{seen} of {num_rows} validation rows are trained on, too, token by token"
        place = journal_at(sets[-1], "data", "num_rows_trained_on")
        yield Problem(place, text, None, seen, "warning", "validation-seen")
