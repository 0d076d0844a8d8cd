"""Checks on what lies in a pack: files that a run leaves, and all that our own backend reports.

Responsible for what is there at all. What stands in it is the other themes'.
"""

from __future__ import annotations

import re
from typing import Final

from evidence import layout
from evidence.pack import lost
from evidence.pack.commitments import salts_path
from evidence.records.availability import Unavailable
from evidence.records.run import JournalEvent, OutcomeRecord
from evidence.results.context import journal_at
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import STEPS
from evidence.verification.consistency.machine import OUR_BACKENDS, TUNIX
from evidence.verification.consistency.registry import Evidence, Problems, check
from evidence.verification.problem import CannotCheckError, Problem

_OF_ATTEMPT: Final = re.compile(rf"{layout.ATTEMPTS}/[0-9]{{2,}}-[^/]+/(.+)")


@check("sealed-names", "every sealed file is one that a run leaves")
def sealed_names(evidence: Evidence) -> Problems:
    """Each path is that of a document, log, snapshot or patch (docs/format.md); in the folder of
    the final model, none that a browser or a shell would run; in that of a failed attempt, what
    its stages leave; below damaged/ see damaged-files. Exact."""
    stages = stages_of(evidence.documents.milestone)
    whole = tuple(f"{folder}/" for stage in stages for folder in _folders(stage))
    of_stages = {path for stage in stages for path in _files(stage)}
    of_attempt = {layout.TELEMETRY, layout.WORKER, "outcome.json", *of_stages}
    known = {*layout.NEEDED_ALWAYS, layout.NOTES, layout.PATCH, layout.TELEMETRY, *of_stages}
    known |= {layout.WORKER, layout.OVERRIDES, layout.PARENTS}
    publish = evidence.documents.milestone.publish
    if publish.withhold_rows:
        salts = salts_path(layout.PREDICTIONS)
        known |= {layout.COMMITMENTS, salts}
        of_attempt.add(salts)
    for path in sorted(evidence.documents.digests):
        inside = _OF_ATTEMPT.fullmatch(path)
        if path in known or path.startswith(f"{layout.DAMAGED}/"):
            continue
        if path.startswith(whole):
            if layout.ACTS.fullmatch(path):
                text = "a file of a kind that browsers or shells run, which no run keeps"
                yield Problem(path, text)
        elif inside is None or not (inside[1] in of_attempt or _is_kept(inside[1], whole)):
            yield Problem(path, "no run leaves a file of this name: it was put here")


@check("attempt-left", "failed attempts left what their stages had written by then")
def attempt_left(evidence: Evidence) -> Problems:
    """Of each failed attempt, unless its files were damaged: the log that its last lines stand in,
    with our own backend of each stage that has a checkpoint or was finished; step rows up to its
    last checkpoint; where something was missing no stage began, and what ends a process has one.
    Exact; an attempt that somebody recovered is not asked how it ended."""
    journal = evidence.documents.journal
    if lost.damaged_in(journal) is not None:
        raise CannotCheckError("what its attempts left was set aside when the run was closed")
    of: dict[str, list[JournalEvent]] = {}
    for event in journal:
        of.setdefault(event.attempt or "", []).append(event)
    completed = {
        event.attempt
        for event in journal
        if event.event == "attempt-finished" and event.data["outcome"] == "completed"
    }
    for outcome in evidence.documents.outcomes:
        events = of.get(outcome.name, [])
        if outcome.name in completed:
            continue  # journal-attempts has said so
        folder = layout.attempt_dir(outcome.number, outcome.name)
        yield from _logs(evidence, folder, events, outcome)
        for stage in stages_of(evidence.documents.milestone):
            own = [e for e in events if e.data.get("stage") == stage.name]
            yield from _rows(evidence, f"{folder}/{stage.path(STEPS.path)}", own, events)
        if any(event.event == "recovered" for event in events):
            continue
        began = any(event.event == "stage-started" for event in events)
        if outcome.missing and began:
            text = "something was missing, so no stage was begun, and the journal has one"
            yield Problem(f"{folder}/outcome.json#/missing", text)
        if outcome.outcome == "requirement-not-met" and not (began or outcome.missing):
            text = "no stage was begun, so something was missing, and it is not said what"
            yield Problem(f"{folder}/outcome.json#/missing", text)
        if outcome.outcome == "killed-by-signal" and outcome.exit_status is not None:
            text = "what a signal killed has no exit status"
            yield Problem(f"{folder}/outcome.json#/exit_status", text, None, outcome.exit_status)
        if outcome.outcome in _OF_A_PROCESS and not began:
            text = "an attempt ends like this in a stage, and the journal has begun none"
            yield Problem(f"{folder}/outcome.json#/outcome", text, actual=outcome.outcome)


def _folders(stage: Stage) -> tuple[str, ...]:
    """Folders of a stage in which any file may lie."""
    inside = (stage.kind.weights_folder, stage.kind.folder)
    return tuple(stage.path(one) for one in inside if one)


def _files(stage: Stage) -> tuple[str, ...]:
    """Files that a stage may leave."""
    return (*stage.needed_when_complete, *map(stage.path, stage.kind.schemas))


def _is_kept(path: str, whole: tuple[str, ...]) -> bool:
    return path.startswith(whole) and layout.ACTS.fullmatch(path) is None


_OF_A_PROCESS: Final = (
    "bad-data",
    "diverged",
    "exception",
    "killed-by-signal",
    "out-of-memory",
    "timed-out",
)


