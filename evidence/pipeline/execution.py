"""One run, from the first journal record to the rename that publishes.

Responsible for the sequence inside runs/.work/<id>/ and for what an attempt's end means for the
next one. Raises StoppedError when asked to stop: the work folder then stays, unfinished.
"""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from evidence import __version__, jsonio, layout
from evidence.attempt import AttemptResult, Places, refused, run_attempt, worker_environment
from evidence.attempt.stage import Surroundings
from evidence.digest import sha256_hex
from evidence.durable import publish, sync_directory, write_file
from evidence.errors import StoppedError
from evidence.journal import Journal
from evidence.pipeline.finish import Finished, finish
from evidence.pipeline.observation import Observation, observe_end, observe_start
from evidence.pipeline.preflight import Prepared
from evidence.pipeline.signals import StopRequest
from evidence.progress import Observer
from evidence.records.codec import encode
from evidence.records.run import AttemptPlan, ParentRecord
from evidence.verify.ruleset import RULESET
from evidence.workload.requirements import unmet


@dataclass(frozen=True, slots=True)
class Workspace:
    """The folders of an unsealed run."""

    work: Path

    @property
    def staging(self) -> Path:
        """What becomes the pack."""
        return self.work / "pack"

    def output(self, plan: AttemptPlan) -> Path:
        """Evidence of an attempt under way."""
        return self.work / f"attempt-{plan.number:02d}-{plan.name}"

    def scratch(self, plan: AttemptPlan) -> Path:
        """Checkpoints of an attempt under way."""
        return self.work / f"scratch-{plan.number:02d}-{plan.name}"


def execute(
    prepared: Prepared,
    root: Path,
    work: Path,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    parents: tuple[ParentRecord, ...] = (),
) -> Finished:
    """Run `prepared` in `work` and publish it as `pack`."""
    space = Workspace(work)
    space.staging.mkdir(parents=True)
    journal = Journal(space.staging / layout.JOURNAL)
    started_s = time.monotonic()
    try:
        _begin(prepared, space, journal)
        observer.message("looking at the machine, the repository and the packages")
        start = observe_start(root, prepared.milestone, journal)
        results = _attempts(prepared, root, space, journal, start, observer, stop, started_s)
        end = observe_end(root, prepared.milestone, start, journal)
        completed = next((result for result in results if result.completed), None)
        status = "complete" if completed is not None else "failed"
        name = None if completed is None else completed.record.name
        journal.record("sealing", attempt=name, status=status)
    finally:
        journal.close()
    finished = finish(prepared, space.staging, end, results, parents)
    publish(space.staging, pack)
    shutil.rmtree(work)
    sync_directory(work.parent)
    return finished


def _begin(prepared: Prepared, space: Workspace, journal: Journal) -> None:
    write_file(space.staging / layout.MILESTONE, prepared.source)
    if prepared.notes is not None:
        write_file(space.staging / layout.NOTES, prepared.notes)
    journal.record(
        "run-started",
        milestone=prepared.milestone.id,
        milestone_sha256=sha256_hex(prepared.source),
        tool_version=__version__,
        ruleset=RULESET,
    )


def _attempts(
    prepared: Prepared,
    root: Path,
    space: Workspace,
    journal: Journal,
    start: Observation,
    observer: Observer,
    stop: StopRequest,
    started_s: float,
) -> tuple[AttemptResult, ...]:
    results: list[AttemptResult] = []
    digests = {name: record.sha256 for name, record in prepared.data.items()}
    for plan in prepared.plans:
        around = Surroundings(
            journal=journal,
            observer=observer,
            stop_level=lambda: stop.level,
            environment=worker_environment(plan),
            started_s=started_s,
            data_sha256=digests,
        )
        result = _attempt(plan, root, space, start, around)
        _settle(plan, result, space, stop)
        results.append(result)
        if result.completed:
            break
        observer.message(f"attempt {plan.name}: {result.record.outcome}: {result.record.reason}")
    return tuple(results)


def _attempt(
    plan: AttemptPlan, root: Path, space: Workspace, start: Observation, around: Surroundings
) -> AttemptResult:
    journal = around.journal
    journal.record(
        "attempt-started",
        attempt=plan.name,
        number=plan.number,
        backend=plan.backend,
        stand_in=plan.stand_in,
    )
    missing = unmet(plan, start.hardware)
    if missing:
        result = refused(plan, missing)
    else:
        places = Places(root=root, output=space.output(plan), scratch=space.scratch(plan))
        result = run_attempt(plan, places, around)
    record = result.record
    journal.record(
        "attempt-finished",
        attempt=plan.name,
        number=plan.number,
        outcome=record.outcome,
        reason=record.reason,
        duration_s=record.duration_s,
    )
    return result


def _settle(plan: AttemptPlan, result: AttemptResult, space: Workspace, stop: StopRequest) -> None:
    """Put an attempt's evidence where the pack wants it, or leave it for a stopped run."""
    if result.record.outcome == "interrupted":
        raise StoppedError(
            f"stopped: {result.record.reason}; what there is stays in {space.work}",
            hint="Nothing was published. To start anew, remove that folder.",
            by_sigterm=stop.by_sigterm,
        )
    output = space.output(plan)
    if result.completed:
        _move_into(output, space.staging)
    else:
        folder = space.staging / layout.attempt_dir(plan.number, plan.name)
        if output.exists():
            shutil.rmtree(output / layout.FINAL_MODEL, ignore_errors=True)
            _drop_empty(output)
            folder.parent.mkdir(exist_ok=True)
            output.rename(folder)
        write_file(folder / "outcome.json", _document(result))
    shutil.rmtree(space.scratch(plan), ignore_errors=True)


def _document(result: AttemptResult) -> bytes:
    return jsonio.dump_document(encode(result.record))


def _move_into(output: Path, staging: Path) -> None:
    for path in sorted(output.iterdir()):
        path.rename(staging / path.name)
    output.rmdir()
    sync_directory(staging)


def _drop_empty(folder: Path) -> None:
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_file() and path.stat().st_size == 0:
            path.unlink()
        elif path.is_dir() and not any(path.iterdir()):
            path.rmdir()
