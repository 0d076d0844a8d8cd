"""Checks on what was measured before, during and after a training: when, and on what."""

from __future__ import annotations

from functools import partial
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.data.formats import format_of
from evidence.records.milestone import DataSpec
from evidence.records.run import JournalEvent
from evidence.records.training import TrainSpec
from evidence.results.context import journal_at
from evidence.results.validation import validations
from evidence.rules.sampling import NUM_PROBED
from evidence.rules.validating import Patience, steps_due
from evidence.stages.train import STEPS, TRAIN, WEIGHTS
from evidence.verification.consistency import registry
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem

check = partial(registry.check, kind=TRAIN.name)

SAME_WEIGHTS: Final = 1e-3
"""Up to which relative difference two losses are of the same weights on the same rows: a kernel may
add up in another order."""
_SET, _MEASURED = "validation-set", "validation"


@check("probe", "the loss on evaluation examples was measured before and after training")
def probe(evidence: Evidence) -> Problems:
    """One probe before the first step and one after the last, on the first NUM_PROBED examples
    that are evaluated (fewer where there are fewer). The losses themselves need the model, see
    `model-figures`. Warning `probe-worse` where training made it worse."""
    asked, events = evidence.plan.given_eval, evidence.events("probe")
    if not events:
        raise CannotCheckError("no probe was made")
    if asked is None:
        yield Problem(layout.JOURNAL, "a probe, where nothing is evaluated")
        return
    moments = [event.data["moment"] for event in events]
    if sorted(set(moments)) != ["after", "before"] or moments[-1] != "after":
        yield Problem(layout.JOURNAL, "probes before and after training", "before, after", moments)
        return
    before, after = events[0], events[-1]
    place, count = journal_at(after, "data", "num_examples"), after.data["num_examples"]
    yield from differs(place, "measured on other examples", before.data["num_examples"], count)
    expected = min(NUM_PROBED, evidence.rows_of(asked.data), asked.limit or NUM_PROBED)
    yield from differs(place, "another number of examples than is probed", expected, count)
    if after.data["loss"] > before.data["loss"]:
        text = "the loss on evaluation examples is higher after training than before"
        place, found = journal_at(after, "data", "loss"), after.data["loss"]
        most = f"at most {before.data['loss']!r}"
        yield Problem(place, text, most, found, "warning", "probe-worse")


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
    rows · max_length, no more rows cut, or trained on, than there are; rows cut · max_length ≤
    tokens; all rows trained on where both sets are the same bytes, read in the same way; within a
    segment in the order of steps. Exact. The losses themselves need the model. With keep_best the
    weights of each loss that is the smallest so far are digested, weights.json ends with the last
    of them, one digest has one loss, and a checkpoint of that step has the final weights. When a
    training ends by its losses is held by training-steps. Warning `validation-seen` where rows are
    trained on, too."""
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
    for index, event in enumerate(measured):
        step, segment = event.data["step"], event.data["segment"]
        if event.data["loss"] < 0:
            place = journal_at(event, "data", "loss")
            yield Problem(place, "a loss cannot be negative", ">= 0", event.data["loss"])
        if event.seq not in kept and segments.get(step, 0) <= segment:
            text = "measured after a step that its segment did not come to, or twice"
            yield Problem(journal_at(event, "data", "step"), text, None, step)
        before = measured[index - 1] if index else None
        if before is not None and before.data["segment"] == segment > 0:
            text = "losses of a segment are told in the order of their steps"
            if before.data["step"] >= step:
                place = journal_at(event, "data", "step")
                yield Problem(place, text, f"more than {before.data['step']}", step)
        if sets:
            text = "over another number of target tokens than the rows have"
            wanted = sets[-1].data["num_target_tokens"]
            place = journal_at(event, "data", "num_target_tokens")
            yield from differs(place, text, wanted, event.data["num_target_tokens"])
    yield from _kept(evidence, train, counted)


def _kept(evidence: Evidence, train: TrainSpec, counted: tuple[JournalEvent, ...]) -> Problems:
    """With keep_best the weights of each smallest loss are digested, and the last of these are the
    final ones."""
    judge, kept, best = Patience(), None, 0
    by_digest: dict[str, JournalEvent] = {}
    for event in counted:
        is_kept = judge.take(event.data["loss"]) and train.keep_best
        sha256 = event.data.get("weights_sha256")
        if is_kept != (sha256 is not None):
            text = "weights are kept exactly where the loss is the smallest so far (keep_best)"
            yield Problem(journal_at(event, "data"), text, is_kept, sha256 is not None)
        kept, best = (sha256, event.data["step"]) if is_kept else (kept, best)
        if sha256 is None:
            continue
        earlier = by_digest.setdefault(sha256, event).data["loss"]
        if abs(event.data["loss"] - earlier) > SAME_WEIGHTS * abs(earlier):
            text = "the same weights have another loss on the same rows"
            yield Problem(journal_at(event, "data", "loss"), text, earlier, event.data["loss"])
    if train.keep_best:
        yield from _from_checkpoint(evidence, train, best)
        weights = need(evidence.documents.document(WEIGHTS), "weights.json is not there")
        text = "not the weights with the smallest validation loss, which were to be kept"
        yield from differs(f"{WEIGHTS.path}#/end_sha256", text, kept, weights.end_sha256)


def _from_checkpoint(evidence: Evidence, train: TrainSpec, best: int) -> Problems:
    """Where the step of the smallest loss has a checkpoint, its weights are the final ones. Not of
    LoRA, whose checkpoints are in another form."""
    if train.lora is not None:
        return
    saved = [one for one in evidence.events("checkpoint", TRAIN.name) if one.data["step"] == best]
    final = evidence.events("final-model")
    if not saved or not final:
        return
    known = {one["path"].rpartition("/")[2]: one["sha256"] for one in final[-1].data["files"]}
    for index, one in enumerate(saved[-1].data["files"]):
        name = one["path"].rpartition("/")[2]
        if name.endswith(".safetensors") and known.get(name, one["sha256"]) != one["sha256"]:
            text = "not the weights of the final model, which are those after this step (keep_best)"
            place = journal_at(saved[-1], "data", "files", str(index), "sha256")
            yield Problem(place, text, known[name], one["sha256"])


def _must_be_trained_on(evidence: Evidence, train: TrainSpec) -> bool:
    """Whether both sets are one text, and become tokens in one way."""
    data, asked = evidence.documents.inputs.data, evidence.plan.data
    names = (train.data, train.validation_data)
    if not all(name in data and name in asked for name in names):
        return False
    one, other = ((data[name].sha256_lf, *_form(asked[name])) for name in names)
    return one == other


def _form(spec: DataSpec) -> tuple[DataSpec, str]:
    """What of a data set decides how its rows become tokens, and which they are. Declared fields
    do so of tables, whose cells are texts."""
    kind = format_of(spec.path or "", spec)
    fields = spec.fields if kind in ("csv", "tsv") else {}
    plain = replace(spec, path=None, paths=(), sha256=None, rows=None, under_test=None)
    return replace(plain, fields=fields, file_format=None), kind


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
            ("num_rows_cut", data["num_tokens"] // train.max_length),
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
    if _must_be_trained_on(evidence, train) and seen != num_rows:
        text = "both data sets have the same bytes: every row is trained on, too"
        place = journal_at(sets[-1], "data", "num_rows_trained_on")
        yield Problem(place, text, num_rows, seen)
    if seen:
        text = f"{seen} of {num_rows} validation rows are trained on, too, token by token"
        place = journal_at(sets[-1], "data", "num_rows_trained_on")
        yield Problem(place, text, None, seen, "warning", "validation-seen")
