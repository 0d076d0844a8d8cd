"""The reproduce use case: run a sealed pack again, from its own commit, and say how close it came.

Responsible for the order: verify, look at commit, patch and inputs, run the same attempt in a
clean worktree, compare, attach the result to the original. Whatever goes wrong before the new
pack is sealed leaves nothing behind.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from evidence import jsonio, layout
from evidence.capture.environ import capture_environment
from evidence.capture.git import Repository, open_repository
from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.packages import capture_packages
from evidence.compare.configuration import plan_of
from evidence.compare.differences import differences
from evidence.compare.environment import can_change_bits, machine_facts
from evidence.compare.page import plain
from evidence.digest import sha256_hex
from evidence.documents import Documents
from evidence.durable import staging_of, write_file
from evidence.errors import BusyError, ExitCode, StoppedError, UsageError
from evidence.journal import utc_now
from evidence.pipeline import RunOptions, run_milestone
from evidence.pipeline.index import update_index
from evidence.pipeline.signals import StopRequest
from evidence.pipeline.summaries import rerender
from evidence.progress import Observer
from evidence.records.availability import Unavailable
from evidence.records.codec import encode
from evidence.records.comparison import DifferenceRecord
from evidence.records.reproduction import ReproductionRecord, TierName
from evidence.records.run import ParentRecord
from evidence.render.index import REPRODUCES
from evidence.reproduce.inputs import require_inputs
from evidence.reproduce.verdict import default_tier, reaches, reproduction_record
from evidence.reproduce.worktree import clean_worktree
from evidence.verify import VerifiedPack, open_verified

_NAMED_BY: Final = 12
_ANNOUNCED: Final = 20


@dataclass(frozen=True, slots=True)
class ReproduceOptions:
    """What the caller chose."""

    project: Path
    """The user's own project: the folder with milestones/, inside its repository."""
    tier: TierName | None = None
    """None: bitwise where the environments are equal, else numerically-close."""
    keep: bool = False
    """Leave the worktree where it is, to be looked at."""


@dataclass(frozen=True, slots=True)
class ReproduceResult:
    """A reproduction that ran to a sealed pack of its own."""

    pack: Path
    record: ReproductionRecord
    attached: Path
    asked: TierName
    reached: bool
    worktree: Path | None

    @property
    def exit_code(self) -> ExitCode:
        """0 only when the tier that was asked for is reached."""
        return ExitCode.DONE if self.reached else ExitCode.FINDINGS


def reproduce(
    pack: Path, options: ReproduceOptions, observer: Observer, stop: StopRequest
) -> ReproduceResult:
    """Run the completed attempt of `pack` again and attach the result to it.

    Raises PackBrokenError for a pack that does not verify, UsageError for what is missing to run
    it again, StoppedError when asked to stop.
    """
    original = open_verified(pack)
    commit, patch = _recorded_source(original)
    repository = open_repository(options.project)
    if isinstance(repository, Unavailable):
        raise UsageError(
            f"{options.project}: {repository.reason}",
            hint="Run this inside a clone of the project, or name one with --repo.",
        )
    _announce(differences_here(original.documents, options.project), observer)
    with clean_worktree(repository, commit, patch, keep=options.keep) as root:
        observer.message(f"a clean worktree at {commit[:_NAMED_BY]} is ready")
        made = _run(original, root, repository, observer, stop)
        worktree = root if options.keep else None
    second = open_verified(made)
    record = reproduction_record(original, second)
    attached = attach(pack, record)
    update_index(made.parent)
    asked = options.tier or default_tier(original.documents, second.documents)
    return ReproduceResult(
        pack=made,
        record=record,
        attached=attached,
        asked=asked,
        reached=reaches(record, asked),
        worktree=worktree,
    )


def attach(pack: Path, record: ReproductionRecord) -> Path:
    """Attach a reproduction to the original and render its summary again."""
    path = pack / layout.reproduction_file(record.reproduction.root_sha256)
    data = jsonio.dump_document(encode(record))
    write_file(path, data, staging=staging_of(pack))
    rerender(pack)
    return path


