"""Laws of asking NVML: a GPU lost, hung or hidden has a reason, never a zero.

No machine of the test suite has a GPU: a module object of NVML's shape stands in for it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from evidence import limits
from evidence.capture import gpu
from evidence.records.availability import Unavailable


class FakeError(Exception):
    pass


def fake_nvml(**overrides: Any) -> SimpleNamespace:
    def unsupported(*_: object) -> None:
        raise FakeError("Not Supported")

    values: dict[str, Any] = {
        "NVMLError": FakeError,
        "nvmlDeviceGetCount": lambda: 1,
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlSystemGetCudaDriverVersion": lambda: 13010,
        "nvmlSystemGetDriverVersion": lambda: b"580.1",
        "nvmlDeviceGetName": lambda _: "NVIDIA H100",
        "nvmlDeviceGetUUID": lambda _: "GPU-1",
        "nvmlDeviceGetMemoryInfo": lambda _: SimpleNamespace(total=80 << 30),
        "nvmlDeviceGetCudaComputeCapability": lambda _: (9, 0),
        "nvmlDeviceGetClockInfo": lambda _, kind: 1000 + kind,
        "nvmlDeviceGetPowerManagementLimit": lambda _: 700_000,
        "nvmlDeviceGetEccMode": lambda _: (1, 1),
        "nvmlDeviceGetMigMode": unsupported,
        "nvmlDeviceGetComputeRunningProcesses": lambda _: [
            SimpleNamespace(pid=7, usedGpuMemory=5 << 30),
            SimpleNamespace(pid=8, usedGpuMemory=1 << 30),
        ],
        "nvmlDeviceGetUtilizationRates": lambda _: SimpleNamespace(gpu=93),
        "nvmlDeviceGetPowerUsage": lambda _: 350_000,
    }
    return SimpleNamespace(**(values | overrides))


def test_a_gpu_is_described_and_what_it_lacks_has_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "_nvml", fake_nvml)
    found = gpu.capture_gpus()
    assert not isinstance(found.gpus, Unavailable)
    card = found.gpus[0]
    assert (card.compute_capability, card.architecture) == ("sm_90", "Hopper")
    assert found.driver_cuda_version == "13.1"
    assert found.driver_version == "580.1"
    assert isinstance(card.mig, Unavailable)


@pytest.mark.parametrize(
    ("capability", "name"),
    [((12, 0), "Blackwell"), ((8, 9), "Ada Lovelace"), ((8, 6), "Ampere"), ((7, 5), "Turing")],
)
def test_architectures_have_their_names(
    capability: tuple[int, int], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml = fake_nvml(nvmlDeviceGetCudaComputeCapability=lambda _: capability)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    found = gpu.capture_gpus().gpus
    assert not isinstance(found, Unavailable)
    assert found[0].architecture == name


def test_only_memory_of_our_own_process_is_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "_nvml", fake_nvml)
    assert gpu.sample_gpu({7}).memory_bytes == 5 << 30


def test_a_gpu_lost_during_the_run_is_unavailable_not_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E5: the samples of telemetry."""

    def lost(*_: object) -> None:
        raise FakeError("GPU is lost")

    nvml = fake_nvml(nvmlDeviceGetUtilizationRates=lost)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert gpu.sample_gpu({7}).utilisation_percent == Unavailable("NVML: GPU is lost")


def reason(found: object) -> str:
    assert isinstance(found, Unavailable)
    return found.reason


def test_a_driver_that_fails_midway_has_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    """E5: the driver."""

    def lost(*_: object) -> None:
        raise FakeError("GPU is lost")

    for name in ("nvmlDeviceGetCount", "nvmlDeviceGetHandleByIndex", "nvmlDeviceGetName"):
        nvml = fake_nvml(**{name: lost})
        monkeypatch.setattr(gpu, "_nvml", lambda nvml=nvml: nvml)
        assert reason(gpu.capture_gpus().gpus) == "NVML: GPU is lost"
        assert gpu.capture_gpus().driver_version == "580.1"


def test_memory_that_cannot_be_told_apart_is_unavailable_not_zero(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gpu, "_nvml", fake_nvml)
    hidden = gpu.sample_gpu({99})
    assert "container" in reason(hidden.memory_bytes)
    assert hidden.utilisation_percent == 93.0
    unsaid = [SimpleNamespace(pid=7, usedGpuMemory=None)]
    nvml = fake_nvml(nvmlDeviceGetComputeRunningProcesses=lambda _: unsaid)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert "does not say" in reason(gpu.sample_gpu({7}).memory_bytes)


def test_of_several_gpus_ours_is_the_one_we_hold_memory_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = {0: [], 1: [SimpleNamespace(pid=7, usedGpuMemory=3)]}
    nvml = fake_nvml(
        nvmlDeviceGetCount=lambda: 2,
        nvmlDeviceGetComputeRunningProcesses=lambda handle: held[handle],
        nvmlDeviceGetPowerUsage=lambda handle: 1000 * (handle + 1),
    )
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    ours = gpu.sample_gpu({7})
    assert (ours.memory_bytes, ours.power_w) == (3, 2.0)
    assert "cannot be told" in reason(gpu.sample_gpu({99}).power_w)


@pytest.fixture
def forgetful() -> Iterator[None]:
    yield
    gpu._stuck.clear()


@pytest.mark.usefixtures("forgetful")
def test_a_driver_that_never_answers_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "GPU_SAMPLE_TIMEOUT_S", 0.1)
    released = threading.Event()
    nvml = fake_nvml(nvmlDeviceGetCount=released.wait)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    began = time.monotonic()
    assert "did not answer" in reason(gpu.sample_gpu({7}).memory_bytes)
    num_threads = threading.active_count()
    for _ in range(5):
        assert "did not answer" in reason(gpu.sample_gpu({7}).memory_bytes)
    assert threading.active_count() == num_threads
    assert time.monotonic() - began < 2
    released.set()
