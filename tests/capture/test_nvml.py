"""Laws of asking NVML: a GPU lost, hung or hidden has a reason, never a zero.

No machine of the test suite has a GPU: a module object of NVML's shape stands in for it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evidence import limits
from evidence.capture import gpu
from evidence.capture.host import capture_hardware
from evidence.encoding import schema
from evidence.encoding.codec import encode
from evidence.records.availability import Unavailable
from evidence.records.capture import CpuRecord, GpuPartRecord, GpuRecord, TelemetryRow


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


@pytest.mark.parametrize(("named", "percent"), [(1, 11.0), ("GPU-b", 22.0), ("GPU-x", None)])
def test_of_several_gpus_the_one_that_was_named_is_sampled(
    named: int | str, percent: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container hides process ids, so that no memory tells which GPU is ours."""

    def by_uuid(uuid: str) -> int:
        return {"GPU-b": 2}[uuid]

    nvml = fake_nvml(
        nvmlDeviceGetCount=lambda: 3,
        nvmlDeviceGetHandleByUUID=by_uuid,
        nvmlDeviceGetComputeRunningProcesses=lambda _: [],
        nvmlDeviceGetUtilizationRates=lambda handle: SimpleNamespace(gpu=11 * handle),
    )
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert "several GPUs" in reason(gpu.sample_gpu({7}).utilisation_percent)
    found = gpu.sample_gpu({7}, named).utilisation_percent
    assert isinstance(found, Unavailable) if percent is None else found == percent


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

    nvml = fake_nvml(nvmlDeviceGetCount=lost)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert reason(gpu.capture_gpus().gpus) == "NVML: GPU is lost"
    assert gpu.capture_gpus().driver_version == "580.1"


def test_an_error_of_one_device_is_that_device_s_and_of_one_field_that_field_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def lost(index: int) -> int:
        if index == 1:
            raise FakeError("GPU is lost")
        return index

    nvml = fake_nvml(nvmlDeviceGetCount=lambda: 3, nvmlDeviceGetHandleByIndex=lost)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    cards = cards_of(gpu.capture_gpus())
    assert [card.index for card in cards] == [0, 1, 2]
    assert [card.name for card in cards[::2]] == ["NVIDIA H100"] * 2
    assert cards[1].name == cards[1].uuid == cards[1].memory_bytes == cards[1].mig
    assert reason(cards[1].name) == "NVML: GPU is lost"
    assert gpu.sample_gpu({7}).memory_bytes == 2 * (5 << 30)


def cards_of(found: gpu.GpuCapture) -> tuple[GpuRecord, ...]:
    assert not isinstance(found.gpus, Unavailable)
    return found.gpus


def raising(error: BaseException) -> Callable[..., Any]:
    def call(*_: object) -> None:
        raise error

    return call


NOT_UTF8 = UnicodeDecodeError("utf-8", b"\xf8", 0, 1, "invalid start byte")
HOSTILE: dict[str, Any] = {
    "bytes that are no text": lambda *_: b"\xf8\xe4\x81\xf9",
    "text that cannot be decoded": raising(NOT_UTF8),
    "an error without words": raising(FakeError()),
    "an error of another kind": raising(ValueError("x\n\x1b[31m")),
    "an attribute that is not there": raising(AttributeError("no function")),
    "nothing": lambda *_: None,
    "empty": lambda *_: "",
    "2^64 - 1": lambda *_: 2**64 - 1,
    "minus one": lambda *_: -1,
    "not a number": lambda *_: float("nan"),
    "infinite": lambda *_: float("inf"),
    "a pair of absurdities": lambda *_: (2**32, -1),
    "an empty tuple": lambda *_: (),
    "a memory of 2^64 - 1": lambda *_: SimpleNamespace(total=2**64 - 1, gpu=2**32),
    "a memory of zero": lambda *_: SimpleNamespace(total=0, gpu=-1),
    "a long text that acts": lambda *_: "\x1b[31m\n" * 10_000,
    "a surrogate": lambda *_: "\udcff",
}
ASKED = [name for name in vars(fake_nvml()) if name.startswith("nvml")]


