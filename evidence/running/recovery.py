"""A run that was killed, stopped or broken, brought to its end from where it is.

Responsible for reading back what lies in runs/.work/<id>/ and for the point to resume from. That
it is as it was written is seen to before (`taking_up`); ends of files are counted and cut by
`unfinished_files`; the run itself is `execution`'s.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from msgspec import field
from msgspec.structs import replace

from evidence import layout
from evidence.attempt.attempt import AttemptResult, StartPoint, interrupted, scratch_of
from evidence.attempt.lead import Lead
from evidence.encoding.codec import encode
from evidence.errors import StoppedError
from evidence.milestone.overrides import settings_of
from evidence.pack import kept
from evidence.pack.journal import Journal, continued_clock
from evidence.progress import Observer
from evidence.records.finding import Report
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.running.elsewhere import said
from evidence.running.ending import recording_stop_reason
from evidence.running.execution import (
    Run,
    begin,
    conclude,
    place_evidence,
    record_end,
    run_from,
    run_if_able,
    try_attempts,
)
from evidence.running.finish import Finished
from evidence.running.kept_checkpoints import problem_of
from evidence.running.leading import refuse_other_number
from evidence.running.memory import Memory
from evidence.running.moving import MAX_NAMED
from evidence.running.observation import (
    Observation,
    journal_state,
    recall_start,
)
from evidence.running.publishing import publish_run
from evidence.running.resuming import backends_left, refuse_changed
from evidence.running.secrets import allowed_in, privacy_of
from evidence.running.set_aside import put_aside_so_far
from evidence.running.signals import StopRequest
from evidence.running.unchanged import said_now
from evidence.running.unfinished_files import (
    Truncation,
    incomplete_tails,
)
from evidence.running.unfinished_run import UnfinishedRun, read_unfinished
from evidence.running.workspace import Workspace
from evidence.stages.stage import Stage, stages_of
from evidence.system.durable import remove
from evidence.text import commands

NUM_CHECKPOINTS: Final = 2
"""That are kept of an attempt (`StageRun`), beside those that the milestone wants kept."""


class Continuation(Record):
    """Where the attempt under way resumes, and what is cut before."""

    point: StartPoint | None = None
    cut: Truncation = field(default_factory=Truncation)


def go_on(
    root: Path,
    space: Workspace,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    *,
    close: bool,
    lead: Lead | None = None,
) -> tuple[Finished, Report]:
    """Bring the run to its end, or to the seal of what there is, and publish it."""
    with stop.at_once(lambda: as_it_was(root, space, stop)):
        backends = {} if close else backends_left(root, space)
        if backends:
            refuse_changed(root, space)
        unfinished = read_unfinished(root, space, backends).led_by(lead)
    if backends:
        refuse_other_number(lead, unfinished.prepared.milestone)
        for line in said_now(
            root, unfinished.prepared.milestone, settings_of(unfinished.prepared.overrides)
        ):
            observer.message(line)
        if unfinished.facts.observed:
            differences = said(root, space.staging, unfinished.prepared.milestone)
            unfinished = replace(unfinished, differences=differences)
        for line in unfinished.differences:
            observer.message(f"other than when the run began: {line}")
    with recording_stop_reason(space, privacy_of(unfinished.prepared.milestone)):
        space.reserve_room()
        if not unfinished.recorded("sealing"):
            _run_to_seal(root, space, unfinished, observer, stop, close=close)
        parents = unfinished.facts.parents
        return publish_run(space, pack, parents, root, stop, must_keep=not close)


def as_it_was(root: Path, space: Workspace, stop: StopRequest) -> StoppedError:
    """What to raise where nothing was done yet."""
    return StoppedError(
        "stopped before anything was done, as asked; the run is as it was",
        hint=f"Go on: {commands.to_resume(space.work.name, space.runs, root)}",
        by_sigterm=stop.by_sigterm,
    )


def _run_to_seal(
    root: Path,
    space: Workspace,
    unfinished: UnfinishedRun,
    observer: Observer,
    stop: StopRequest,
    *,
    close: bool,
) -> None:
    """Everything up to the record of the seal that follows."""
    clock = continued_clock(unfinished.events)
    with Journal(space.staging / layout.JOURNAL, clock) as writer:
        began_s = unfinished.events[0].monotonic_s if unfinished.events else clock.monotonic_s()
        allow = (*allowed_in(unfinished.prepared.milestone, unfinished.events), *unfinished.allowed)
        memory = Memory(space.work, unfinished.facts)
        run = Run(
            unfinished.prepared, root, space, memory, writer, clock, began_s, observer, stop, allow
        )
        captured = unfinished.recorded("captured")
        if not captured:  # nobody looked around yet, or nobody said so
            _record(run, unfinished, None, Continuation())
        start = _start(run, unfinished)
        completed, opened, rest = _attempts_so_far(run, unfinished)
        with stop.at_once(lambda: as_it_was(root, space, stop)):
            continuation = _continuation(run, unfinished, opened, close=close)
        if captured:
            _record(run, unfinished, opened, continuation)
        memory.about_to_cut(continuation.cut.remaining)
        continuation.cut.write()
        if opened is not None:
            completed = _finish(run, unfinished, opened, continuation, start)
        if completed is None and not close:
            completed = try_attempts(run, start, rest)
        end_observed = any(
            one.data["moment"] == "end" for one in unfinished.events if one.event == "captured"
        )
        conclude(run, start, completed, end_observed=end_observed)


def _record(
    run: Run, unfinished: UnfinishedRun, opened: AttemptPlan | None, continuation: Continuation
) -> None:
    """How the process before this one ended and what of its work is cut, before it is cut."""
    cut, point = continuation.cut, continuation.point
    from_step = point.from_step if point is not None and point.resumes else None
    aside = _set_aside(run, unfinished)
    is_told = _is_told(unfinished, opened, from_step)
    if unfinished.events and (unfinished.allowed or aside or not is_told):
        run.journal.record(
            "recovered",
            attempt=None if opened is None else opened.name,
            after=unfinished.stopped.kind,
            reason=unfinished.stopped.reason,
            from_step=from_step,
            num_step_rows_cut=cut.num_step_rows,
            num_predictions_cut=cut.num_predictions,
            num_incomplete_bytes=cut.num_incomplete_bytes + unfinished.num_incomplete_bytes,
            allowed=encode(unfinished.allowed),
            differences=list(unfinished.differences),
            **({"set_aside": aside} if aside else {}),
        )
    run.space.forget_stop()


def _is_told(unfinished: UnfinishedRun, opened: AttemptPlan | None, from_step: int | None) -> bool:
    """Whether a process that died at once has said the very same: a run may be resumed, then
    closed, or the other way round, or go on from an earlier checkpoint."""
    last = unfinished.events[-1] if unfinished.events else None
    return (
        last is not None
        and last.event == "recovered"
        and last.attempt == (None if opened is None else opened.name)
        and last.data["from_step"] == from_step
    )


def _set_aside(run: Run, unfinished: UnfinishedRun) -> list[Any]:
    """What lay in the folder and was none of the run's, where the journal does not tell it yet."""
    told = [
        one
        for event in unfinished.events
        if event.event == "recovered"
        for one in event.data.get("set_aside", ())
    ]
    found = [
        {"path": one.path, "sha256": one.sha256, "size_bytes": one.size_bytes, "reason": one.reason}
        for one in put_aside_so_far(run.space, {})
    ]
    return [one for one in found if one not in told][:MAX_NAMED]


