"""One run, from the first journal record to the rename that publishes.

Responsible for the sequence inside runs/.work/<id>/ and for what an attempt's end means for the
next one. Raises StoppedError when asked to stop, WorkerLostError when a worker died of what need
not come again: the work folder then stays, unfinished, and `recovery` can go on from it.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import __version__, layout
from evidence.attempt import reported
from evidence.attempt.attempt import (
    AttemptResult,
    Places,
    StartPoint,
    refused,
    run_attempt,
    stage_plan,
    worker_environment,
)
from evidence.attempt.outcome import Left
from evidence.attempt.surroundings import Surroundings
from evidence.capture.inputs import not_held
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import (
    StoppedError,
    UsageError,
    WorkerLostError,
)
from evidence.milestone.effective import sealed_as
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal, kept
from evidence.pack.commitments import commitment_documents
from evidence.pack.journal import Clock, Journal
from evidence.progress import Observer
from evidence.publish.runs_folder import ignore_rows
from evidence.records.capture import WorkerRecord
from evidence.records.finding import Report
from evidence.records.milestone import AllowSpec
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, ParentRecord
from evidence.running import kept_checkpoints, kept_weights
from evidence.running.ending import recording_stop_reason
from evidence.running.entering import changed_files, marks
from evidence.running.finish import (
    Finished,
    observed_documents,
    withheld_document,
)
from evidence.running.holdable import nothing_left, refuse_unreadable
from evidence.running.inputs import inputs_of
from evidence.running.memory import Memory, Remembered
from evidence.running.observation import (
    Observation,
    journal_state,
    observe_end,
    observe_start,
    worker_of,
)
from evidence.running.parents import changed_parents
from evidence.running.parents import sealed_as as sealed_as_parents
from evidence.running.preflight import Prepared
from evidence.running.publishing import publish_run
from evidence.running.secrets import cleaned, privacy_of, refuse_secrets
from evidence.running.settings import set_by
from evidence.running.signals import StopRequest
from evidence.running.unchanged import changed, changed_functions
from evidence.running.workspace import Workspace
from evidence.stages.stage import stages_of
from evidence.system.durable import Written, write_file
from evidence.text import commands, endings
from evidence.verification.ruleset import RULESET
from evidence.worker.interface import Backend, Planned
from evidence.worker.interpreter import path_of
from evidence.worker.requirements import unmet, worker_python

SHOWN_LINES: Final = 8
"""Of the output of a worker that was lost."""


class Run(Record):
    """What every step of a run needs."""

    prepared: Prepared
    root: Path
    space: Workspace
    memory: Memory
    journal: Journal
    clock: Clock
    began_s: float
    """Reading of `clock` when the run began; telemetry counts from it."""
    observer: Observer
    stop: StopRequest
    allow: tuple[AllowSpec, ...]
    """What looks like a secret and is none."""


def execute(
    prepared: Prepared,
    root: Path,
    work: Path,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    parents: tuple[ParentRecord, ...] = (),
) -> tuple[Finished, Report]:
    """Run `prepared` in `work` and publish it as `pack`."""
    space, clock = Workspace(work), Clock()
    with space.created():
        memory = _found(space, prepared, parents)
    with nothing_left(space), recording_stop_reason(space, privacy_of(prepared.milestone)):
        with Journal(space.staging / layout.JOURNAL, clock) as journal:
            allow, began_s = prepared.milestone.secrets.allow, clock.monotonic_s()
            run = Run(prepared, root, space, memory, journal, clock, began_s, observer, stop, allow)
            start = begin(run)
            completed = try_attempts(run, start, prepared.plans)
            conclude(run, start, completed)
        return publish_run(space, pack, parents, root, stop)


def _found(space: Workspace, prepared: Prepared, parents: tuple[ParentRecord, ...]) -> Memory:
    """Write what any later process needs to go on. What is remembered comes last: it counts."""
    files = {
        space.milestone_copy: prepared.source,
        space.staging / layout.MILESTONE: prepared.source,
    }
    if prepared.overrides:
        files[space.staging / layout.OVERRIDES] = sealed_as(prepared.overrides)
    if prepared.parents:
        files[space.staging / layout.PARENTS] = sealed_as_parents(prepared.parents)
    if prepared.notes is not None:
        files[space.staging / layout.NOTES] = prepared.notes
    for path, data in files.items():
        write_file(path, data)
    names = tuple(plan.name for plan in prepared.plans)
    of_stages = {name: dict(data) for name, data in prepared.of_stages.items()}
    facts = Remembered(
        names,
        (),
        parents,
        observed=False,
        of_stages=of_stages,
        ancestors=dict(prepared.ancestors),
        functions=dict(prepared.functions),
    )
    memory = Memory(space.work, facts)
    memory.found(files)
    return memory


def begin(run: Run, recorded: Collection[str] = ()) -> Observation:
    """Record that the run began, look around, and keep what was found.

    `recorded`: events that an earlier process has recorded already.
    """
    prepared = run.prepared
    if "run-started" not in recorded:
        run.journal.record(
            "run-started",
            milestone=prepared.milestone.id,
            milestone_sha256=sha256_hex(prepared.source),
            tool_version=__version__,
            ruleset=RULESET,
            **asked_for(prepared),
            **set_by(prepared.overrides),
        )
    run.observer.message("looking at the machine, the repository and the packages")
    inputs = inputs_of(prepared)
    with run.stop.at_once(
        lambda: _stopped(run, f"stopped before attempt {prepared.plans[0].name}, as asked")
    ):
        start = observe_start(run.root, prepared.milestone, inputs)
        refuse_unreadable(start.files(None))
    for one in not_held(start.git.inputs):
        run.observer.message(f"the commit does not hold {one.path} ({one.input}): {one.reason}")
    staging = run.space.staging
    files = _written(staging, observed_documents(prepared, start, None))
    files |= _written(staging, withheld_document(staging, prepared.milestone))
    run.memory.observed(start.frozen_before, marks(run.root, prepared.plans), files)
    journal_state(run.journal, "start", start.git.start)
    run.memory.keep(run.journal.written)
    return start


def asked_for(prepared: Prepared) -> dict[str, str]:
    """The one attempt that was asked for (`--attempt`), where others are passed over for it."""
    every = [plan.name for plan in plan_attempts(prepared.milestone) if not plan.manual]
    chosen = [plan.name for plan in prepared.plans]
    return {} if chosen == every else {"only_attempt": chosen[0]}


def _written(staging: Path, files: Mapping[str, bytes]) -> dict[Path, bytes]:
    """Write documents, and give them by where they lie."""
    placed = {staging / name: data for name, data in files.items()}
    for path, data in placed.items():
        write_file(path, data)
    return placed


def try_attempts(
    run: Run, start: Observation, plans: tuple[AttemptPlan, ...]
) -> AttemptResult | None:
    """Try each plan in order; the first result that completed, or None."""
    for plan in plans:
        if run.stop.level:
            raise _stopped(run, f"stopped before attempt {plan.name}, as asked")
        result = _attempt(run, plan, start)
        if result.completed:
            return result
    return None


def conclude(
    run: Run, start: Observation, completed: AttemptResult | None, *, end_observed: bool = False
) -> None:
    """Run the probes of the end (`end_observed`: an earlier process came so far, and recorded it),
    write every document, and journal the seal that follows."""
    if not end_observed:
        with run.stop.at_once(lambda: _stopped(run, "stopped before it was sealed, as asked")):
            end = observe_end(run.root, run.prepared.milestone, start, _again(run))
        worker = worker_of(run.space.staging)
        _write_again(run, observed_documents(run.prepared, end, completed, worker))
        committed = commitment_documents(run.space.staging, run.prepared.milestone)
        if committed:
            ignore_rows(run.space.work)
            _write_again(run, committed)
        _write_again(run, withheld_document(run.space.staging, run.prepared.milestone))
        journal_state(run.journal, "end", end.git.end)
    name = None if completed is None else completed.record.name
    # Before the seal is journalled: what is no secret can still be allowed, and the run go on.
    with run.stop.at_once(lambda: _stopped(run, "stopped before it was sealed, as asked")):
        refuse_secrets(run.space.staging, run.prepared.milestone.id, run.allow)
        kept_facts = kept_checkpoints.facts(
            run.space, run.prepared.milestone, name, is_rerun=bool(run.memory.facts.parents)
        )
    if kept_facts is not None:
        run.journal.record(kept.EVENT, **kept_facts)
    run.journal.record("sealing", attempt=name, status="failed" if name is None else "complete")


def _write_again(run: Run, files: Mapping[str, bytes]) -> None:
    """Put documents of the end in the place of those of the start."""
    staging = run.space.staging
    run.memory.about_to_write({staging / name: data for name, data in files.items()})
    _written(staging, files)


def _attempt(run: Run, plan: AttemptPlan, start: Observation) -> AttemptResult:
    run.journal.record(
        "attempt-started",
        attempt=plan.name,
        number=plan.number,
        backend=plan.backend,
        stand_in=plan.stand_in,
    )
    return run_if_able(run, plan, start, run.prepared.begin, run.clock.monotonic_s())


def run_if_able(
    run: Run, plan: AttemptPlan, start: Observation, point: StartPoint, began_s: float
) -> AttemptResult:
    """Run an attempt from a point, or record what this machine lacks for it."""
    backend = run.prepared.backends[plan.backend]
    python = worker_python(plan, backend, run.root, run.prepared.interpreter)
    # Of a launch each of the others looks for its own GPU, which may be that of another machine.
    own = plan if run.prepared.lead is None else replace(plan, processes=1)
    missing = unmet(own, backend, start.hardware, python)
    if missing:
        clean = privacy_of(run.prepared.milestone).clean
        said = tuple((clean(what), clean(how)) for what, how in missing)
        return record_end(run, plan, refused(plan, said))
    if python.record is not None:
        _write_worker(run, plan, python.record)
    return run_from(run, plan, point, began_s)


def _write_worker(run: Run, plan: AttemptPlan, record: WorkerRecord) -> None:
    """Say which Python the workers run under, before the first of them does."""
    clean = cleaned(record, WorkerRecord, privacy_of(run.prepared.milestone))
    path, data = run.space.output(plan) / layout.WORKER, jsonio.dump_document(encode(clean))
    run.memory.about_to_write({path: data})
    write_file(path, data)
    run.memory.keep({path: Written(len(data), sha256_hex(data))})


def run_from(run: Run, plan: AttemptPlan, point: StartPoint, began_s: float) -> AttemptResult:
    """Run an attempt from a point; `began_s` is the clock's reading when it began."""
    stages = stages_of(run.prepared.milestone)
    around = Surroundings(
        journal=run.journal,
        observer=run.observer,
        stop_level=lambda: run.stop.level,
        interrupted=lambda: not run.stop.by_sigterm,
        environment=worker_environment(stage_plan(plan, stages[0])),
        run_stage=_run_stage(run.prepared.backends[plan.backend]),
        interpreter=_interpreter(run, plan),
        started_s=time.monotonic() - (run.clock.monotonic_s() - run.began_s),
        data_sha256={
            **{name: record.sha256 for name, record in run.prepared.data.items()},
            **run.prepared.functions,
        },
        changed_data=lambda: (
            *changed(run.root, run.prepared.data, None, reported.Reported()),
            *changed_functions(run.root, run.prepared.functions),
        ),
        changed_models=lambda: changed_files(run.root, [plan], run.memory.facts.model_files),
        parents=run.prepared.parents,
        changed_parents=lambda: changed_parents(run.root, run.prepared.parents),
        privacy=privacy_of(run.prepared.milestone),
        keep=run.memory.keep,
        lead=run.prepared.lead,
        kept_steps=run.prepared.milestone.publish.keep_checkpoints,
    )
    places = Places(root=run.root, output=run.space.output(plan), scratch=run.space.scratch(plan))
    run.space.forget_ended(plan)
    result = run_attempt(plan, stages, places, around, point)
    left, duration_s = result.left, run.clock.monotonic_s() - began_s
    if left is not None and not (left.yields and plan is not run.prepared.plans[-1]):
        raise _lost(run, plan, result.with_duration(duration_s), left)
    if result.record.outcome == "interrupted":
        raise _stopped(run, result.record.reason)
    return record_end(run, plan, result.with_duration(duration_s))


