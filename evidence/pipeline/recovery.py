"""A run that was killed, stopped or broken: go on with it, or close it as what it is.

Responsible for reading back what lies in runs/.work/<id>/, for cutting what was torn, and for the
point to go on from. The run itself is `execution`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evidence import journal, jsonio, layout
from evidence.attempt import AttemptResult, StartPoint, interrupted
from evidence.attempt.reported import read_reported
from evidence.attempt.stage import digest_folder
from evidence.durable import remove, remove_partials
from evidence.journal import Clock, Journal
from evidence.milestone import parse_milestone
from evidence.pipeline.execution import (
    Run,
    begin,
    conclude,
    publish_run,
    run_from,
    settle,
    try_attempts,
)
from evidence.pipeline.finish import Finished
from evidence.pipeline.observation import Observation, journal_state, recall_start
from evidence.pipeline.preflight import Prepared
from evidence.pipeline.signals import StopRequest
from evidence.pipeline.torn import cut_lines, cut_rows, cut_torn_line, is_json, is_shown, num_lines
from evidence.pipeline.workspace import Remembered, Workspace
from evidence.plan import plan_attempts
from evidence.progress import Observer
from evidence.records.codec import decode, encode
from evidence.records.inputs import DataRecord, FileDigest, InputsRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.workload.data import describe_data


@dataclass(frozen=True, slots=True)
class Found:
    """What a dead process left behind, whole again."""

    events: tuple[JournalEvent, ...]
    facts: Remembered
    prepared: Prepared

    def recorded(self, event: str) -> bool:
        """Whether the journal has such an event."""
        return any(one.event == event for one in self.events)

    def of(self, plan: AttemptPlan, event: str, stage: str | None = None) -> list[JournalEvent]:
        """Events of one attempt, in order."""
        return [
            one
            for one in self.events
            if one.attempt == plan.name
            and one.event == event
            and stage in (None, one.data.get("stage"))
        ]


def recover(
    root: Path, work: Path, pack: Path, observer: Observer, stop: StopRequest, *, close: bool
) -> Finished:
    """Go on with the run in `work` (or close it as failed), and publish it as `pack`."""
    space = Workspace(work)
    found = _look(root, space)
    if found.recorded("sealing"):
        return publish_run(space, pack, found.facts.parents)
    clock = _continued(found.events)
    writer = Journal(space.staging / layout.JOURNAL, clock)
    began_s = found.events[0].monotonic_s if found.events else clock.monotonic_s()
    run = Run(found.prepared, root, space, writer, clock, began_s, observer, stop)
    try:
        start = _start(run, found)
        completed, opened, rest = _standing(run, found)
        if opened is not None:
            _mend(run.space.output(opened))
            started_s = found.of(opened, "attempt-started")[-1].monotonic_s
            over = bool(found.of(opened, "stage-finished", "eval"))
            if close or over:
                result = interrupted(opened)
                if over:  # all was done but the record of it
                    reported = read_reported(space.scratch(opened))
                    result = result.as_completed(reported)
                settle(run, opened, result.lasting(clock.monotonic_s() - started_s))
            else:
                result = run_from(run, opened, _point(run, found, opened), started_s)
            completed = result if result.completed else None
        if completed is None and not close:
            completed = try_attempts(run, start, rest)
        looked = any(one.data["moment"] == "end" for one in found.events if one.event == "captured")
        conclude(run, start, completed, looked=looked)
    finally:
        writer.close()
    return publish_run(space, pack, found.facts.parents)


def _look(root: Path, space: Workspace) -> Found:
    remove_partials(space.work)
    path = space.staging / layout.JOURNAL
    cut_torn_line(path)
    events = tuple(journal.read(path.read_bytes())) if path.exists() else ()
    facts = space.recall()
    source = (space.staging / layout.MILESTONE).read_bytes()
    milestone = parse_milestone(source)
    plans = {plan.name: plan for plan in plan_attempts(milestone)}
    prepared = Prepared(
        milestone=milestone,
        source=source,
        notes=None,
        plans=tuple(plans[name] for name in facts.attempts),
        data=_data(root, space, milestone, facts),
    )
    return Found(events, facts, prepared)


def _data(
    root: Path, space: Workspace, milestone: Milestone, facts: Remembered
) -> Mapping[str, DataRecord]:
    """The data as the run began with them: as recorded, or as they are where nothing was yet."""
    if facts.observed:
        inputs = (space.staging / layout.INPUTS).read_bytes()
        return decode(InputsRecord, jsonio.load_document(inputs)).data
    return {name: describe_data(root, name, milestone) for name in milestone.data}


def _start(run: Run, found: Found) -> Observation:
    """What was observed at the start; what the process before did not come to is done now."""
    facts = found.facts
    if not facts.observed:
        recorded = [event.event for event in found.events]
        return begin(run, facts.parents, recorded)
    start = recall_start(run.root, run.space.staging, facts.frozen_before)
    if not found.recorded("captured"):
        journal_state(run.journal, "start", start.git.start)
    return start


def _continued(events: tuple[JournalEvent, ...]) -> Clock:
    """A clock that goes on where the journal stopped, also after a restart of the machine."""
    if not events:
        return Clock()
    last_s, here_s = events[-1].monotonic_s, time.monotonic()
    return Clock(monotonic_s=lambda: last_s + time.monotonic() - here_s)


def _standing(
    run: Run, found: Found
) -> tuple[AttemptResult | None, AttemptPlan | None, tuple[AttemptPlan, ...]]:
    """The attempt that completed, the one under way, and those not begun."""
    rest = list(found.prepared.plans)
    for plan in found.prepared.plans:
        if not found.of(plan, "attempt-started"):
            break
        rest.remove(plan)
        ended = found.of(plan, "attempt-finished")
        if not ended:
            return None, plan, tuple(rest)
        completed = ended[-1].data["outcome"] == "completed"
        reported = read_reported(run.space.scratch(plan))
        run.space.settle(plan, completed=completed)
        if completed:
            result = interrupted(plan).as_completed(reported)
            return result, None, ()
    return None, None, tuple(rest)


def _mend(output: Path) -> None:
    """Cut the growing files of an attempt back to whole lines."""
    cut_rows(output / layout.METRICS)
    for name in (layout.PREDICTIONS, layout.TELEMETRY):
        cut_lines(output / name, is_json)
    for name in (layout.TRAINING_LOG, layout.EVAL_LOG):
        cut_lines(output / name, is_shown)


def _point(run: Run, found: Found, plan: AttemptPlan) -> StartPoint:
    """Where to go on: the evaluation, the last whole checkpoint, or the beginning."""
    output = run.space.output(plan)
    probed = frozenset(str(one.data["moment"]) for one in found.of(plan, "probe"))
    if found.of(plan, "stage-finished", "train") and _model_is_whole(found, plan, output):
        remove(output / layout.PREDICTIONS)
        segment = len(found.of(plan, "stage-started", "eval")) + 1
        return StartPoint("eval", segment, None, 0, probed)
    segment = len(found.of(plan, "stage-started", "train")) + 1
    rows = output / layout.METRICS
    folder, step = _last_checkpoint(run, found, plan, num_lines(rows))
    lost = cut_rows(rows, step)
    remove(output / layout.SEEN)
    run.observer.message(
        f"attempt {plan.name}: going on after step {step}"
        + (f"; {lost} later steps are run again" if lost else "")
    )
    return StartPoint("train", segment, folder, step, probed - {"after"} if step else probed)


def _model_is_whole(found: Found, plan: AttemptPlan, output: Path) -> bool:
    events = found.of(plan, "final-model")
    if not events:
        return False
    stated = [decode(FileDigest, one) for one in events[-1].data["files"]]
    return list(digest_folder(output / layout.FINAL_MODEL, output)) == stated


def _last_checkpoint(
    run: Run, found: Found, plan: AttemptPlan, last_step: int
) -> tuple[str | None, int]:
    """The newest checkpoint whose files have the digests that the journal gives them.

    None after `last_step`: the rows that lead to it must be there too.
    """
    for event in reversed(found.of(plan, "checkpoint")):
        if event.data["step"] > last_step:
            continue
        folder = run.space.scratch(plan) / f"checkpoint-{event.data['step']}"
        if folder.is_dir() and encode(list(digest_folder(folder, folder))) == event.data["files"]:
            return str(folder), int(event.data["step"])
    return None, 0