def _logs(
    evidence: Evidence, folder: str, events: list[JournalEvent], outcome: OutcomeRecord
) -> Problems:
    """Another backend may print nothing, unless its last lines are told; and lines of ours are on
    disk for certain once something that follows from them is in the journal."""
    sealed = evidence.documents.digests
    stages = stages_of(evidence.documents.milestone)
    logs = {stage.name: stage.path(stage.kind.log) for stage in stages}
    if outcome.last_lines and not any(f"{folder}/{log}" in sealed for log in logs.values()):
        text = "its last lines are told, and there is no log that they stand in"
        yield Problem(f"{folder}/outcome.json#/last_lines", text, code="missing")
    if outcome.backend not in OUR_BACKENDS:
        return
    written = {e.data["stage"] for e in events if e.event in ("checkpoint", "stage-finished")}
    for stage, log in logs.items():
        path = f"{folder}/{log}"
        if stage in written and path not in sealed:
            yield Problem(path, f"the {stage} stage of this attempt had a log", code="missing")


def _rows(
    evidence: Evidence, path: str, own: list[JournalEvent], events: list[JournalEvent]
) -> Problems:
    """`own`: the events of the stage, of all those of its attempt."""
    begun = max((e.seq for e in own if e.event == "stage-started"), default=0)
    recovered = any(event.event == "recovered" for event in events)
    steps = [e for e in own if e.event == "checkpoint" and (e.seq > begun or not recovered)]
    if not steps:
        return
    least = steps[-1].data["step"]
    if path not in evidence.documents.digests:
        text = f"the journal has a checkpoint of step {least}, and no rows are here"
        yield Problem(path, text, code="missing")
    elif path in evidence.contents and evidence.contents[path].count(b"\n") < least:
        found = evidence.contents[path].count(b"\n")
        text = "fewer step rows than the journal's checkpoint has steps"
        yield Problem(path, text, f"at least {least}", found)


@check("own-reports", "what our own backend always reports is there")
def own_reports(evidence: Evidence) -> Problems:
    """Where it completed: how rows went through the model, the loss that was held against the
    framework's, the probes, how answers were generated; FLOPs and what moved of the weights, by no
    more updates than the segment has steps; on a CPU it computes on one device; a revision only of
    a model from the hub; the tokenizer that the attempt asks for. Exact."""
    plan, rows = evidence.plan, evidence.documents.rows(STEPS)
    if plan.backend not in OUR_BACKENDS:
        raise CannotCheckError("what another backend reports is its own")
    if evidence.documents.milestone.is_staged:
        raise CannotCheckError("stages with folders of their own are asked by their own checks")
    trains, evaluates = plan.given_train is not None, plan.given_eval is not None
    wanted = [("train", "execution")] if trains else []
    wanted += [("train", "probe")] if trains and evaluates else []
    wanted += [("eval", "generation")] if evaluates else []
    wanted += [("train", "loss")] if trains and rows else []
    if plan.backend == TUNIX:
        wanted += [("train", "compilation"), ("eval", "compilation")]
        yield from _of_compiled(evidence)
    for stage, name in wanted:
        if not any(e.data.get("stage", stage) == stage for e in evidence.events(name)):
            text = f"the {stage} stage of this backend always reports its {name}"
            yield Problem(layout.JOURNAL, text, name)
    for event in evidence.events("stage-finished", "train"):
        for key in ("total_flos", "weights", "runtime_s"):
            if event.data.get(key) is None:
                text = f"the training stage of this backend always reports {key}"
                yield Problem(journal_at(event, "data"), text, key)
        steps = sum(row.segment == event.data["segment"] for row in rows)
        done = (event.data.get("weights") or {}).get("num_optimizer_steps", 0)
        if rows and done > steps:  # fewer are a warning of training-loss
            text = "its optimizer steps once a step, and no oftener"
            place = journal_at(event, "data", "weights", "num_optimizer_steps")
            yield Problem(place, text, steps, done)
    for event in evidence.events("execution", "train"):
        if event.data["device"] == "cpu" and event.data["num_devices"] != 1:
            place, found = journal_at(event, "data", "num_devices"), event.data["num_devices"]
            yield Problem(place, "a CPU is one device", 1, found)
    yield from _model(evidence)


def _of_compiled(evidence: Evidence) -> Problems:
    """JAX compiles for fixed lengths, and each step says what it spent on that."""
    for event in evidence.events("execution", "train"):
        if not event.data.get("widths"):
            text = "this backend always says which lengths it compiled for"
            yield Problem(journal_at(event, "data"), text, "widths")
    for line, row in enumerate(evidence.documents.rows(STEPS), 1):
        if row.compile_s is None:
            text = "this backend always says what a step spent on compiling"
            yield Problem(f"{layout.METRICS}#L{line}", text, "compile_s")
            return


def _model(evidence: Evidence) -> Problems:
    model, place = evidence.documents.inputs.model, f"{layout.INPUTS}#/model"
    if isinstance(model, Unavailable):
        return
    if model.source != "hub" and not isinstance(model.revision, Unavailable):
        text = "only a model from the hub has a revision"
        yield Problem(f"{place}/revision", text, actual=model.revision)
    spec, tokenizer = evidence.plan.model, evidence.documents.inputs.tokenizer
    if not isinstance(tokenizer, Unavailable):
        expected = spec.named or spec.tokenizer or spec.path or spec.id
        if tokenizer.id != expected:
            text = "not the tokenizer that the attempt asks for"
            yield Problem(f"{layout.INPUTS}#/tokenizer/id", text, expected, tokenizer.id)
