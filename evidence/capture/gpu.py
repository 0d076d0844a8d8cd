"""NVIDIA GPUs for records, through NVML. Only importer of pynvml.

Responsible for surviving what drivers do: no library, no permission, a GPU that is lost, a call
that never returns. Each has its own reason. What may be true is
`nvml_answers`'s, why there is none `driver`'s, nvidia-smi's report for eyes `smi`'s.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import cache, partial
from typing import Any, Final, TypeVar

from evidence import limits
from evidence.capture import driver, nvml_answers
from evidence.capture.nvml_answers import ask
from evidence.capture.process import TooSlowError, answer_within
from evidence.capture.smi import gpu_snapshot
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuPartRecord, GpuRecord
from evidence.records.record import Record

__all__ = ["GpuCapture", "GpuSample", "capture_gpus", "gpu_snapshot", "sample_gpu"]

T = TypeVar("T")

NOT_THIS_PROCESS: Final = Unavailable(
    "NVML lists no GPU memory of our process: it uses none, or a container hides process ids"
)
_MAX_PARTS: Final = 16


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
    """Of the GPU that was named, else of the first that we are on; by everyone."""
    power_w: float | Unavailable
    """Drawn by that GPU."""


@cache
def _nvml() -> Any:
    """The initialised NVML module, or the reason why there is none."""
    try:
        import pynvml
    except ImportError:
        return Unavailable(driver.NO_PACKAGE.says)
    with suppress(OSError):  # once it is loaded, NVML is found by its bare name as well
        ctypes.CDLL(driver.WSL_NVML)
    try:
        pynvml.nvmlInit()
    except Exception as error:  # NVML's own errors, and what ctypes makes of a broken library
        code = getattr(error, "value", None)
        return driver.why_no_start(code, nvml_answers.words_of(error))
    return pynvml


_stuck: list[Unavailable] = []
"""The reason, once a call has not returned: no further thread is sent into the same driver."""


def _in_time(question: Callable[[], T | Unavailable], timeout_s: float) -> T | Unavailable:
    if _stuck:
        return _stuck[0]
    try:
        return answer_within(timeout_s, lambda: ask(question))
    except TooSlowError:
        _stuck.append(Unavailable(f"{driver.NO_ANSWER.says} {timeout_s:g} s"))
        return _stuck[0]


def capture_gpus() -> GpuCapture:
    """Every GPU, the driver, and the CUDA version that the driver supports."""
    found = _in_time(_capture, limits.PROBE_TIMEOUT_S)
    return GpuCapture(found, found, found) if isinstance(found, Unavailable) else found


def _capture() -> GpuCapture | Unavailable:
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return nvml
    count = _count(nvml)
    return GpuCapture(
        gpus=count
        if isinstance(count, Unavailable)
        else tuple(_gpu(nvml, index) for index in range(count)),
        driver_version=ask(lambda: nvml_answers.text(nvml.nvmlSystemGetDriverVersion())),
        driver_cuda_version=ask(
            lambda: nvml_answers.cuda_version(nvml.nvmlSystemGetCudaDriverVersion())
        ),
    )


def _count(nvml: Any) -> int | Unavailable:
    return ask(
        lambda: nvml_answers.whole(nvml.nvmlDeviceGetCount(), 0, nvml_answers.MAX_GPUS, "GPUs")
    )


def sample_gpu(pids: Collection[int], named: int | str | None = None) -> GpuSample:
    """Memory of our own processes; use and power of the GPU they are on.

    `named`: number or UUID of the one that they were shown alone.
    """
    found = _in_time(lambda: _sample(pids, named), limits.GPU_SAMPLE_TIMEOUT_S)
    return GpuSample(found, found, found) if isinstance(found, Unavailable) else found


def _sample(pids: Collection[int], named: int | str | None) -> GpuSample | Unavailable:
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return nvml
    count = _count(nvml)
    if isinstance(count, Unavailable):
        return count
    found = [ask(partial(nvml.nvmlDeviceGetHandleByIndex, i)) for i in range(count)]
    handles = [handle for handle in found if not isinstance(handle, Unavailable)]
    silent = [handle for handle in found if isinstance(handle, Unavailable)]
    held = [(handle, _held(nvml, handle, pids)) for handle in handles]
    own = [(handle, memory) for handle, memory in held if isinstance(memory, int)]
    reasons = (
        memory for memory in (*silent, *(one for _, one in held)) if memory != NOT_THIS_PROCESS
    )
    memory = sum(memory for _, memory in own) if own else next(reasons, NOT_THIS_PROCESS)
    # With several GPUs, only one that we hold memory on is known to be ours.
    device = own[0][0] if own else handles[0] if len(found) == len(handles) == 1 else None
    if named is not None:
        device = ask(partial(_named, nvml, named))
        if isinstance(device, Unavailable):
            return GpuSample(memory, device, device)
    if device is None:
        which = silent[0] if silent else Unavailable("which of several GPUs is ours cannot be told")
        return GpuSample(memory, which, which)
    return GpuSample(memory, _utilisation(nvml, device), _power(nvml, device))


def _named(nvml: Any, named: int | str) -> Any:
    by_number = isinstance(named, int)
    return (nvml.nvmlDeviceGetHandleByIndex if by_number else nvml.nvmlDeviceGetHandleByUUID)(named)


def _utilisation(nvml: Any, device: Any) -> float | Unavailable:
    percent = ask(
        lambda: nvml_answers.whole(nvml.nvmlDeviceGetUtilizationRates(device).gpu, 0, 100, "%")
    )
    return percent if isinstance(percent, Unavailable) else float(percent)


def _power(nvml: Any, device: Any) -> float | Unavailable:
    return ask(lambda: nvml_answers.watts(nvml.nvmlDeviceGetPowerUsage(device), 0))


def _held(nvml: Any, handle: Any, pids: Collection[int]) -> int | Unavailable:
    running = ask(lambda: list(nvml.nvmlDeviceGetComputeRunningProcesses(handle)))
    if isinstance(running, Unavailable):
        return running
    held = [one.usedGpuMemory for one in running if one.pid in pids]
    if not held:
        return NOT_THIS_PROCESS
    if None in held:
        return Unavailable("the driver does not say how much memory a process holds")
    return nvml_answers.whole(sum(held), 0, nvml_answers.MAX_MEMORY_BYTES, "bytes")


def _gpu(nvml: Any, index: int) -> GpuRecord:
    """One GPU. Where the whole device gives an error, that is the reason of each of its values."""
    handle = ask(lambda: nvml.nvmlDeviceGetHandleByIndex(index))
    if isinstance(handle, Unavailable):
        return GpuRecord(index, *[handle] * 10)
    capability = ask(
        lambda: nvml_answers.capability(nvml.nvmlDeviceGetCudaComputeCapability(handle))
    )
    mig = ask(lambda: nvml_answers.switch(nvml.nvmlDeviceGetMigMode(handle)[0]))
    return GpuRecord(
        index=index,
        name=ask(lambda: nvml_answers.text(nvml.nvmlDeviceGetName(handle))),
        uuid=_uuid(nvml, handle),
        memory_bytes=_memory(nvml, handle),
        compute_capability=nvml_answers.sm(capability),
        architecture=nvml_answers.architecture(capability),
        sm_clock_mhz=_clock(nvml, handle, 1),
        memory_clock_mhz=_clock(nvml, handle, 2),
        power_limit_w=ask(
            lambda: nvml_answers.watts(nvml.nvmlDeviceGetPowerManagementLimit(handle), 0.001)
        ),
        ecc=ask(lambda: nvml_answers.switch(nvml.nvmlDeviceGetEccMode(handle)[0])),
        mig=mig,
        parts=_parts(nvml, handle) if mig is True else (),
    )


def _memory(nvml: Any, handle: Any) -> int | Unavailable:
    highest = nvml_answers.MAX_MEMORY_BYTES
    return ask(
        lambda: nvml_answers.whole(nvml.nvmlDeviceGetMemoryInfo(handle).total, 1, highest, "bytes")
    )


def _clock(nvml: Any, handle: Any, kind: int) -> int | Unavailable:
    highest = nvml_answers.MAX_MHZ
    return ask(
        lambda: nvml_answers.whole(nvml.nvmlDeviceGetClockInfo(handle, kind), 1, highest, "MHz")
    )


def _parts(nvml: Any, handle: Any) -> tuple[GpuPartRecord, ...] | Unavailable:
    """The parts of a card that is partitioned (MIG), in order; a place without one is skipped."""
    places = ask(
        lambda: nvml_answers.whole(
            nvml.nvmlDeviceGetMaxMigDeviceCount(handle), 0, _MAX_PARTS, "parts"
        )
    )
    if isinstance(places, Unavailable):
        return places
    found = [
        ask(partial(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, i)) for i in range(places)
    ]
    return tuple(_part(nvml, one) for one in found if not isinstance(one, Unavailable))


def _part(nvml: Any, handle: Any) -> GpuPartRecord:
    return GpuPartRecord(_uuid(nvml, handle), _memory(nvml, handle))


def _uuid(nvml: Any, handle: Any) -> str | Unavailable:
    return ask(lambda: nvml_answers.text(nvml.nvmlDeviceGetUUID(handle)))
