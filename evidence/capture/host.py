"""Processor, memory, disk, operating system, container."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any, Final

import psutil

from evidence.records.availability import Unavailable
from evidence.records.capture import CpuRecord, GpuRecord, HardwareRecord

NOT_SAID: Final = Unavailable("the operating system does not say")


def capture_cpu() -> CpuRecord:
    """What py-cpuinfo and psutil know of the processor. Takes about a second and a half."""
    info = _cpuinfo()
    flags = info.get("flags")
    frequency = psutil.cpu_freq()
    return CpuRecord(
        model=str(info.get("brand_raw") or "") or NOT_SAID,
        architecture=platform.machine(),
        num_physical_cores=psutil.cpu_count(logical=False) or NOT_SAID,
        num_logical_cores=psutil.cpu_count() or NOT_SAID,
        num_usable_cores=_usable_cores(),
        max_mhz=float(frequency.max or frequency.current)
        if frequency and (frequency.max or frequency.current)
        else NOT_SAID,
        flags=tuple(sorted(map(str, flags))) if flags else NOT_SAID,
    )


def _cpuinfo() -> dict[str, Any]:
    import cpuinfo  # 1.4 s of probing lie behind it; nothing else needs it

    try:
        found: dict[str, Any] = cpuinfo.get_cpu_info()
    except Exception:  # it parses the output of a dozen tools, and any of them may surprise it
        return {}
    return found


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
    disk = psutil.disk_usage(str(root))
    return HardwareRecord(
        schema="hardware.v1",
        cpu=cpu,
        memory_bytes=psutil.virtual_memory().total,
        disk_total_bytes=disk.total,
        disk_free_bytes=disk.free,
        gpus=gpus,
        driver_version=driver,
        driver_cuda_version=cuda,
        os=_os_name(),
        kernel=platform.release(),
        container=_container(),
    )


def _os_name() -> str:
    if platform.system() != "Linux":
        return f"{platform.system()} {platform.version()}"
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "Linux")
    except OSError:
        return "Linux"


def _container() -> str | Unavailable:
    if "microsoft" in platform.release().lower():
        return "wsl"
    if Path("/.dockerenv").exists():
        return "docker"
    if Path("/run/.containerenv").exists():
        return "podman"
    if "KUBERNETES_SERVICE_HOST" in os.environ:
        return "kubernetes"
    return Unavailable("no container was recognised")