def differences_here(documents: Documents, project: Path) -> tuple[DifferenceRecord, ...]:
    """What of the recorded environment is different here, as far as it can change bits.

    What only a worker knows (the framework's threads and kernels) is compared after the run.
    """
    unknown = Unavailable("no worker has started yet")
    gpus = capture_gpus()
    here = machine_facts(
        capture_environment(utc_now(), os.environ),
        capture_hardware(
            project, capture_cpu(), gpus.gpus, gpus.driver_version, gpus.driver_cuda_version
        ),
        capture_packages(),
    )
    recorded = replace(documents.environment, framework=unknown)
    there = machine_facts(recorded, documents.hardware, documents.packages)
    return tuple(row for row in differences([there, here]) if can_change_bits(row.key))


def _announce(apart: tuple[DifferenceRecord, ...], observer: Observer) -> None:
    if not apart:
        observer.message("the environment here is the recorded one, as far as it can be seen")
    for row in apart[:_ANNOUNCED]:
        observer.message(
            f"differs here: {row.key}: {plain(row.values[0])} → {plain(row.values[1])}"
        )
    if len(apart) > _ANNOUNCED:
        observer.message(f"and {len(apart) - _ANNOUNCED} more differences")


def _recorded_source(original: VerifiedPack) -> tuple[str, bytes | None]:
    """Commit and patch that the pack ran from. Raises UsageError where they do not suffice."""
    documents = original.documents
    if documents.manifest is None or documents.manifest.status != "complete":
        raise UsageError(
            f"{original.path} has no completed attempt: there is nothing to reproduce",
            hint=f"`evidence run {documents.milestone.id} --again` starts anew.",
        )
    state = documents.git.start
    if isinstance(state, Unavailable):
        raise UsageError(f"{original.path} records no commit to start from: {state.reason}")
    stated = documents.git.patch_sha256
    if not state.dirty:
        return state.commit, None
    if isinstance(stated, Unavailable):
        raise UsageError(
            f"{original.path} ran from a tree that differed from its commit, and holds no patch: "
            f"{stated.reason}",
            hint="Commit the changes and run the milestone again to have a pack that reproduces.",
        )
    patch = (original.path / layout.PATCH).read_bytes()
    if sha256_hex(patch) != stated:
        raise UsageError(f"{original.path / layout.PATCH} changed while it was read")
    return state.commit, patch


def _run(
    original: VerifiedPack,
    root: Path,
    repository: Repository,
    observer: Observer,
    stop: StopRequest,
) -> Path:
    documents, plan = original.documents, plan_of(original.documents)
    require_inputs(root, repository.root, documents, plan)
    runs = repository.root / layout.RUNS
    milestone = documents.milestone.id
    name = _free_name(runs, f"{milestone}-reproduced-{original.root_sha256[:_NAMED_BY]}")
    options = RunOptions(
        root=root,
        runs=runs,
        attempt=plan.name,
        pack_name=name,
        parents=(ParentRecord(milestone, original.root_sha256, REPRODUCES),),
    )
    try:
        made = run_milestone(milestone, options, observer, stop).pack
    except (BusyError, UsageError):
        raise  # nothing was begun, and what is there is someone else's
    except StoppedError as error:
        _discard(runs, name)
        raise StoppedError(
            "stopped, as asked; nothing of the reproduction is kept",
            by_sigterm=error.exit_code is ExitCode.TERMINATED,
        ) from error
    except BaseException:
        _discard(runs, name)
        raise
    _discard(runs, name)
    return made


def _free_name(runs: Path, name: str) -> str:
    """The name, or the first with a number that is not taken."""
    number, candidate = 1, name
    while layout.pack_dir(runs, candidate).exists() or layout.work_dir(runs, candidate).exists():
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def _discard(runs: Path, name: str) -> None:
    """Remove what only this reproduction worked with: its worktree is gone, so it cannot go on."""
    shutil.rmtree(layout.work_dir(runs, name), ignore_errors=True)
    (runs / layout.WORK / f"{name}.lock").unlink(missing_ok=True)