def _interpreter(run: Run, plan: AttemptPlan) -> str:
    instead = run.prepared.interpreter if plan.interpreter is not None else None
    return instead or path_of(plan.interpreter, run.root)


def _lost(run: Run, plan: AttemptPlan, result: AttemptResult, left: Left) -> WorkerLostError:
    """Keep how the worker ended for whoever closes the run; nothing is given up here."""
    run.space.keep_ended(plan, result.record)
    for line in result.record.last_lines[-SHOWN_LINES:]:
        run.observer.message(f"    {line}")
    return WorkerLostError(
        result.record.reason,
        hint=f"Nothing was published, and what was done is kept. Go on: {_again(run)}",
        kind=left.kind,
    )


def _run_stage(backend: Backend) -> str:
    if isinstance(backend.run_stage, Planned):  # an attempt begun by another version of ours
        raise UsageError(backend.run_stage.reason, hint=backend.run_stage.remedy)
    return backend.run_stage


def _again(run: Run) -> str:
    return commands.to_resume(run.prepared.milestone.id, run.space.runs, run.root)


def _stopped(run: Run, reason: str) -> StoppedError:
    return StoppedError(
        f"{reason}; nothing was published",
        hint=f"Go on: {_again(run)}",
        by_sigterm=run.stop.by_sigterm,
    )


