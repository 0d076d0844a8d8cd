"""What could run here, and what is missing: everything a run would find out, before one is begun.

Responsible for asking the same questions as a run does, of the same modules, and creating nothing.
A milestone that is not valid is an answer here, not an error. How it is shown is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal

from evidence import layout
from evidence.backends import registry
from evidence.capture.git import capture_state
from evidence.capture.gpu import capture_gpus
from evidence.capture.host import capture_cpu, capture_hardware
from evidence.capture.repository import open_repository
from evidence.errors import MilestoneError, UsageError
from evidence.milestone.plan import plan_attempts
from evidence.pack.sshsig import NoSshKeygenError, find_ssh_keygen
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord, HardwareRecord
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.running.jax_path import JaxPath, look
from evidence.running.preflight import prepare
from evidence.running.versions import said_version
from evidence.running.workspace import Workspace
from evidence.worker.devices import beside_nvidia
from evidence.worker.interface import Backend, Planned
from evidence.worker.requirements import Unmet, torch_cuda_version, unmet, worker_python

PackState = Literal["none", "sealed", "unfinished"]


class Machine(Record):
    """What runs would have to do with."""

    hardware: HardwareRecord
    repository: GitStateRecord | Unavailable
    packages: tuple[tuple[str, str | Unavailable], ...]
    """(name, version) of what the backend on PyTorch is made of."""
    backends: tuple[tuple[str, str | Unavailable], ...]
    """(name, title) of all that are found here, or what is wrong with one."""
    torch_cuda: str | Unavailable
    """CUDA version that the installed PyTorch was built for."""
    other_gpus: tuple[str, ...]
    """Of AMD and Apple: what is there of them, in words."""
    jax: JaxPath
    """The backend on JAX, which has an environment of its own."""
    ssh_keygen: str | Unavailable
    """Where it is; signing and asking for a signer need it."""


class Prospect(Record):
    """One attempt, and everything it lacks here: nothing, where it can be tried."""

    plan: AttemptPlan
    missing: tuple[Unmet, ...]


class Diagnosis(Record):
    """One milestone: why it is not valid, or what its attempts could do."""

    milestone: str
    problem: UsageError | None
    pack: PackState
    prospects: tuple[Prospect, ...]
    warnings: tuple[str, ...] = ()
    """What a run would warn of before its first step."""

    @property
    def first(self) -> Prospect | None:
        """The attempt that a run would begin with in earnest; None where none can be tried."""
        able = (one for one in self.prospects if not one.missing and not one.plan.manual)
        return next(able, None)


def examine_machine(root: Path) -> Machine:
    """Look at the machine, the repository of `root`, and the packages."""
    found = capture_gpus()
    hardware = capture_hardware(
        root, capture_cpu(), found.gpus, found.driver_version, found.driver_cuda_version
    )
    return Machine(
        hardware=hardware,
        repository=capture_state(open_repository(root)),
        packages=tuple((name, said_version(name)) for name in _packages()),
        backends=tuple(_backends()),
        torch_cuda=torch_cuda_version(),
        other_gpus=tuple(beside_nvidia()),
        jax=look(root),
        ssh_keygen=_ssh_keygen(),
    )


def diagnose(root: Path, runs: Path, milestone_id: str, hardware: HardwareRecord) -> Diagnosis:
    """What would become of `evidence run MILESTONE` on this machine. May ask the hub."""
    pack = _pack_state(runs, milestone_id)
    try:
        if layout.MILESTONE_ID.fullmatch(milestone_id) is None:
            raise UsageError(f"{milestone_id!r} is no milestone id", hint="Give an id such as M43.")
        prepared = prepare(root, milestone_id, None)
    except UsageError as problem:
        return Diagnosis(milestone_id, problem, pack, ())
    plans, backends = plan_attempts(prepared.milestone), prepared.backends
    prospects = tuple(_prospect(plan, backends[plan.backend], hardware, root) for plan in plans)
    return Diagnosis(milestone_id, None, pack, prospects, prepared.warnings)


def _prospect(
    plan: AttemptPlan, backend: Backend, hardware: HardwareRecord, root: Path
) -> Prospect:
    return Prospect(plan, unmet(plan, backend, hardware, worker_python(plan, backend, root)))


def find_milestones(root: Path) -> Sequence[str]:
    """Ids of all milestones of a project, sorted. Raises MilestoneError where there are none."""
    found = sorted(path.stem for path in (root / "milestones").glob("*.toml"))
    if not found:
        raise MilestoneError(
            f"there is no milestone in {root / 'milestones'}",
            hint="Write one: evidence new M1\n  "
            "Or record a program as it is: evidence record R1 -- python train.py",
        )
    return found


def _pack_state(runs: Path, milestone_id: str) -> PackState:
    if Workspace(layout.work_dir(runs, milestone_id)).is_run:
        return "unfinished"
    return "sealed" if layout.pack_dir(runs, milestone_id).exists() else "none"


def _packages() -> Iterator[str]:
    yield from (package.name for package in registry.SHIPPED["transformers"].packages)


def _backends() -> Iterator[tuple[str, str | Unavailable]]:
    for name, found in registry.every():
        if isinstance(found, UsageError):
            yield name, Unavailable(found.message)
        elif isinstance(found.run_stage, Planned):
            yield name, Unavailable(found.run_stage.reason)
        else:
            yield name, found.title


def _ssh_keygen() -> str | Unavailable:
    try:
        return str(find_ssh_keygen())
    except NoSshKeygenError as error:
        return Unavailable(error.message)
