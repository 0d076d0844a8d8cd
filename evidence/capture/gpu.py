"""NVIDIA GPUs for records, through NVML. Only importer of pynvml.

Responsible for surviving what drivers do: no library, no permission, a GPU that is lost, a call
that never returns. Each has its own reason. nvidia-smi's report for eyes is `smi`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from typing import Any, Final, TypeVar

from evidence import limits
from evidence.capture.process import TooSlowError, answer_within
from evidence.capture.smi import gpu_snapshot
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.records.record import Record
from evidence.text.escape import one_line, visible

__all__ = ["GpuCapture", "GpuSample", "capture_gpus", "gpu_snapshot", "sample_gpu"]

T = TypeVar("T")

NO_DRIVER: Final = "no NVIDIA driver was found"
NOT_OURS: Final = Unavailable(
    "NVML lists no GPU memory of our process: it uses none, or a container hides process ids"
)
_ARCHITECTURES: Final = {
    (12,): "Blackwell",
    (11,): "Blackwell",
    (10,): "Blackwell",
    (9,): "Hopper",
    (8, 9): "Ada Lovelace",
    (8,): "Ampere",
    (7, 5): "Turing",
    (7,): "Volta",
    (6,): "Pascal",
}


class GpuCapture(Record):
    """All that the driver says."""

    gpus: tuple[GpuRecord, ...] | Unavailable
    driver_version: str | Unavailable
    driver_cuda_version: str | Unavailable


class GpuSample(Record):
    """One moment of the GPUs that our processes use."""

    memory_bytes: int | Unavailable
    """Of our processes, on all GPUs."""
    utilisation_percent: float | Unavailable
    """Of the first GPU we are on, by everyone."""
    power_w: float | Unavailable
    """Drawn by that GPU."""


@cache
def _nvml() -> Any:
    """The initialised NVML module, or the reason why there is none."""
    try:
        import pynvml
    except ImportError:
        return Unavailable("the package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except (pynvml.NVMLError, OSError) as error:
        return Unavailable(f"{NO_DRIVER} ({one_line(str(error), 80)})")
    return pynvml


_stuck: list[Unavailable] = []
"""The reason, once a call has not returned: no further thread is sent into the same driver."""


def _in_time(question: Callable[[], T], timeout_s: float) -> T | Unavailable:
    if _stuck:
        return _stuck[0]
    try:
        return answer_within(timeout_s, question)
    except TooSlowError:
        _stuck.append(Unavailable(f"NVML did not answer within {timeout_s:g} s"))
        return _stuck[0]


def capture_gpus() -> GpuCapture:
    """Every GPU, the driver, and the CUDA version that the driver supports."""
    found = _in_time(_capture, limits.PROBE_TIMEOUT_S)
    return GpuCapture(found, found, found) if isinstance(found, Unavailable) else found


def _capture() -> GpuCapture | Unavailable:
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return nvml
    cuda = _ask(nvml, lambda: int(nvml.nvmlSystemGetCudaDriverVersion()))
    return GpuCapture(
        gpus=_ask(
            nvml, lambda: tuple(_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount()))
        ),
        driver_version=_ask(nvml, lambda: _text(nvml.nvmlSystemGetDriverVersion())),
        driver_cuda_version=cuda
        if isinstance(cuda, Unavailable)
        else f"{cuda // 1000}.{cuda % 1000 // 10}",
    )


def sample_gpu(pids: Collection[int]) -> GpuSample:
    """Memory of our own processes; use and power of the GPU they are on."""
    found = _in_time(lambda: _sample(pids), limits.GPU_SAMPLE_TIMEOUT_S)
    return GpuSample(found, found, found) if isinstance(found, Unavailable) else found


def _sample(pids: Collection[int]) -> GpuSample | Unavailable:
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return nvml
    handles = _ask(
        nvml,
        lambda: [nvml.nvmlDeviceGetHandleByIndex(i) for i in range(nvml.nvmlDeviceGetCount())],
    )
    if isinstance(handles, Unavailable):
        return handles
    held = [(handle, _held(nvml, handle, pids)) for handle in handles]
    ours = [(handle, memory) for handle, memory in held if isinstance(memory, int)]
    reasons = (memory for _, memory in held if memory != NOT_OURS)
    memory = sum(memory for _, memory in ours) if ours else next(reasons, NOT_OURS)
    # With several GPUs, only one that we hold memory on is known to be ours.
    device = ours[0][0] if ours else handles[0] if len(handles) == 1 else None
    if device is None:
        which = Unavailable("which of several GPUs is ours cannot be told")
        return GpuSample(memory, which, which)
    return GpuSample(
        memory_bytes=memory,
        utilisation_percent=_ask(
            nvml, lambda: float(nvml.nvmlDeviceGetUtilizationRates(device).gpu)
        ),
        power_w=_ask(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(device) / 1000),
    )


def _held(nvml: Any, handle: Any, pids: Collection[int]) -> int | Unavailable:
    running = _ask(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle))
    if isinstance(running, Unavailable):
        return running
    held = [one.usedGpuMemory for one in running if one.pid in pids]
    if not held:
        return NOT_OURS
    if None in held:
        return Unavailable("the driver does not say how much memory a process holds")
    return int(sum(held))


def _gpu(nvml: Any, index: int) -> GpuRecord:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    capability: tuple[int, int] | Unavailable = _ask(
        nvml, lambda: nvml.nvmlDeviceGetCudaComputeCapability(handle)
    )
    return GpuRecord(
        index=index,
        name=_text(nvml.nvmlDeviceGetName(handle)),
        uuid=_ask(nvml, lambda: _text(nvml.nvmlDeviceGetUUID(handle))),
        memory_bytes=_ask(nvml, lambda: int(nvml.nvmlDeviceGetMemoryInfo(handle).total)),
        compute_capability=_sm(capability),
        architecture=_architecture(capability),
        sm_clock_mhz=_ask(nvml, lambda: int(nvml.nvmlDeviceGetClockInfo(handle, 1))),
        memory_clock_mhz=_ask(nvml, lambda: int(nvml.nvmlDeviceGetClockInfo(handle, 2))),
        power_limit_w=_ask(nvml, lambda: nvml.nvmlDeviceGetPowerManagementLimit(handle) / 1000),
        ecc=_ask(nvml, lambda: bool(nvml.nvmlDeviceGetEccMode(handle)[0])),
        mig=_ask(nvml, lambda: bool(nvml.nvmlDeviceGetMigMode(handle)[0])),
    )


def _sm(capability: tuple[int, int] | Unavailable) -> str | Unavailable:
    if isinstance(capability, Unavailable):
        return capability
    return f"sm_{capability[0]}{capability[1]}"


def _architecture(capability: tuple[int, int] | Unavailable) -> str | Unavailable:
    if isinstance(capability, Unavailable):
        return capability
    name = _ARCHITECTURES.get(tuple(capability)) or _ARCHITECTURES.get(capability[:1])
    return name or Unavailable(f"no name is known for compute capability {capability}")


def _ask(nvml: Any, question: Callable[[], T]) -> T | Unavailable:
    try:
        return question()
    except nvml.NVMLError as error:
        return Unavailable(f"NVML: {one_line(str(error), 80)}")


def _text(value: str | bytes) -> str:
    return visible(value.decode("utf-8", "replace") if isinstance(value, bytes) else value)
