"""NVIDIA GPUs: through NVML for records, through nvidia-smi for eyes. Only importer of pynvml.

Responsible for surviving what drivers do: no library, no permission, a tool that hangs or prints
garbage. Each has its own reason.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, TypeVar

from evidence import limits
from evidence.escape import one_line, visible
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord

T = TypeVar("T")

NO_DRIVER: Final = "no NVIDIA driver was found"
_ARCHITECTURES: Final = {
    (12,): "Blackwell",
    (10,): "Blackwell",
    (9,): "Hopper",
    (8, 9): "Ada Lovelace",
    (8,): "Ampere",
    (7, 5): "Turing",
    (7,): "Volta",
    (6,): "Pascal",
}
_PROCESS_TABLE: Final = re.compile(r"^\+-+\+\n\|\s*Processes:", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class GpuCapture:
    """All that the driver says."""

    gpus: tuple[GpuRecord, ...] | Unavailable
    driver_version: str | Unavailable
    driver_cuda_version: str | Unavailable


@dataclass(frozen=True, slots=True)
class GpuSample:
    """One moment of the first GPU."""

    memory_bytes: int | Unavailable
    utilisation_percent: float | Unavailable
    power_w: float | Unavailable


@cache
def _nvml() -> Any:
    """The initialised NVML module, or the reason why there is none."""
    try:
        import pynvml
    except ImportError:
        return Unavailable("the package nvidia-ml-py is not installed")
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError as error:
        return Unavailable(f"{NO_DRIVER} ({one_line(str(error), 80)})")
    return pynvml


def capture_gpus() -> GpuCapture:
    """Every GPU, the driver, and the CUDA version that the driver supports."""
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return GpuCapture(nvml, nvml, nvml)
    cuda = _ask(nvml, nvml.nvmlSystemGetCudaDriverVersion)
    return GpuCapture(
        gpus=tuple(_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())),
        driver_version=_ask(nvml, lambda: _text(nvml.nvmlSystemGetDriverVersion())),
        driver_cuda_version=cuda
        if isinstance(cuda, Unavailable)
        else f"{cuda // 1000}.{cuda % 1000 // 10}",
    )


def sample_gpu(pid: int) -> GpuSample:
    """Memory of our own process on the first GPU; use and power of the GPU as a whole."""
    nvml = _nvml()
    if isinstance(nvml, Unavailable):
        return GpuSample(nvml, nvml, nvml)
    handle = _ask(nvml, lambda: nvml.nvmlDeviceGetHandleByIndex(0))
    if isinstance(handle, Unavailable):
        return GpuSample(handle, handle, handle)

    def own_memory() -> int:
        running = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
        return sum(one.usedGpuMemory or 0 for one in running if one.pid == pid)

    return GpuSample(
        memory_bytes=_ask(nvml, own_memory),
        utilisation_percent=_ask(
            nvml, lambda: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        ),
        power_w=_ask(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1000),
    )


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


def gpu_snapshot() -> str:
    """gpu_snapshot.txt: nvidia-smi verbatim, minus its table of other people's processes."""
    path = shutil.which("nvidia-smi")
    if path is None:
        return "nvidia-smi is not on this machine: no NVIDIA driver is installed.\n"
    output, problem = _run(path)
    if problem:
        return f"nvidia-smi gave nothing to show: {problem}.\n"
    text = visible(output.decode("utf-8", "replace").replace("\r\n", "\n"))
    cut = _PROCESS_TABLE.search(text)
    return text[: cut.start()] if cut else text


def _run(path: str) -> tuple[bytes, str]:
    """Output and problem. A driver stuck in the kernel must not take us with it."""
    process = subprocess.Popen(
        [path],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"LC_ALL": "C"},
        start_new_session=True,
    )
    try:
        output, _ = process.communicate(timeout=limits.NVIDIA_SMI_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        _kill(process)
        return b"", f"it did not answer within {limits.NVIDIA_SMI_TIMEOUT_S:g} s"
    if process.returncode != 0:
        return b"", f"it ended with status {process.returncode}"
    if len(output) > limits.MAX_NVIDIA_SMI_BYTES:
        return b"", f"it printed more than {limits.MAX_NVIDIA_SMI_BYTES} bytes"
    return output, ""


def _kill(process: subprocess.Popen[bytes]) -> None:
    if sys.platform == "win32":
        process.kill()
    else:
        os.killpg(process.pid, signal.SIGKILL)
    if process.stdout is not None:
        process.stdout.close()
    # A process stuck in the kernel cannot be reaped: leave it, we have what we need.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
