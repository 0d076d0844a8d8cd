"""Processor, memory, disk, operating system, container.

Responsible for asking psutil, py-cpuinfo and the system's own files, each of which may refuse.
"""

from __future__ import annotations

import json
import os
import platform
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeVar

import psutil

from evidence import limits
from evidence.capture.process import TooLongError, TooSlowError, hear_out, up_to
from evidence.records.availability import Unavailable
from evidence.records.capture import CpuRecord, GpuRecord, HardwareRecord
from evidence.text.escape import one_line, visible

T = TypeVar("T")

_CPUINFO: Final = "import cpuinfo, time; time.sleep = lambda _: None; cpuinfo.main()"
"""py-cpuinfo sleeps for a second to measure a frequency. We do not record that, and do not wait."""
NOT_SAID: Final = Unavailable("the operating system does not say")
_IN_CGROUP: Final = re.compile(r"kubepods|docker|libpod|lxc|containerd")
_OF_CGROUP: Final = {"kubepods": "kubernetes", "libpod": "podman"}


def capture_cpu() -> CpuRecord:
    """What py-cpuinfo and psutil know of the processor. Takes about a third of a second."""
    info = _cpuinfo()
    flags = info.get("flags")
    model = str(info.get("brand_raw") or "") or _model_name()
    return CpuRecord(
        model=visible(" ".join(model.split())) or NOT_SAID,
        architecture=platform.machine(),
        num_physical_cores=_ask(lambda: psutil.cpu_count(logical=False)),
        num_logical_cores=_ask(psutil.cpu_count),
        num_usable_cores=_usable_cores(),
        max_mhz=_ask(_max_mhz),
        flags=tuple(sorted(map(str, flags))) if flags else NOT_SAID,
    )


def _ask(question: Callable[[], T | None]) -> T | Unavailable:
    """What the system answers. In containers and on new hardware psutil raises in many ways."""
    try:
        return question() or NOT_SAID
    except (psutil.Error, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        return Unavailable(f"{NOT_SAID.reason}: {one_line(str(error), 80)}")


def _max_mhz() -> float | None:
    frequency = psutil.cpu_freq()
    return float(frequency.max or frequency.current) if frequency else None


def _cpuinfo() -> dict[str, Any]:
    """py-cpuinfo, in a process of its own: it forks, which must not happen among our threads."""
    if not sys.executable:
        return {}
    try:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _CPUINFO, "--json"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        heard = hear_out(process, limits.PROBE_TIMEOUT_S, up_to(limits.MIB))
        found = json.loads(heard.output)
    except (OSError, ValueError, TooSlowError, TooLongError):
        return {}
    return found if isinstance(found, dict) else {}


def _model_name() -> str:
    """The processor's name without py-cpuinfo; empty where it is not said."""
    try:
        text = Path("/proc/cpuinfo").read_text("utf-8", "replace")
    except OSError:
        return platform.processor()
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1].strip() if found else platform.processor()


def _usable_cores() -> int | Unavailable:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return Unavailable("this system has no processor affinity")


def capture_hardware(
    root: Path,
    cpu: CpuRecord,
    gpus: tuple[GpuRecord, ...] | Unavailable,
    driver: str | Unavailable,
    cuda: str | Unavailable,
) -> HardwareRecord:
    """hardware.json from its parts."""
    disk = _ask(lambda: psutil.disk_usage(str(root)))
    return HardwareRecord(
        schema="hardware.v1",
        cpu=cpu,
        memory_bytes=_ask(lambda: int(psutil.virtual_memory().total)),
        disk_total_bytes=disk if isinstance(disk, Unavailable) else disk.total,
        disk_free_bytes=disk if isinstance(disk, Unavailable) else disk.free,
        gpus=gpus,
        driver_version=driver,
        driver_cuda_version=cuda,
        os=_os_name(),
        kernel=visible(platform.release()),
        container=recognise_container(Path("/"), platform.release(), os.environ),
    )


def _os_name() -> str:
    if platform.system() != "Linux":
        return f"{platform.system()} {platform.version()}"
    try:
        return visible(platform.freedesktop_os_release().get("PRETTY_NAME", "Linux"))
    except OSError:
        return "Linux"


def recognise_container(root: Path, kernel: str, variables: Mapping[str, str]) -> str | Unavailable:
    """Kind of container or subsystem that the signs below `root` speak for. The innermost wins."""
    cgroup = _in_cgroup(root)
    if "KUBERNETES_SERVICE_HOST" in variables or cgroup == "kubernetes":
        return "kubernetes"
    if (root / ".dockerenv").exists():
        return "docker"
    if (root / "run/.containerenv").exists():
        return "podman"
    if cgroup:
        return cgroup
    if "microsoft" in kernel.lower():
        return "wsl"
    return Unavailable("no container was recognised")


def _in_cgroup(root: Path) -> str:
    try:
        found = _IN_CGROUP.search((root / "proc/1/cgroup").read_text("utf-8", "replace"))
    except OSError:
        return ""
    return _OF_CGROUP.get(found[0], found[0]) if found else ""
