"""One sample of our own worker while it runs."""

from __future__ import annotations

import psutil

from evidence.capture.gpu import sample_gpu
from evidence.records.availability import Unavailable
from evidence.records.capture import TelemetryRow

_seen: dict[int, psutil.Process] = {}


def sample(pid: int, attempt: str, stage: str, elapsed_s: float) -> TelemetryRow | None:
    """Memory and use of the worker at this moment; None when it is gone already."""
    try:
        process = _seen.get(pid)
        if process is None:
            _seen.clear()  # the worker before this one is gone
            process = _seen[pid] = psutil.Process(pid)
            process.cpu_percent()  # the first reading has no interval behind it
            cpu: float | Unavailable = Unavailable("the first sample has no interval behind it")
        else:
            cpu = process.cpu_percent()
        rss_bytes = process.memory_info().rss
    except psutil.Error:
        return None
    gpu = sample_gpu(pid)
    return TelemetryRow(
        attempt=attempt,
        stage=stage,
        elapsed_s=elapsed_s,
        rss_bytes=rss_bytes,
        cpu_percent=cpu,
        gpu_memory_bytes=gpu.memory_bytes,
        gpu_utilisation_percent=gpu.utilisation_percent,
        gpu_power_w=gpu.power_w,
    )