def record_end(run: Run, plan: AttemptPlan, result: AttemptResult) -> AttemptResult:
    """Record how an attempt ended, and put its evidence in place."""
    record = result.record
    if not result.completed:
        run.memory.keep_unknown(run.space.output(plan))
        for path, data in run.space.outcome(plan, result).items():  # before the journal says so
            run.memory.about_to_write({path: data})
            write_file(path, data)
        run.observer.message(endings.of_attempt(record))
    run.journal.record(
        "attempt-finished",
        attempt=plan.name,
        number=plan.number,
        outcome=record.outcome,
        reason=record.reason,
        duration_s=record.duration_s,
    )
    run.memory.keep(run.journal.written)
    place_evidence(run, plan, completed=result.completed)
    return result


def place_evidence(run: Run, plan: AttemptPlan, *, completed: bool) -> None:
    """Put an attempt's evidence where the pack wants it; of one that failed, drop the scratch, and
    keep beside it what it trained to the end."""
    memory, space = run.memory, run.space
    if not completed:
        memory.about_to_remove([space.scratch(plan) / reported.NAME])
        events = journal.read((space.staging / layout.JOURNAL).read_bytes())
        trained = kept_weights.trained(plan.name, stages_of(run.prepared.milestone), events)
        kept_weights.keep(space, [f"{space.output(plan).name}/{one}" for one in trained])
    space.place_evidence(plan, completed=completed)
