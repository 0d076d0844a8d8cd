"""Processor, memory, disk, operating system, container.

Responsible for asking psutil, py-cpuinfo and the system's own files, each of which may refuse.
"""

from __future__ import annotations

import json
import math
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
from evidence.capture.cgroups import core_limit, memory_limit_bytes
from evidence.capture.process import (
    TooLongError,
    TooSlowError,
    answer_within,
    collect_output,
    up_to,
)
from evidence.records.availability import Unavailable
from evidence.records.capture import CpuRecord, GpuRecord, HardwareRecord
from evidence.text.escape import one_line

T = TypeVar("T")

_CPUINFO: Final = "import cpuinfo, time; time.sleep = lambda _: None; cpuinfo.main()"
"""py-cpuinfo sleeps for a second to measure a frequency. We do not record that, and do not wait."""
_CPU_FILE: Final = Path("/proc/cpuinfo")
_MAX_CORES: Final = 1 << 20
_MAX_MHZ: Final = 1_000_000
_MAX_BYTES: Final = 1 << 62
_MAX_NAME_CHARS: Final = 200
_MAX_FLAGS: Final = 2000
NOT_REPORTED: Final = Unavailable("the operating system does not say")
_IN_CGROUP: Final = re.compile(r"kubepods|docker|libpod|lxc|containerd")
_OF_CGROUP: Final = {"kubepods": "kubernetes", "libpod": "podman"}


def capture_cpu() -> CpuRecord:
    """What py-cpuinfo and psutil know of the processor. Takes about a third of a second."""
    info = _cpuinfo()
    return CpuRecord(
        model=_plain(info.get("brand_raw")) or _plain(_ask(_model_name)) or NOT_REPORTED,
        architecture=_plain(platform.machine()) or "not said",
        num_physical_cores=_whole(lambda: psutil.cpu_count(logical=False), _MAX_CORES),
        num_logical_cores=_whole(psutil.cpu_count, _MAX_CORES),
        num_usable_cores=_usable_cores(),
        max_mhz=_ask(_max_mhz),
        flags=_flags(info.get("flags")),
    )


def _plain(text: object) -> str:
    """A name on one line; empty for what is none."""
    return one_line(" ".join(text.split()), _MAX_NAME_CHARS) if isinstance(text, str) else ""


def _flags(found: object) -> tuple[str, ...] | Unavailable:
    named = sorted(filter(None, map(_plain, found))) if isinstance(found, list) else []
    return tuple(named[:_MAX_FLAGS]) or NOT_REPORTED


def _ask(question: Callable[[], T | None]) -> T | Unavailable:
    """What the system answers in time. In containers and on new hardware it fails in many ways."""
    try:
        found = answer_within(limits.PROBE_TIMEOUT_S, question)
    except TooSlowError:
        return Unavailable(f"the system did not answer within {limits.PROBE_TIMEOUT_S:g} s")
    except Exception as error:  # psutil raises whatever an odd /proc makes of its parsing
        return Unavailable(
            f"{NOT_REPORTED.reason}: {one_line(str(error) or type(error).__name__, 80)}"
        )
    return NOT_REPORTED if found is None or found == "" else found


def _whole(question: Callable[[], object], highest: int, lowest: int = 1) -> int | Unavailable:
    """A whole number that can be true."""
    found = _ask(question)
    if isinstance(found, Unavailable):
        return found
    if isinstance(found, bool) or not isinstance(found, int) or not lowest <= found <= highest:
        return Unavailable(f"the operating system says {one_line(str(found), 40)}")
    return found


def _max_mhz() -> float | None:
    frequency = psutil.cpu_freq()
    found = float(frequency.max or frequency.current) if frequency else 0.0
    return found if 0 < found <= _MAX_MHZ else None


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
        ended = collect_output(process, limits.PROBE_TIMEOUT_S, up_to(limits.MIB))
        found = json.loads(ended.output)
    except (OSError, ValueError, TooSlowError, TooLongError):
        return {}
    return found if isinstance(found, dict) else {}


