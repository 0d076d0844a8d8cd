"""One run of a recorded attempt in a worktree, sealed as a pack of the user's own runs/.

Responsible for the name of the new pack, for its parent, and for leaving nothing of a run that was
stopped or that failed before it was sealed.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.repository import Repository
from evidence.compare.configuration import plan_of
from evidence.errors import BusyError, ExitCode, StoppedError, UsageError, WorkerLostError
from evidence.milestone.overrides import settings_of
from evidence.progress import Observer
from evidence.records.overrides import Setting
from evidence.records.record import Record
from evidence.records.run import ParentRecord, Relation
from evidence.render.index import ANOTHER_ATTEMPT, ANOTHER_SEED, REPRODUCES
from evidence.reproduce.seeds import set_seed, without_seed
from evidence.reproduce.worktree import Worktree, remove_stale
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from evidence.verification.verification import VerifiedPack

_NAMED_BY: Final = 12


class Rerun(Record):
    """Where a pack is run again, and the observer of the run."""

    original: VerifiedPack
    worktree: Worktree
    runs: Path
    observer: Observer
    stop: StopRequest
    attempt: str
    """Name of the attempt to run."""
    written: bytes | None = None
    """The milestone of a recorded program, which lies in no file of the worktree."""
    interpreter: str | None = None
    """The Python of its workers, where it is another one: the worktree has none."""


def _as_it_ran(rerun: Rerun) -> tuple[Setting, ...]:
    return settings_of(rerun.original.documents.overrides)


def run_unchanged(rerun: Rerun) -> Path:
    """The recorded attempt once more, or another one; the folder of its sealed pack."""
    if rerun.attempt != plan_of(rerun.original.documents).name:
        return _run(rerun, rerun.attempt, ANOTHER_ATTEMPT, _as_it_ran(rerun))
    return _run(rerun, "reproduced", REPRODUCES, _as_it_ran(rerun))


def run_with_seed(rerun: Rerun, seed: int) -> Path:
    """The same with another seed, written into the worktree's milestone: a recorded change."""
    documents = rerun.original.documents
    plan = plan_of(documents)
    set_seed(rerun.worktree.root, documents.milestone.id, plan.name, seed)
    kept = without_seed(_as_it_ran(rerun), documents.milestone_text.encode("utf-8"), plan)
    return _run(rerun, f"seed-{seed}", ANOTHER_SEED, kept)


def _run(rerun: Rerun, what: str, relation: Relation, settings: tuple[Setting, ...]) -> Path:
    documents, root_sha256 = rerun.original.documents, rerun.original.root_sha256
    milestone, runs = documents.milestone.id, rerun.runs
    name = _free_name(runs, f"{milestone}-{what}-{root_sha256[:_NAMED_BY]}")
    rerun.worktree.makes(name)
    options = RunOptions(
        root=rerun.worktree.root,
        runs=runs,
        attempt=rerun.attempt,
        pack_name=name,
        parents=(ParentRecord(milestone, root_sha256, relation),),
        written=rerun.written,
        interpreter=rerun.interpreter,
        settings=settings,
    )
    try:
        made = run_milestone(milestone, options, rerun.observer, rerun.stop).pack
    except (BusyError, UsageError):
        raise  # nothing was begun, and what is there is someone else's
    except StoppedError as error:
        discard(runs, name)
        raise StoppedError(
            "stopped, as asked; nothing of the run in progress is kept, and nothing is attached",
            by_sigterm=error.exit_code is ExitCode.TERMINATED,
        ) from error
    except WorkerLostError as error:
        discard(runs, name)
        raise WorkerLostError(
            f"{error.message}; nothing of the run in progress is kept, and nothing is attached",
            hint="Reproduce it again.",
            kind=error.kind,
        ) from error
    except BaseException:
        discard(runs, name)
        raise
    discard(runs, name)
    return made


def _free_name(runs: Path, name: str) -> str:
    """The name, or the first with a number that is not taken."""
    number, candidate = 1, name
    while layout.pack_dir(runs, candidate).exists() or layout.work_dir(runs, candidate).exists():
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def discard(runs: Path, name: str) -> None:
    """Remove what only this reproduction worked with: its worktree is gone, so it cannot go on."""
    shutil.rmtree(layout.work_dir(runs, name), ignore_errors=True)
    (runs / layout.WORK / f"{name}.lock").unlink(missing_ok=True)


def clear_up(repository: Repository) -> None:
    """Remove what reproductions that were killed left here."""
    for name in remove_stale(repository):
        discard(repository.root / layout.RUNS, name)
