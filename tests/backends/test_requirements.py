"""Laws of requirements: what cannot be measured is not met silently, and each has its remedy."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace
from render.sample import complete_pack, gpu

from evidence.capture import driver
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuPartRecord, GpuRecord
from evidence.records.milestone import RequirementSpec
from evidence.records.run import AttemptPlan
from evidence.worker import interpreter, requirements
from evidence.worker.interface import Backend, Package
from evidence.worker.visible import first_device

GIB = 1 << 30
LOST = Unavailable("NVML: GPU is lost")
BACKEND = Backend("any", "Any", "a:b", (Package("torch", "pip install torch"),))


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(requirements, "torch_cuda_version", lambda *_: "13.0")


def card(index: int = 0, gib: int | Unavailable = 80, name: str = "NVIDIA H100") -> GpuRecord:
    return replace(
        gpu(),
        index=index,
        name=name,
        uuid=f"GPU-{index}00",
        memory_bytes=gib if isinstance(gib, Unavailable) else gib * GIB,
        mig=False,
    )


def lacking(
    gpus: tuple[GpuRecord, ...] | Unavailable, vram_gib: float = 0.0, cuda: object = "13.0"
) -> list[tuple[str, str]]:
    hardware = replace(
        complete_pack().hardware,
        gpus=gpus,
        driver_version="580",
        driver_cuda_version=cuda,  # type: ignore[arg-type]  # of these tests: text or a reason
    )
    return list(requirements.unmet(plan(vram_gib), BACKEND, hardware))


def plan(vram_gib: float) -> AttemptPlan:
    from evidence.milestone.plan import plan_attempts

    first = plan_attempts(complete_pack().milestone)[0]
    return replace(first, requires=RequirementSpec(accelerator="nvidia", vram_gib=vram_gib))


def test_a_machine_that_has_it_all_lacks_nothing() -> None:
    assert lacking((card(),), 80) == []


@pytest.mark.parametrize(
    ("gpus", "vram_gib", "cuda", "missing", "remedy"),
    [
        ((), 0, "13.0", "a driver is there, but it reports no GPU", "docker run --gpus all"),
        ((card(gib=8),), 24, "13.0", "NVIDIA H100 has 8.0 GiB, the attempt needs 24", "larger"),
        (
            (card(gib=LOST),),
            24,
            "13.0",
            "the memory of NVIDIA H100 cannot be measured because: NVML: GPU is lost",
            "leave vram_gib out",
        ),
        (
            (card(), card(1, 8, "Small")),
            24,
            "13.0",
            "Small has 8.0 GiB, the attempt needs 24 GiB, and which GPU CUDA takes first cannot",
            "CUDA_DEVICE_ORDER=PCI_BUS_ID",
        ),
        (
            (card(),),
            0,
            Unavailable("NVML: NVML Shared Library Not Found"),
            "is new enough for PyTorch's CUDA 13.0 cannot be measured because: NVML: NVML Shared",
            "NVIDIA_DRIVER_CAPABILITIES",
        ),
        ((card(),), 0, "12.8", "built for CUDA 13.0, the driver supports at most 12.8", "update"),
    ],
)
def test_what_is_lacking_or_not_known_is_said_with_its_remedy(
    gpus: tuple[GpuRecord, ...], vram_gib: float, cuda: object, missing: str, remedy: str
) -> None:
    ((printed, how),) = lacking(gpus, vram_gib, cuda)
    assert missing in printed
    assert remedy in how


@pytest.mark.parametrize(
    ("trouble", "beginning"),
    [
        (driver.NO_DRIVER, "no NVIDIA GPU is usable here: no NVIDIA driver was found"),
        (driver.MISMATCH, "no NVIDIA GPU is usable here: an NVIDIA driver is there; its library"),
        (driver.NO_PERMISSION, "no NVIDIA GPU is usable here: an NVIDIA driver is there, but this"),
        (driver.NO_LIBRARY, "whether an NVIDIA GPU is usable here cannot be measured because: an"),
        (driver.NO_PACKAGE, "whether an NVIDIA GPU is usable here cannot be measured because: the"),
        (driver.NO_ANSWER, "whether an NVIDIA GPU is usable here cannot be measured because: NVML"),
    ],
)
def test_each_trouble_of_a_driver_has_its_own_remedy(
    trouble: driver.Trouble, beginning: str
) -> None:
    ((printed, how),) = lacking(Unavailable(f"{trouble.says} (words)"))
    assert printed.startswith(beginning)
    assert how == trouble.remedy


UNLIKE = (card(0, 8, "Small"), card(1, 80))


@pytest.mark.parametrize(
    ("variables", "names"),
    [
        ({}, ["Small", "NVIDIA H100"]),
        ({"CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, ["Small"]),
        ({"CUDA_VISIBLE_DEVICES": "1"}, ["Small", "NVIDIA H100"]),
        ({"CUDA_VISIBLE_DEVICES": "1", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}, ["NVIDIA H100"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-1,GPU-0"}, ["NVIDIA H100"]),
        ({"CUDA_VISIBLE_DEVICES": "GPU-9"}, "names GPU-9, which no GPU here is"),
        ({"CUDA_VISIBLE_DEVICES": ""}, "2 NVIDIA GPUs are present, but CUDA_VISIBLE_DEVICES=''"),
        ({"CUDA_VISIBLE_DEVICES": "-1"}, "hides all"),
        ({"CUDA_VISIBLE_DEVICES": "none"}, "hides all"),
        ({"CUDA_VISIBLE_DEVICES": "2"}, "names none of them"),
        ({"CUDA_VISIBLE_DEVICES": "9" * 5000}, "hides all"),
        ({"CUDA_VISIBLE_DEVICES": "²"}, "hides all"),
    ],
)
def test_what_cuda_takes_first_is_what_its_variables_leave(
    variables: dict[str, str], names: list[str] | str
) -> None:
    found = first_device(UNLIKE, variables)
    if isinstance(found, Unavailable):
        assert isinstance(names, str)
        assert names in found.reason
    else:
        assert [one.name for one in found] == names


def test_of_a_card_in_parts_a_process_gets_one_part() -> None:
    parts = (GpuPartRecord("MIG-a", 10 * GIB), GpuPartRecord("MIG-b", 40 * GIB))
    whole = replace(card(), mig=True, parts=parts)
    (one,) = first_device((whole,), {"CUDA_VISIBLE_DEVICES": "MIG-b"}) or ()
    assert one.memory_bytes == 40 * GIB
    ((printed, _),) = lacking((whole,), 60)
    assert "a part (MIG) of NVIDIA H100 has 10.0 GiB, the attempt needs 60 GiB" in printed
    ((printed, _),) = lacking((replace(whole, parts=LOST),), 5)
    assert "the memory of a part of NVIDIA H100 cannot be measured because: NVML: GPU" in printed
    ((printed, _),) = lacking((replace(whole, parts=()),))
    assert "every GPU is partitioned (MIG), and none has a part" in printed


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("cuda: Optional[str] = '13.0'\nhip: Optional[str] = None\n", "13.0"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = None\n", "a build without CUDA"),
        ("cuda: Optional[str] = None\nhip: Optional[str] = '6.4'\n", "a build for ROCm"),
        ("cuda = compute()\n", "cannot be measured because its version.py does not say"),
        ("", "cannot be measured because its version.py does not say"),
        (b"\xff\xfe", "cannot be measured"),
        (None, "cannot be measured"),
    ],
)
def test_a_build_of_pytorch_is_known_or_its_reason_is(
    source: str | bytes | None, found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    if source is not None:
        data = source if isinstance(source, bytes) else source.encode()
        (tmp_path / "version.py").write_bytes(data)
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    monkeypatch.setattr(interpreter, "find_spec", lambda _: spec)
    built = requirements.torch_cuda_version()
    assert found in (built.reason if isinstance(built, Unavailable) else built)


@pytest.mark.parametrize(
    ("code", "files", "trouble"),
    [
        (12, (), driver.NO_DRIVER),
        (12, ("proc/driver/nvidia/version",), driver.NO_LIBRARY),
        (12, ("dev/nvhost-gpu",), driver.NO_LIBRARY),
        (9, (), driver.NOT_LOADED),
        (9, ("proc/driver/nvidia/version",), driver.NO_DEVICE_FILES),
        (4, (), driver.NO_PERMISSION),
        (15, (), driver.LOST),
        (18, (), driver.MISMATCH),
        (999, (), driver.NO_START),
        (None, (), driver.NO_START),
    ],
)
def test_why_nvml_does_not_start_is_told_from_what_the_driver_left(
    code: int | None, files: tuple[str, ...], trouble: driver.Trouble, tmp_path: Path
) -> None:
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\xff\n")
    reason = driver.why_no_start(code, "words", tmp_path).reason
    assert reason.startswith(trouble.says)
    assert driver.remedy_for(reason) == trouble.remedy


def test_a_mismatch_names_the_version_that_the_kernel_runs(tmp_path: Path) -> None:
    path = tmp_path / "proc/driver/nvidia/version"
    path.parent.mkdir(parents=True)
    path.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Release Build\n"
        "GCC version:  gcc version 12\n"
    )
    printed = driver.why_no_start(18, "mismatch", tmp_path).reason
    assert printed.endswith("reboot (kernel module 570.86.15; NVML: mismatch)")
    path.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.95.05  Release\n")
    assert "kernel module 580.95.05" in driver.why_no_start(18, "mismatch", tmp_path).reason


def test_no_reason_is_mistaken_for_another() -> None:
    for one in driver._TROUBLES:
        assert driver.remedy_for(f"{one.says} more") == one.remedy
