"""A run that was killed, stopped or broken: go on with it, or close it as what it is.

Responsible for reading back what lies in runs/.work/<id>/ and for the point to go on from. What is
cut there is counted and cut by `torn`; the run itself is `execution`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

from msgspec import field

from evidence import layout
from evidence.attempt.attempt import AttemptResult, StartPoint, interrupted
from evidence.attempt.reported import Reported, read_reported
from evidence.attempt.stage import digest_folder
from evidence.backends import registry
from evidence.data.read import describe_data
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import MilestoneError, UsageError
from evidence.milestone.parse import load_milestone, parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal
from evidence.pack.journal import Clock, Journal
from evidence.progress import Observer
from evidence.records.inputs import DataRecord, FileDigest, InputsRecord
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent, StopRecord
from evidence.running.ending import reason_kept
from evidence.running.execution import (
    Run,
    begin,
    conclude,
    publish_run,
    run_from,
    settle,
    try_attempts,
)
from evidence.running.finish import Finished
from evidence.running.observation import Observation, journal_state, recall_start
from evidence.running.preflight import Prepared
from evidence.running.secrets import allowed_in, privacy_of
from evidence.running.signals import StopRequest
from evidence.running.unchanged import changed, said_now
from evidence.running.unfinished_files import Cut, cut_torn_line, torn_tails, whole_records
from evidence.running.workspace import Remembered, Workspace
from evidence.stages.kind import Kind
from evidence.stages.registry import kind_of, stages_of
from evidence.system.durable import remove, remove_partials
from evidence.text import commands
from evidence.worker.interface import Backend


class Going(Record):
    """How the attempt under way goes on."""

    point: StartPoint | None = None
    cut: Cut = field(default_factory=Cut)


class Found(Record):
    """What a dead process left behind, whole again."""

    events: tuple[JournalEvent, ...]
    facts: Remembered
    prepared: Prepared
    stopped: StopRecord
    """Why the process before this one ended."""
    num_torn_bytes: int
    """Of a journal record that was being written."""
    allowed: tuple[AllowSpec, ...]
    """What the milestone file allows by now besides, though it looks like a secret."""

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
    backends = {} if close else _backends(root, space)
    if backends:
        _refuse_changed(root, space)
    found = _look(root, space, backends)
    if backends:
        for line in said_now(root, found.prepared.milestone):
            observer.message(line)
    with reason_kept(space, privacy_of(found.prepared.milestone)):
        space.keep_room()
        if not found.recorded("sealing"):
            _go_on(root, space, found, observer, stop, close=close)
        return publish_run(space, pack, found.facts.parents)


def _go_on(
    root: Path,
    space: Workspace,
    found: Found,
    observer: Observer,
    stop: StopRequest,
    *,
    close: bool,
) -> None:
    """Everything up to the record of the seal that follows."""
    clock = _continued(found.events)
    with Journal(space.staging / layout.JOURNAL, clock) as writer:
        began_s = found.events[0].monotonic_s if found.events else clock.monotonic_s()
        allow = (*allowed_in(found.prepared.milestone, found.events), *found.allowed)
        run = Run(found.prepared, root, space, writer, clock, began_s, observer, stop, allow)
        start = _start(run, found)
        completed, opened, rest = _standing(run, found)
        going = _going(run, found, opened, close=close)
        _record(run, found, opened, going)
        going.cut.carry_out()
        if opened is not None:
            completed = _finish(run, found, opened, going)
        if completed is None and not close:
            completed = try_attempts(run, start, rest)
        looked = any(one.data["moment"] == "end" for one in found.events if one.event == "captured")
        conclude(run, start, completed, looked=looked)


def _record(run: Run, found: Found, opened: AttemptPlan | None, going: Going) -> None:
    """How the process before this one ended and what of its work is cut, before it is cut."""
    told = found.events[-1].event == "recovered" if found.events else True
    if found.recorded("captured") and (found.allowed or not told):
        cut, point = going.cut, going.point
        run.journal.record(
            "recovered",
            attempt=None if opened is None else opened.name,
            after=found.stopped.kind,
            reason=found.stopped.reason,
            from_step=point.from_step if point is not None and point.goes_on else None,
            num_step_rows_cut=cut.num_step_rows,
            num_predictions_cut=cut.num_predictions,
            num_torn_bytes=cut.num_torn_bytes + found.num_torn_bytes,
            allowed=encode(found.allowed),
        )
    run.space.forget_stop()


def _finish(run: Run, found: Found, opened: AttemptPlan, going: Going) -> AttemptResult | None:
    """Bring the attempt under way to its end: its result if it completes."""
    started_s = found.of(opened, "attempt-started")[-1].monotonic_s
    if going.point is not None:
        stages = stages_of(found.prepared.milestone)
        for kind in stages[stages.index(kind_of(going.point.stage)) :]:
            for document in kind.documents:
                remove(run.space.output(opened) / document.path)
        result = run_from(run, opened, going.point, started_s)
        return result if result.completed else None
    result = interrupted(opened, found.stopped.reason)
    if found.of(opened, "stage-finished", _last_stage(found)):  # all was done but its record
        result = result.as_completed(read_reported(run.space.scratch(opened)))
    settle(run, opened, result.lasting(run.clock.monotonic_s() - started_s))
    return result if result.completed else None


def _backends(root: Path, space: Workspace) -> Mapping[str, Backend]:
    """Of what is still to be run. Raises UsageError, before anything is cut, where one is gone."""
    path = space.staging / layout.JOURNAL
    data = path.read_bytes() if path.exists() else b""
    milestone = parse_milestone((space.staging / layout.MILESTONE).read_bytes())
    plans = {plan.name: plan for plan in plan_attempts(milestone)}
    planned = tuple(plans[name] for name in space.recall().attempts)
    found: dict[str, Backend] = {}
    last = stages_of(milestone)[-1].name
    for plan in _to_run(planned, tuple(journal.read(whole_records(data))), last):
        try:
            found[plan.backend] = registry.find(plan.backend)
        except UsageError as error:
            go_on = commands.go_on(milestone.id, space.runs, root)
            raise UsageError(
                f"attempt {plan.name} cannot be run: {error.message}",
                hint=f"{error.hint}\n  Then go on: {go_on}",
            ) from error
    return found


def _refuse_changed(root: Path, space: Workspace) -> None:
    """Raises UsageError, before anything is cut, where an input is another one by now."""
    facts = space.recall()
    if not facts.observed:
        return
    path = space.staging / layout.JOURNAL
    milestone = parse_milestone((space.staging / layout.MILESTONE).read_bytes())
    events = journal.read(whole_records(path.read_bytes())) if path.exists() else ()
    begun = {one.attempt for one in events if one.event == "attempt-started"}
    ended = {one.attempt for one in events if one.event == "attempt-finished"}
    plans = [plan for plan in plan_attempts(milestone) if plan.name in begun - ended]
    plan = plans[0] if plans else None
    reported = Reported() if plan is None else read_reported(space.scratch(plan))
    data = _data(root, space, milestone, facts)
    differences = tuple(changed(root, data, plan, reported))
    if differences:
        raise UsageError(
            "the run cannot go on with other inputs than it began with: " + "; ".join(differences),
            hint="Nothing was touched. Put back what was there, then go on: "
            + commands.go_on(milestone.id, space.runs, root),
        )


def _to_run(
    plans: tuple[AttemptPlan, ...], events: tuple[JournalEvent, ...], last_stage: str
) -> tuple[AttemptPlan, ...]:
    """Attempts of which something is left to run, as far as the journal tells."""
    for place, plan in enumerate(plans):
        own = [one for one in events if one.attempt == plan.name]
        ended = [one for one in own if one.event == "attempt-finished"]
        if any(one.data["outcome"] == "completed" for one in ended) or any(
            one.event == "stage-finished" and one.data["stage"] == last_stage for one in own
        ):
            return ()
        if not ended:
            return plans[place:]
    return ()


def _look(root: Path, space: Workspace, backends: Mapping[str, Backend]) -> Found:
    remove_partials(space.work)
    path = space.staging / layout.JOURNAL
    num_torn_bytes = cut_torn_line(path)
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
        backends=backends,
    )
    allowed = _allowed_by_now(root, milestone, events)
    return Found(events, facts, prepared, space.read_stop(), num_torn_bytes, allowed)


def _allowed_by_now(
    root: Path, milestone: Milestone, events: tuple[JournalEvent, ...]
) -> tuple[AllowSpec, ...]:
    """Of the milestone file as it is now this table alone counts: the rest is as the run began."""
    try:
        now, _ = load_milestone(layout.milestone_file(root, milestone.id))
    except MilestoneError:
        return ()
    known = {one.sha256 for one in allowed_in(milestone, events)}
    return tuple(one for one in now.secrets.allow if one.sha256 not in known)


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
            return interrupted(plan, "").as_completed(reported), None, ()
    return None, None, tuple(rest)


def _going(run: Run, found: Found, opened: AttemptPlan | None, *, close: bool) -> Going:
    """What is cut, and where the attempt under way goes on; nowhere when it is over."""
    if opened is None:
        return Going()
    output = run.space.output(opened)
    cut = torn_tails(output)
    if close or found.of(opened, "stage-finished", _last_stage(found)):
        return Going(None, cut)
    probed = frozenset(str(one.data["moment"]) for one in found.of(opened, "probe"))
    stages = stages_of(found.prepared.milestone)
    undone = (kind for kind in stages if not _is_done(found, opened, kind, output))
    kind = next(undone)
    for later in stages[stages.index(kind) :]:
        if later.rows is not None and not later.goes_on:
            cut.all_rows(output / later.rows.path, later.rows)
    segment = len(found.of(opened, "stage-started", kind.name)) + 1
    if not kind.goes_on:
        return Going(StartPoint(kind.name, segment, None, 0, probed), cut)
    return _from_checkpoint(run, found, opened, cut, kind.name, segment, probed)


def _last_stage(found: Found) -> str:
    return stages_of(found.prepared.milestone)[-1].name


def _is_done(found: Found, plan: AttemptPlan, kind: Kind, output: Path) -> bool:
    """Whether a stage was finished, and what a later one needs of it is there as it was left."""
    finished = bool(found.of(plan, "stage-finished", kind.name))
    return finished and (not kind.weights_folder or _model_is_whole(found, plan, output))


def _from_checkpoint(
    run: Run,
    found: Found,
    opened: AttemptPlan,
    cut: Cut,
    stage: str,
    segment: int,
    probed: frozenset[str],
) -> Going:
    """The stage goes on from its last whole checkpoint; the rows after it are run again."""
    output = run.space.output(opened)
    num_rows = cut.content(output / layout.METRICS).count(b"\n")
    folder, step = _last_checkpoint(run, found, opened, num_rows)
    cut.rows_after(output / layout.METRICS, step)
    run.observer.message(
        f"attempt {opened.name}: going on after step {step}"
        + (f"; {cut.num_step_rows} later steps are run again" if cut.num_step_rows else "")
    )
    again = probed - {"after"} if step else probed
    return Going(StartPoint(stage, segment, folder, step, again), cut)


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
