"""A run that was killed, stopped or broken: go on with it, or close it as what it is.

Responsible for reading back what lies in runs/.work/<id>/, for cutting what was torn, and for the
point to go on from. The run itself is `execution`'s.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

from evidence import journal, jsonio, layout
from evidence.attempt import AttemptResult, StartPoint, interrupted
from evidence.attempt.reported import read_reported
from evidence.attempt.stage import digest_folder
from evidence.durable import write_file
from evidence.errors import UsageError
from evidence.journal import Clock, Journal
from evidence.milestone import parse_milestone
from evidence.pipeline.execution import Run, conclude, publish_run, run_from, settle, try_attempts
from evidence.pipeline.finish import Finished
from evidence.pipeline.observation import recall_start
from evidence.pipeline.preflight import Prepared
from evidence.pipeline.signals import StopRequest
from evidence.pipeline.workspace import Remembered, Workspace
from evidence.plan import plan_attempts
from evidence.progress import Observer
from evidence.records.codec import decode, encode
from evidence.records.inputs import FileDigest, InputsRecord
from evidence.records.run import AttemptPlan, JournalEvent, StepRow


@dataclass(frozen=True, slots=True)
class Found:
    """What a dead process left behind, whole again."""

    events: tuple[JournalEvent, ...]
    facts: Remembered
    prepared: Prepared

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
    found = _look(space)
    if found.events[-1].event == "sealing":
        return publish_run(space, pack, found.facts.parents)
    clock = _continued(found.events[-1])
    writer = Journal(space.staging / layout.JOURNAL, clock)
    began_s = found.events[0].monotonic_s
    run = Run(found.prepared, root, space, writer, clock, began_s, observer, stop)
    try:
        start = recall_start(root, space.staging, found.facts.frozen_before)
        completed, opened, rest = _standing(run, found)
        if opened is not None:
            started_s = found.of(opened, "attempt-started")[-1].monotonic_s
            if close:
                lasted_s = clock.monotonic_s() - started_s
                settle(run, opened, interrupted(opened).lasting(lasted_s))
            else:
                result = run_from(run, opened, _point(run, found, opened), started_s)
                completed = result if result.completed else None
        if completed is None and not close:
            completed = try_attempts(run, start, rest)
        conclude(run, start, completed)
    finally:
        writer.close()
    return publish_run(space, pack, found.facts.parents)


def _look(space: Workspace) -> Found:
    path = space.staging / layout.JOURNAL
    try:
        _cut_torn_line(path)
        events = tuple(journal.read(path.read_bytes()))
        facts = space.recall()
        source = (space.staging / layout.MILESTONE).read_bytes()
        inputs = (space.staging / layout.INPUTS).read_bytes()
    except FileNotFoundError as error:
        raise UsageError(
            f"the run in {space.work} was stopped before its first attempt: nothing to go on from",
            hint="Remove that folder and run anew.",
        ) from error
    milestone = parse_milestone(source)
    plans = {plan.name: plan for plan in plan_attempts(milestone)}
    prepared = Prepared(
        milestone=milestone,
        source=source,
        notes=None,
        plans=tuple(plans[name] for name in facts.attempts),
        data=decode(InputsRecord, jsonio.load_document(inputs)).data,
    )
    return Found(events, facts, prepared)


def _continued(last: JournalEvent) -> Clock:
    """A clock that goes on where the journal stopped, also after a restart of the machine."""
    here_s = time.monotonic()
    return Clock(monotonic_s=lambda: last.monotonic_s + time.monotonic() - here_s)


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


def _point(run: Run, found: Found, plan: AttemptPlan) -> StartPoint:
    """Where to go on: the evaluation, the last whole checkpoint, or the beginning."""
    output = run.space.output(plan)
    probed = frozenset(str(one.data["moment"]) for one in found.of(plan, "probe"))
    for name in (layout.TELEMETRY, layout.TRAINING_LOG, layout.EVAL_LOG):
        _cut_torn_line(output / name)
    if found.of(plan, "stage-finished", "train") and _model_is_whole(found, plan, output):
        (output / layout.PREDICTIONS).unlink(missing_ok=True)
        segment = len(found.of(plan, "stage-started", "eval")) + 1
        return StartPoint("eval", segment, None, 0, probed)
    segment = len(found.of(plan, "stage-started", "train")) + 1
    folder, step = _last_checkpoint(run, found, plan)
    lost = _keep_rows(output / layout.METRICS, step)
    (output / layout.SEEN).unlink(missing_ok=True)
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


def _last_checkpoint(run: Run, found: Found, plan: AttemptPlan) -> tuple[str | None, int]:
    """The newest checkpoint whose files have the digests that the journal gives them."""
    for event in reversed(found.of(plan, "checkpoint")):
        folder = run.space.scratch(plan) / f"checkpoint-{event.data['step']}"
        if folder.is_dir() and encode(list(digest_folder(folder, folder))) == event.data["files"]:
            return str(folder), int(event.data["step"])
    return None, 0


def _keep_rows(path: Path, last_step: int) -> int:
    """Cut the step rows after `last_step`; how many were cut."""
    if not path.exists():
        return 0
    _cut_torn_line(path)
    lines = path.read_bytes().splitlines(keepends=True)
    kept = [
        line
        for line in lines
        if decode(StepRow, jsonio.load_document(line.rstrip(b"\n"))).step <= last_step
    ]
    write_file(path, b"".join(kept))
    return len(lines) - len(kept)


def _cut_torn_line(path: Path) -> None:
    """A line without its end was being written when the process died: it never counted."""
    if path.exists():
        data = path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            write_file(path, whole)