def _model_name() -> str:
    """The processor's name without py-cpuinfo; empty where it is not said."""
    try:
        text = _CPU_FILE.read_text("utf-8", "replace")
    except OSError:
        text = ""
    found = re.search(r"^model name[ \t]*:[ \t]*(\S.*)$", text, re.MULTILINE)
    other = platform.processor()
    # An instruction set is no name of a processor, though it is given for one.
    return found[1].strip() if found else "" if other == platform.machine() else other


def _usable_cores() -> int | Unavailable:
    """By affinity, and by the processor time of the container where that is less, rounded up."""
    affinity = getattr(os, "sched_getaffinity", None)
    if affinity is None:
        return Unavailable("this system has no processor affinity")
    cores = _whole(lambda: len(affinity(0)), _MAX_CORES)
    limit = core_limit()
    if isinstance(cores, Unavailable) or limit is None:
        return cores
    return limit if isinstance(limit, Unavailable) else min(cores, math.ceil(limit))


def _memory_bytes() -> int | Unavailable:
    """The machine's memory, or what the container leaves of it where that is less."""
    found = _whole(lambda: psutil.virtual_memory().total, _MAX_BYTES)
    limit = memory_limit_bytes()
    if isinstance(found, Unavailable) or limit is None:
        return found
    return limit if isinstance(limit, Unavailable) else min(found, limit)


def _disk_bytes(root: Path) -> tuple[int | Unavailable, int | Unavailable]:
    """Size and free space of the disk that holds `root`."""
    disk = _ask(lambda: psutil.disk_usage(str(root)))
    if isinstance(disk, Unavailable):
        return disk, disk
    total = _whole(lambda: disk.total, _MAX_BYTES)
    return total, _whole(lambda: disk.free, _MAX_BYTES, lowest=0)


def capture_hardware(
    root: Path,
    cpu: CpuRecord,
    gpus: tuple[GpuRecord, ...] | Unavailable,
    driver: str | Unavailable,
    cuda: str | Unavailable,
) -> HardwareRecord:
    """hardware.json from its parts."""
    disk_total_bytes, disk_free_bytes = _disk_bytes(root)
    return HardwareRecord(
        schema="hardware.v1",
        cpu=cpu,
        memory_bytes=_memory_bytes(),
        disk_total_bytes=disk_total_bytes,
        disk_free_bytes=disk_free_bytes,
        gpus=gpus,
        driver_version=driver,
        driver_cuda_version=cuda,
        os=_os_name(),
        kernel=_plain(platform.release()) or "not said",
        container=recognise_container(Path("/"), platform.release(), os.environ),
    )


def _os_name() -> str:
    if platform.system() != "Linux":
        return _plain(f"{platform.system()} {platform.version()}") or "not said"
    try:
        return _plain(platform.freedesktop_os_release().get("PRETTY_NAME")) or "Linux"
    except (OSError, ValueError):  # a file that is not there, or no UTF-8 text
        return "Linux"


def recognise_container(root: Path, kernel: str, variables: Mapping[str, str]) -> str | Unavailable:
    """Kind of container or subsystem that the signs below `root` speak for. The innermost wins."""
    cgroup = _in_cgroup(root)
    if "KUBERNETES_SERVICE_HOST" in variables or cgroup == "kubernetes":
        return "kubernetes"
    if _is_there(root / ".dockerenv"):
        return "docker"
    if _is_there(root / "run/.containerenv"):
        return "podman"
    if cgroup:
        return cgroup
    if "microsoft" in kernel.lower():
        return "wsl"
    return Unavailable("no container was recognised")


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        return False


def _in_cgroup(root: Path) -> str:
    try:
        found = _IN_CGROUP.search((root / "proc/1/cgroup").read_text("utf-8", "replace"))
    except OSError:
        return ""
    return _OF_CGROUP.get(found[0], found[0]) if found else ""
