"""Laws of choosing a device: the one that was asked for computes, or the attempt says what is
missing. Held with descriptions of machines: no GPU of AMD or Apple was at hand."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from msgspec.structs import replace
from render.sample import complete_pack

from evidence.attempt.attempt import fixed_variables
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuPartRecord, GpuRecord
from evidence.records.milestone import RequirementSpec
from evidence.records.run import AttemptPlan
from evidence.worker import devices, requirements
from evidence.worker.interface import Backend, Package, StageFailure
from evidence.worker.visible import first_device
from tests.backends.test_requirements import card

TORCH = Backend("transformers", "T", "a:b", (Package("torch", "pip install torch"),))
JAX = Backend("tunix", "J", "a:b", (Package("jax", "pip install jax"),))
ROCM = Unavailable("the installed PyTorch is a build for ROCm, without CUDA")


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CUDA_DEVICE_ORDER", *(one for some in devices.HIDING.values() for one in some)):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(requirements, "torch_cuda_version", lambda *_: "13.0")


def plan(**asked: object) -> AttemptPlan:
    first = plan_attempts(complete_pack().milestone)[0]
    return replace(first, requires=RequirementSpec(**asked))  # type: ignore[arg-type]  # of tests


def lacking(cards: tuple[GpuRecord, ...], backend: Backend = TORCH, **asked: object) -> list[str]:
    hardware = replace(
        complete_pack().hardware, gpus=cards, driver_version="580", driver_cuda_version="13.0"
    )
    return [said for said, _ in requirements.unmet(plan(**asked), backend, hardware)]


UNLIKE = (card(0, 8, "Small"), card(1, 80))
SPLIT = replace(card(1, 80), mig=True, parts=(GpuPartRecord("MIG-7", 10 << 30),))


def test_a_gpu_that_is_named_is_the_only_one_that_a_worker_sees() -> None:
    variables = fixed_variables(plan(accelerator="nvidia", gpu=1))
    assert variables["CUDA_VISIBLE_DEVICES"] == "1"
    assert first_device(UNLIKE, variables) == first_device((UNLIKE[1],), {})
    named = fixed_variables(plan(accelerator="nvidia", gpu="GPU-100"))
    assert first_device(UNLIKE, named) == first_device((UNLIKE[1],), {})
    assert fixed_variables(plan(accelerator="amd", gpu=2))["HIP_VISIBLE_DEVICES"] == "2"
    assert "CUDA_VISIBLE_DEVICES" not in fixed_variables(plan(accelerator="nvidia"))


def test_memory_is_asked_of_the_gpu_that_is_named() -> None:
    assert lacking(UNLIKE, accelerator="nvidia", gpu=1, vram_gib=24) == []
    (said,) = lacking(UNLIKE, accelerator="nvidia", gpu=0, vram_gib=24)
    assert said == "Small has 8.0 GiB, the attempt needs 24 GiB"


@pytest.mark.parametrize(
    ("cards", "named", "said"),
    [
        (UNLIKE, 2, "there is no GPU 2; 2 of NVIDIA can be seen: 0 is Small; 1 is NVIDIA H100"),
        (UNLIKE, "GPU-9", "there is no GPU GPU-9; 2 of NVIDIA"),
        ((card(0), SPLIT), 1, "GPU 1 is partitioned (MIG), and its number names no part of it"),
    ],
)
def test_a_gpu_that_is_not_there_is_missing_and_those_that_are_there_are_said(
    cards: tuple[GpuRecord, ...], named: int | str, said: str
) -> None:
    (found,) = lacking(cards, accelerator="nvidia", gpu=named)
    assert said in found


@pytest.mark.parametrize("named", ["MIG-7", "GPU-000"])
def test_a_part_of_a_card_is_named_by_its_uuid(named: str) -> None:
    assert lacking((card(0), SPLIT), accelerator="nvidia", gpu=named) == []


def test_nobodys_choice_is_overridden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    (said,) = lacking(UNLIKE, accelerator="nvidia", gpu=1)
    assert said == "the attempt names GPU 1, and CUDA_VISIBLE_DEVICES='0' names GPUs, too"


def test_several_processes_are_not_given_one_gpu() -> None:
    asked = replace(plan(accelerator="nvidia", gpu=1), processes=2)
    hardware = replace(complete_pack().hardware, gpus=UNLIKE, driver_cuda_version="13.0")
    found = [said for said, _ in requirements.unmet(asked, TORCH, hardware)]
    assert found == [
        "[launch] asks for 2 processes, each on a GPU of its own, and the attempt names one"
    ]


def test_amds_gpus_need_their_driver_and_a_build_for_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(devices, "KFD", tmp_path / "kfd")
    monkeypatch.setattr(sys, "platform", "linux")
    first, second = lacking((), accelerator="amd")
    assert first == f"no AMD GPU is usable here: there is no {tmp_path / 'kfd'}"
    assert second == (
        "AMD's GPUs need a PyTorch for ROCm, and the installed one is not: built for CUDA 13.0"
    )
    (tmp_path / "kfd").touch()
    monkeypatch.setattr(requirements, "torch_cuda_version", lambda *_: ROCM)
    assert lacking((), accelerator="amd", gpu=3) == []
    assert "named by its number" in lacking((), accelerator="amd", gpu="GPU-1")[0]
    assert "'tunix' does not compute on AMD's GPUs" in lacking((), JAX, accelerator="amd")[-1]
    assert list(devices.beside_nvidia()) == [
        f"AMD's driver for computing is there ({tmp_path / 'kfd'})"
    ]


def test_apples_gpus_need_a_mac_and_not_what_they_cannot_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    assert "no Apple GPU is usable here: this is linux on" in lacking((), accelerator="apple")[0]
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("platform.machine", lambda: "arm64")
    asked = plan(accelerator="apple")
    assert list(devices.unmet_apple(asked, TORCH)) == []
    train = replace(asked.train, mixed_precision="bf16", checkpoint_every_steps=5)
    odd = replace(asked, given_train=train, processes=2)
    found = [said for said, _ in devices.unmet_apple(odd, TORCH)]
    assert [said.split(",")[0] for said in found] == [
        "several processes do not share an Apple GPU",
        "mixed precision on Apple's GPUs is not offered",
        "the random numbers of an Apple GPU are in no checkpoint",
    ]
    assert "'tunix' does not compute on Apple's" in next(devices.unmet_apple(asked, JAX))[0]
    assert list(devices.beside_nvidia()) == ["Apple's, of the processor"]


@pytest.mark.torch
def test_a_worker_that_finds_no_such_gpu_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    torch = pytest.importorskip("torch")
    from evidence.backends.transformers.devices import device_of, refuse_unable

    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    monkeypatch.setattr(torch.version, "hip", None)
    for kind, name in (("apple", "mps"), ("amd", "cuda")):
        asked = plan(accelerator=kind)
        assert device_of(asked).type == name
        with pytest.raises(StageFailure, match=f"PyTorch finds no GPU of {kind.upper()[0]}"):
            refuse_unable(asked)
    refuse_unable(plan(accelerator="none"))


@pytest.mark.torch
def test_an_apple_gpu_that_is_too_small_or_too_old_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    torch = pytest.importorskip("torch")
    from evidence.backends.transformers.devices import refuse_unable

    mps = torch.backends.mps
    monkeypatch.setattr(mps, "is_available", lambda: True)
    monkeypatch.setattr(mps, "is_macos_or_newer", lambda *_: True)
    monkeypatch.setattr(torch.mps, "recommended_max_memory", lambda: 8 << 30)
    refuse_unable(plan(accelerator="apple", vram_gib=8))
    with pytest.raises(StageFailure, match=r"the GPU has 8\.0 GiB, the attempt needs 24 GiB"):
        refuse_unable(plan(accelerator="apple", vram_gib=24))
    monkeypatch.setattr(mps, "is_macos_or_newer", lambda *_: False)
    asked = plan(accelerator="apple")
    refuse_unable(replace(asked, given_train=replace(asked.train, dtype="float32")))
    with pytest.raises(StageFailure, match="bfloat16 from macOS 14 on"):
        refuse_unable(replace(asked, given_train=replace(asked.train, dtype="bfloat16")))


@pytest.mark.torch
def test_random_numbers_that_are_drawn_beside_training_are_given_back() -> None:
    torch = pytest.importorskip("torch")
    from evidence.backends.transformers.devices import random_kept

    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    with random_kept(torch.device("cpu")):
        torch.rand(5)
    assert torch.equal(torch.rand(3), expected)