def _finish(
    run: Run,
    unfinished: UnfinishedRun,
    opened: AttemptPlan,
    continuation: Continuation,
    start: Observation,
) -> AttemptResult | None:
    """Bring the attempt under way to its end: its result if it completes."""
    started_s = unfinished.of(opened, "attempt-started")[-1].monotonic_s
    if continuation.point is not None:
        stages = stages_of(unfinished.prepared.milestone)
        names = [one.name for one in stages]
        here = names.index(continuation.point.stage)
        for stage in stages[here:]:
            output = run.space.output(opened) / stage.folder
            paths = [output / one.path for one in stage.kind.documents]
            run.memory.about_to_remove(paths)
            for folder in (stage.kind.weights_folder, stage.kind.folder):
                if folder:  # what was not whole is no part of what follows
                    paths.append(output / folder)
            for path in paths:
                remove(path)
        if continuation.point.resumes:
            scratch = scratch_of(stages[here], run.space.scratch(opened))
            _drop_checkpoints(scratch, continuation.point.from_step)
        # The process before may have died before it asked what the machine lacks.
        begun = bool(unfinished.of(opened, "stage-started"))
        point = continuation.point
        result = (
            run_from(run, opened, point, started_s)
            if begun
            else run_if_able(run, opened, start, point, started_s)
        )
        return result if result.completed else None
    ended = run.space.read_ended(opened)  # a worker that was lost says how itself
    why = unfinished.stopped.reason
    where = "" if " stage" in why else unfinished.stage_reached(opened)
    result = interrupted(opened, why, where) if ended is None else AttemptResult(ended)
    if unfinished.of(
        opened, "stage-finished", _last_stage(unfinished)
    ):  # all was done but its record
        stages = stages_of(unfinished.prepared.milestone)
        result = result.as_completed(stages, run.space.scratch(opened))
    record_end(run, opened, result.with_duration(run.clock.monotonic_s() - started_s))
    return result if result.completed else None


def _drop_checkpoints(scratch: Path, after: int) -> None:
    """Remove those that were not whole, or are no longer: they are made anew, in empty folders."""
    for folder in sorted(scratch.glob("checkpoint-*")):
        step = folder.name.removeprefix("checkpoint-")
        if step.isdecimal() and int(step) > after:
            remove(folder)


