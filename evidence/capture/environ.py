"""Python, locale, time zone, and environment variables that can matter; also as one text.

Responsible for what the process knows of itself. The framework is told by the worker.
"""

from __future__ import annotations

import locale
import platform
import time
from collections.abc import Mapping
from typing import Final

from evidence import limits
from evidence.capture.packages import without_credentials
from evidence.capture.variables import is_recorded
from evidence.records.availability import Unavailable
from evidence.records.capture import (
    EnvironmentRecord,
    GitRecord,
    HardwareRecord,
    PackagesRecord,
    TorchRecord,
)
from evidence.text.escape import one_line, visible

_MAX_ROW_CHARS: Final = 8 * limits.MAX_CAPTURED_CHARS
"""Of several facts, each whole: verify looks for them here."""


def capture_environment(started_utc: str, variables: Mapping[str, str]) -> EnvironmentRecord:
    """environment.json, before a worker has said what its framework is."""
    return EnvironmentRecord(
        schema="environment.v1",
        python_version=platform.python_version(),
        python_implementation=platform.python_implementation(),
        python_compiler=platform.python_compiler(),
        locale=_locale(),
        timezone=time.strftime("%z"),
        started_utc=started_utc,
        variables={
            name: visible(without_credentials(value))
            for name, value in sorted(variables.items())
            if is_recorded(name)
        },
        framework=Unavailable("no attempt completed"),
    )


def env_snapshot(
    environment: EnvironmentRecord,
    hardware: HardwareRecord,
    git: GitRecord,
    packages: PackagesRecord,
) -> str:
    """env_snapshot.txt: the same facts for eyes."""
    framework = environment.framework
    torch = framework if isinstance(framework, TorchRecord) else None
    versions = {package.name: package.version for package in packages.imported}
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
        "PyTorch": torch.torch_version if torch else versions.get("torch", "not installed"),
        "Transformers": versions.get("transformers", "not installed"),
        "CUDA used": _cuda_used(framework),
        "CUDA (PyTorch)": _or_reason(torch.cuda_version) if torch else _or_reason(framework),
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


def _cuda_used(framework: TorchRecord | Unavailable) -> str:
    """Whether the worker that completed computed on a GPU."""
    if isinstance(framework, Unavailable):
        return _or_reason(framework)
    return f"{framework.device.startswith('cuda')} (device {framework.device})"


def _locale() -> str:
    try:
        return ".".join(part for part in locale.getlocale() if part) or "C"
    except ValueError:  # a name the C library took and Python does not know
        try:
            return visible(locale.setlocale(locale.LC_CTYPE))
        except (locale.Error, ValueError):  # or that is no text
            return "not said"


def _or_reason(value: object) -> str:
    return f"not available ({value.reason})" if isinstance(value, Unavailable) else str(value)
