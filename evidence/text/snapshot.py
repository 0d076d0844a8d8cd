"""env_snapshot.txt: what was captured of the machine, for eyes.

Responsible for its lines, which are a function of other documents: verify writes them again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import limits
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    FrameworkRecord,
    GitRecord,
    HardwareRecord,
    JaxRecord,
    PackagesRecord,
    TorchRecord,
    WorkerRecord,
)
from evidence.text.escape import one_line

_MAX_ROW_CHARS: Final = 8 * limits.MAX_CAPTURED_CHARS
"""Of several facts, each whole: verify looks for them here."""


def env_snapshot(
    environment: EnvironmentRecord,
    hardware: HardwareRecord,
    git: GitRecord,
    packages: PackagesRecord,
    worker: WorkerRecord | None = None,
) -> str:
    """The text of env_snapshot.txt."""
    framework = environment.framework
    used = packages if worker is None else worker.as_packages
    versions = {package.name: package.version for package in used.imported}
    gpus = hardware.gpus
    start = git.start
    commit = _or_reason(start) if isinstance(start, Unavailable) else start.commit
    lines = {
        "Date": _or_reason(environment.started_utc),
        "Commit": commit
        + (" (dirty)" if not isinstance(start, Unavailable) and start.dirty else ""),
        "Python": " ".join(
            map(_or_reason, (environment.python_implementation, environment.python_version))
        ),
        **_worker(worker),
        **_framework(framework, versions),
        "CUDA used": _cuda_used(framework),
        **_cuda_of_build(framework),
        "CUDA (driver)": _or_reason(hardware.driver_cuda_version),
        "Driver": _or_reason(hardware.driver_version),
        "GPU present": _or_reason(gpus)
        if isinstance(gpus, Unavailable)
        else ", ".join(_or_reason(gpu.name) for gpu in gpus) or "none",
        "CPU": _or_reason(hardware.cpu.model),
        "Cores": f"{_or_reason(hardware.cpu.num_usable_cores)} usable",
        "Memory": f"{_or_reason(hardware.memory_bytes)} bytes",
        "OS": f"{_or_reason(hardware.os)}, kernel {_or_reason(hardware.kernel)}",
        "Packages": _or_reason(packages.packages)
        if isinstance(packages.packages, Unavailable)
        else str(len(packages.packages)),
    }
    rows = [f"{name}: {value}" for name, value in lines.items()]
    if not isinstance(environment.variables, Unavailable):
        rows += [f"{name}={value}" for name, value in environment.variables.items()]
    # A value with a line end in it must not pass for a line of ours.
    return "".join(f"{one_line(row, _MAX_ROW_CHARS)}\n" for row in rows)


def _worker(worker: WorkerRecord | None) -> dict[str, str]:
    if worker is None:
        return {}
    python = f"{worker.python_implementation} {worker.python_version}"
    where = f"{worker.interpreter}, {len(worker.packages)} packages"
    return {"Python of the workers": f"{python} ({where})"}


def _framework(
    framework: FrameworkRecord | Unavailable, versions: Mapping[str, str]
) -> dict[str, str]:
    if isinstance(framework, JaxRecord):
        parts = ("jaxlib", "flax", "optax", "tunix")
        others = ", ".join(f"{one} {getattr(framework, f'{one}_version')}" for one in parts)
        return {
            "JAX": f"{framework.jax_version} ({others})",
            "Transformers": framework.transformers_version,
        }
    torch = framework if isinstance(framework, TorchRecord) else None
    return {
        "PyTorch": torch.torch_version if torch else versions.get("torch", "not installed"),
        "Transformers": versions.get("transformers", "not installed"),
    }


def _cuda_of_build(framework: FrameworkRecord | Unavailable) -> dict[str, str]:
    if isinstance(framework, JaxRecord):
        return {}
    found = framework if isinstance(framework, Unavailable) else framework.cuda_version
    return {"CUDA (PyTorch)": _or_reason(found)}


def _cuda_used(framework: FrameworkRecord | Unavailable) -> str:
    """Whether the worker that completed computed on a GPU."""
    if isinstance(framework, Unavailable):
        return _or_reason(framework)
    uuid = framework.device_uuid if isinstance(framework, TorchRecord) else None
    named = "" if uuid is None else f", {uuid}"
    return f"{framework.device.startswith('cuda')} (device {framework.device}{named})"


def _or_reason(value: object) -> str:
    return f"not available ({value.reason})" if isinstance(value, Unavailable) else str(value)