def _start(run: Run, unfinished: UnfinishedRun) -> Observation:
    """What was observed at the start; what the process before did not come to is done now."""
    facts = unfinished.facts
    if not facts.observed:
        recorded = [event.event for event in unfinished.events]
        return begin(run, recorded)
    start = recall_start(run.root, run.space.staging, facts.frozen_before)
    if not unfinished.recorded("captured"):
        journal_state(run.journal, "start", start.git.start)
        run.memory.keep(run.journal.written)
    return start


def _attempts_so_far(
    run: Run, unfinished: UnfinishedRun
) -> tuple[AttemptResult | None, AttemptPlan | None, tuple[AttemptPlan, ...]]:
    """The attempt that completed, the one under way, and those not begun."""
    rest = list(unfinished.prepared.plans)
    for plan in unfinished.prepared.plans:
        if not unfinished.of(plan, "attempt-started"):
            break
        rest.remove(plan)
        ended = unfinished.of(plan, "attempt-finished")
        if not ended:
            return None, plan, tuple(rest)
        completed = ended[-1].data["outcome"] == "completed"
        result = interrupted(plan, "")
        if completed:
            stages = stages_of(unfinished.prepared.milestone)
            result = result.as_completed(stages, run.space.scratch(plan))
        place_evidence(run, plan, completed=completed)
        if completed:
            return result, None, ()
    return None, None, tuple(rest)


def _continuation(
    run: Run, unfinished: UnfinishedRun, opened: AttemptPlan | None, *, close: bool
) -> Continuation:
    """What is cut, and where the attempt under way goes on; nowhere when it is over."""
    if opened is None:
        return Continuation()
    output = run.space.output(opened)
    stages = stages_of(unfinished.prepared.milestone)
    cut = incomplete_tails(output, stages)
    if close or unfinished.of(opened, "stage-finished", _last_stage(unfinished)):
        return Continuation(None, cut)
    stage = next(one for one in stages if not _is_done(unfinished, opened, one))
    of_stage = stage.name if stage.is_named else None
    probes = unfinished.of(opened, "probe", of_stage)
    probed = frozenset(str(one.data["moment"]) for one in probes)
    for later in stages[[one.name for one in stages].index(stage.name) :]:
        rows = later.kind.rows
        if rows is not None and not later.kind.resumes and not later.kind.keeps_rows:
            cut.cut_all_rows(output / later.path(rows.path), rows)
    segment = len(unfinished.of(opened, "stage-started", stage.name)) + 1
    if not stage.kind.resumes:
        return Continuation(StartPoint(stage.name, segment, None, 0, probed), cut)
    return _from_checkpoint(run, unfinished, opened, cut, stage, segment, probed)


def _last_stage(unfinished: UnfinishedRun) -> str:
    return stages_of(unfinished.prepared.milestone)[-1].name


def _is_done(unfinished: UnfinishedRun, plan: AttemptPlan, stage: Stage) -> bool:
    """Whether a stage was finished. What it left is as it was: `damage` looked."""
    return bool(unfinished.of(plan, "stage-finished", stage.name))


def _from_checkpoint(
    run: Run,
    unfinished: UnfinishedRun,
    opened: AttemptPlan,
    cut: Truncation,
    stage: Stage,
    segment: int,
    probed: frozenset[str],
) -> Continuation:
    """The stage goes on from its last whole checkpoint; the rows after it are run again."""
    metrics = run.space.output(opened) / stage.path(layout.METRICS)
    num_rows = cut.content(metrics).count(b"\n")
    folder, step = _last_checkpoint(run, unfinished, opened, stage, num_rows)
    cut.cut_rows_after(metrics, step)
    place = f"{opened.name} · {stage.name}" if stage.is_named else opened.name
    run.observer.message(
        f"attempt {place}: going on after step {step}"
        + (f"; {cut.num_step_rows} later steps are run again" if cut.num_step_rows else "")
    )
    probes_done = probed - {"after"} if step else probed
    return Continuation(StartPoint(stage.name, segment, folder, step, probes_done, True), cut)


def _last_checkpoint(
    run: Run, unfinished: UnfinishedRun, plan: AttemptPlan, stage: Stage, last_step: int
) -> tuple[str | None, int]:
    """The newest checkpoint whose files have the digests that the journal gives them.

    None after `last_step`: the rows that lead to it must be there too. Each that is passed over
    is named.
    """
    recorded = unfinished.of(plan, "checkpoint", stage.name)
    for place, event in enumerate(reversed(recorded)):
        step = int(event.data["step"])
        if step > last_step:
            continue
        folder = scratch_of(stage, run.space.scratch(plan)) / f"checkpoint-{step}"
        reason = problem_of(folder, kept.files_of(event))
        if reason is None:
            return str(folder), step
        if place < NUM_CHECKPOINTS:  # older ones were removed
            run.observer.message(f"the checkpoint of step {step} is of no use: {reason}")
    return None, 0
