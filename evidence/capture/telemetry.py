"""One sample of our own worker while it runs: its processes, and the GPU they are on.

Resident memory is summed over the worker and its children, so pages they share count more than
once. When samples are taken is the supervisor's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import psutil

from evidence.capture.gpu import sample_gpu
from evidence.capture.processor_energy import FIRST, EnergyMeter
from evidence.records.capture import TelemetryRow
from evidence.records.milestone import RequirementSpec

SAMPLING_PERIOD_S: Final = 1.0
_EACH_SECOND_S: Final = 7_200.0

_known: dict[int, psutil.Process] = {}
"""Processes of the last sample: psutil measures processor use between two looks at one object."""
_meter: Final = EnergyMeter()


def sampling_period_s(elapsed_s: float) -> float:
    """Seconds from one sample to the next: one in the first two hours of a run, then ever more.

    It is a 7,200th of the time so far: a year has 70,000 samples, which are read in a second.
    """
    return max(SAMPLING_PERIOD_S, elapsed_s / _EACH_SECOND_S)


def sample(
    pid: int,
    attempt: str,
    stage: str,
    elapsed_s: float,
    others: Sequence[int] = (),
    requires: RequirementSpec = RequirementSpec(),  # noqa: B008 - a frozen record: nothing
) -> TelemetryRow | None:
    """Memory and use of the worker at this moment; None when it is gone already. Of several
    workers: of all together, as long as the first is there. `requires` names the GPU
    that they were shown alone, where it was one of NVIDIA's."""
    first = pid not in _known
    processes = _processes(pid)
    if not processes:
        return None
    for other in others:
        processes += _processes(other)
    rss_bytes, cpu_percent = _measure(processes)
    if rss_bytes == 0:
        return None  # it ended between the two looks
    gpu = requires.gpu if requires.accelerator == "nvidia" else None
    shown = sample_gpu(frozenset(_known), gpu)
    return TelemetryRow(
        attempt=attempt,
        stage=stage,
        elapsed_s=elapsed_s,
        rss_bytes=rss_bytes,
        cpu_percent=FIRST if first else cpu_percent,
        gpu_memory_bytes=shown.memory_bytes,
        gpu_utilisation_percent=shown.utilisation_percent,
        gpu_power_w=shown.power_w,
        cpu_energy_j=_meter.since_last_j(first=first),
    )


def _processes(pid: int) -> list[psutil.Process]:
    """A worker and what it has started; none where it is gone."""
    try:
        worker = _known.get(pid) or psutil.Process(pid)
        if worker.status() == psutil.STATUS_ZOMBIE:
            return []
        return [worker, *worker.children(recursive=True)]
    except (psutil.Error, OSError, ValueError):  # an odd /proc, besides what psutil names
        return []


def _measure(processes: Iterable[psutil.Process]) -> tuple[int, float]:
    """Resident bytes and processor use of all. A child that ends meanwhile is left out."""
    rss_bytes, cpu_percent = 0, 0.0
    seen: dict[int, psutil.Process] = {}
    for process in processes:
        known = _known.get(process.pid)
        same = known if known == process else process  # equal: the same start time too
        try:
            rss_bytes += same.memory_info().rss
            cpu_percent += same.cpu_percent()
        except (psutil.Error, OSError, ValueError):
            continue
        seen[same.pid] = same
    _known.clear()
    _known.update(seen)
    return rss_bytes, cpu_percent