@pytest.mark.parametrize("name", ASKED)
@pytest.mark.parametrize("kind", HOSTILE)
def test_whatever_one_call_answers_the_record_is_valid_and_the_others_stay(
    name: str, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = fake_nvml()
    monkeypatch.setattr(gpu, "_nvml", lambda: whole)
    right = cards_of(gpu.capture_gpus())[0]
    nvml = fake_nvml(**{name: HOSTILE[kind]})
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    found = gpu.capture_gpus()
    record = capture_hardware(
        Path(), CPU, found.gpus, found.driver_version, found.driver_cuda_version
    )
    assert schema.validate("hardware.v1", encode(record)) == ()
    sample = gpu.sample_gpu({7})
    row = TelemetryRow("a", "train", 1.0, 1, 1.0, *fields_of(sample))
    assert schema.validate("telemetry-row.v1", encode(row)) == ()
    if isinstance(found.gpus, Unavailable):
        assert name == "nvmlDeviceGetCount"
        return
    if name in MOST_FIELDS:
        return
    (card,) = found.gpus
    apart = [f for f in card.__struct_fields__ if getattr(card, f) != getattr(right, f)]
    assert len(apart) <= 2, "one call gives two fields at most"
    for field in apart:
        value = getattr(card, field)
        odd_text = kind == "a long text that acts" or kind == "a surrogate"
        assert isinstance(value, Unavailable) or odd_text, (field, value)


MOST_FIELDS = ("nvmlDeviceGetHandleByIndex",)
CPU = CpuRecord(Unavailable("not asked"), "x86_64", *[Unavailable("not asked")] * 5)


def fields_of(sample: gpu.GpuSample) -> tuple[Any, ...]:
    return sample.memory_bytes, sample.utilisation_percent, sample.power_w


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NOT_UTF8, "NVML does not start ('utf-8' codec"),
        (OSError("wrong ELF class"), "NVML does not start (wrong ELF class)"),
        (FakeError(), "NVML does not start (FakeError)"),
        (RuntimeError("x\n\x1b[31m"), "NVML does not start (x\\n\\x1b[31m)"),
    ],
)
def test_a_library_that_does_not_start_has_a_reason(
    error: Exception, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = SimpleNamespace(nvmlInit=raising(error))
    monkeypatch.setitem(sys.modules, "pynvml", broken)
    assert words in reason(gpu._nvml.__wrapped__())
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert "nvidia-ml-py is not installed" in reason(gpu._nvml.__wrapped__())


def test_a_count_that_cannot_be_is_not_asked_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    nvml = fake_nvml(nvmlDeviceGetCount=lambda: 2**32)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    assert reason(gpu.capture_gpus().gpus) == "NVML: it gives 4294967296 GPUs, which cannot be"


def test_a_card_in_parts_lists_them(monkeypatch: pytest.MonkeyPatch) -> None:
    def part(card: int, place: int) -> str:
        if place == 1:
            raise FakeError("Not Found")
        return f"part {place} of {card}"

    nvml = fake_nvml(
        nvmlDeviceGetMigMode=lambda _: (1, 1),
        nvmlDeviceGetMaxMigDeviceCount=lambda _: 3,
        nvmlDeviceGetMigDeviceHandleByIndex=part,
        nvmlDeviceGetUUID=lambda handle: f"MIG-{handle}",
        nvmlDeviceGetMemoryInfo=lambda handle: SimpleNamespace(
            total=10 << 30 if isinstance(handle, str) else 80 << 30
        ),
    )
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    (card,) = cards_of(gpu.capture_gpus())
    assert card.memory_bytes == 80 << 30
    assert card.parts == (
        GpuPartRecord("MIG-part 0 of 0", 10 << 30),
        GpuPartRecord("MIG-part 2 of 0", 10 << 30),
    )


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


@pytest.fixture
def released() -> Iterator[threading.Event]:
    """What a driver waits for that never answers: no thread of it outlives the test."""
    event = threading.Event()
    yield event
    event.set()


@pytest.mark.usefixtures("forgetful")
def test_a_driver_that_never_answers_holds_up_nobody(
    monkeypatch: pytest.MonkeyPatch, released: threading.Event
) -> None:
    monkeypatch.setattr(limits, "GPU_SAMPLE_TIMEOUT_S", 0.1)
    asking: list[threading.Thread] = []

    def never() -> None:
        asking.append(threading.current_thread())
        released.wait()

    nvml = fake_nvml(nvmlDeviceGetCount=never)
    monkeypatch.setattr(gpu, "_nvml", lambda: nvml)
    for _ in range(6):
        assert "did not answer" in reason(gpu.sample_gpu({7}).memory_bytes)
    assert len(asking) == 1, "one question hangs; the others are not put"
    assert asking[0].is_alive()
