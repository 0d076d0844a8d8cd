"""What was observed around a run: all probes at the start, the changeable ones at the end.

Responsible for running probes side by side and for writing what they found into the staging
folder. The probes themselves are `capture`'s.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, TypeVar

from msgspec.structs import replace

from evidence import layout, limits
from evidence.capture.environ import capture_environment
from evidence.capture.frozen import Digests, compare_frozen, digest_set
from evidence.capture.git import capture_patch, capture_remote, capture_state
from evidence.capture.gpu import capture_gpus, gpu_snapshot
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.inputs import Input, place_inputs
from evidence.capture.packages import capture_packages
from evidence.capture.repository import Repository, open_repository
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.pack.journal import Journal, utc_now
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    FrameworkRecord,
    FrozenRecord,
    GitRecord,
    GitStateRecord,
    HardwareRecord,
    PackagesRecord,
    WorkerRecord,
)
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.redact.privacy import Privacy
from evidence.running.secrets import cleaned, privacy_of
from evidence.system import threads
from evidence.text.snapshot import env_snapshot

T = TypeVar("T")

NUM_SHOWN: Final = 3
"""Files that a message names."""


class Observation(Record):
    """Everything observed so far. `frozen` is None until the end."""

    environment: EnvironmentRecord
    hardware: HardwareRecord
    gpu_snapshot: str
    git: GitRecord
    patch: bytes | Unavailable
    packages: PackagesRecord
    repository: Repository | Unavailable
    frozen_before: tuple[Digests, ...]
    frozen: FrozenRecord | None = None

    @property
    def commit(self) -> str | Unavailable:
        """The commit that the run started from."""
        start = self.git.start
        return start if isinstance(start, Unavailable) else start.commit

    def cleaned(self, privacy: Privacy) -> Observation:
        """The same without secrets and names; the patch keeps its bytes, and is only scanned."""
        return replace(
            self,
            environment=cleaned(self.environment, EnvironmentRecord, privacy),
            hardware=cleaned(self.hardware, HardwareRecord, privacy),
            gpu_snapshot=privacy.clean(self.gpu_snapshot),
            patch=self.patch
            if isinstance(self.patch, bytes)
            else cleaned(self.patch, Unavailable, privacy),
            git=cleaned(self.git, GitRecord, privacy),
            packages=cleaned(self.packages, PackagesRecord, privacy),
        )

    def files(
        self, framework: FrameworkRecord | Unavailable | None, worker: WorkerRecord | None = None
    ) -> dict[str, bytes]:
        """The documents and snapshots of this observation, by their paths in the pack.

        Framework and Python are those of the attempt that completed.
        """
        environment = self.environment
        if framework is not None:
            environment = replace(environment, framework=framework)
        records = {
            layout.ENVIRONMENT: environment,
            layout.HARDWARE: self.hardware,
            layout.GIT: self.git,
            layout.PACKAGES: self.packages,
            layout.FROZEN: self.frozen,
        }
        files = {
            name: jsonio.dump_document(encode(record))
            for name, record in records.items()
            if record is not None
        }
        snapshot = env_snapshot(environment, self.hardware, self.git, self.packages, worker)
        files[layout.ENV_SNAPSHOT] = snapshot.encode("utf-8")
        files[layout.GPU_SNAPSHOT] = self.gpu_snapshot.encode("utf-8")
        if not isinstance(self.patch, Unavailable):
            files[layout.PATCH] = self.patch
        return files


def observe_start(root: Path, milestone: Milestone, inputs: tuple[Input, ...] = ()) -> Observation:
    """Run every probe, side by side; the slowest alone decides how long it takes."""
    started_utc = utc_now()
    repository = open_repository(root)
    with threads.pool() as pool:
        cpu = pool.submit(capture_cpu)
        gpus = pool.submit(capture_gpus)
        snapshot = pool.submit(gpu_snapshot)
        packages = pool.submit(capture_packages)
        patch = pool.submit(capture_patch, repository)
        frozen = pool.submit(_frozen_now, root, milestone)
        start = capture_state(repository)
        found = gpus.result()
        observed = Observation(
            environment=capture_environment(started_utc, os.environ),
            hardware=capture_hardware(
                root, cpu.result(), found.gpus, found.driver_version, found.driver_cuda_version
            ),
            gpu_snapshot=snapshot.result(),
            git=replace(
                _git(repository, start, Unavailable("the run has not ended yet"), patch.result()),
                prefix=None if isinstance(repository, Unavailable) else repository.prefix,
                inputs=place_inputs(repository, start, patch.result(), inputs),
            ),
            patch=patch.result(),
            packages=packages.result(),
            repository=repository,
            frozen_before=frozen.result(),
        )
    return observed.cleaned(privacy_of(milestone))


def recall_start(root: Path, staging: Path, frozen_before: tuple[Digests, ...]) -> Observation:
    """What an earlier process observed at the start of this run, from the staged documents."""

    def read(kind: type[T], name: str) -> T:
        return decode(kind, jsonio.load_document((staging / name).read_bytes()))

    git = read(GitRecord, layout.GIT)
    patch = staging / layout.PATCH
    return Observation(
        environment=read(EnvironmentRecord, layout.ENVIRONMENT),
        hardware=read(HardwareRecord, layout.HARDWARE),
        gpu_snapshot=(staging / layout.GPU_SNAPSHOT).read_text("utf-8"),
        git=git,
        patch=patch.read_bytes() if patch.exists() else _why_no_patch(git),
        packages=read(PackagesRecord, layout.PACKAGES),
        repository=open_repository(root),
        frozen_before=frozen_before,
    )


def worker_of(staging: Path) -> WorkerRecord | None:
    """The Python of the attempt that completed, once its evidence is in place; None: our own."""
    path = staging / layout.WORKER
    if not path.is_file():
        return None
    return decode(WorkerRecord, jsonio.load_document(path.read_bytes()))


def _why_no_patch(git: GitRecord) -> Unavailable:
    digest = git.patch_sha256
    return digest if isinstance(digest, Unavailable) else Unavailable("the patch was lost")


def observe_end(root: Path, milestone: Milestone, observed: Observation, again: str) -> Observation:
    """Look again at what may have changed meanwhile: the repository and the frozen paths.

    Raises UsageError where more files are promised of by now than a document holds; `again` is
    the command to give once they are gone.
    """
    privacy = privacy_of(milestone)
    end = cleaned(capture_state(observed.repository), GitStateRecord, privacy)
    frozen = compare_frozen(root, milestone.frozen, observed.frozen_before, observed.repository)
    _refuse_grown(frozen, again)
    git = _git(observed.repository, observed.git.start, end, observed.patch)
    kept = observed.git
    git = replace(git, remote=kept.remote, prefix=kept.prefix, inputs=kept.inputs)
    return replace(observed, git=git, frozen=frozen)


def _refuse_grown(frozen: FrozenRecord, again: str) -> None:
    files = [one for found in frozen.known for one in found.files]
    if len(jsonio.dump_document(encode(frozen))) > limits.MAX_FROZEN_BYTES:
        came = [one.path for one in files if one.before_sha256 is None]
        raise UsageError(
            f"[[frozen]] names {len(files)} files by now, more than a pack can hold: {len(came)} "
            f"came since the run began, such as {', '.join(came[:NUM_SHOWN])}",
            hint=f"What was done is kept. Move them out, then: {again}",
        )


def _frozen_now(root: Path, milestone: Milestone) -> tuple[Digests, ...]:
    return tuple(digest_set(root, spec) for spec in milestone.frozen)


def _git(
    repository: Repository | Unavailable,
    start: GitStateRecord | Unavailable,
    end: GitStateRecord | Unavailable,
    patch: bytes | Unavailable,
) -> GitRecord:
    changed: bool | Unavailable
    if isinstance(start, Unavailable):
        changed = start
    elif isinstance(end, Unavailable):
        changed = end
    else:
        moments = [(one.commit, one.branch, one.files, one.left_out) for one in (start, end)]
        changed = moments[0] != moments[1]
    return GitRecord(
        schema="git.v1",
        remote=capture_remote(repository),
        start=start,
        end=end,
        changed_during_run=changed,
        patch_sha256=patch if isinstance(patch, Unavailable) else sha256_hex(patch),
    )


def journal_state(journal: Journal, moment: str, state: GitStateRecord | Unavailable) -> None:
    """Record the state of the repository at one moment."""
    journal.record(
        "captured",
        moment=moment,
        commit=encode(state if isinstance(state, Unavailable) else state.commit),
        dirty=encode(state if isinstance(state, Unavailable) else state.dirty),
    )
