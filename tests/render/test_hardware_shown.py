"""The summary on hardware: what computed comes first, what was unused is said."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from render.sample import (
    complete_pack,
    gpu,
)
from render.test_summary import changed_pack, summary

from evidence.records.availability import Unavailable
from evidence.records.capture import EnvironmentRecord, TorchRecord
from evidence.text.snapshot import env_snapshot


def test_a_gpu_is_shown_as_the_reference_shows_it() -> None:
    hardware = replace(complete_pack().hardware, gpus=(gpu(),))
    text = summary(changed_pack(hardware=hardware, environment=computed("cuda:0", gpu().name)))
    assert "**Hardware:** NVIDIA GeForce RTX 5090 (32 GiB, sm_120)\n" in text
    assert "| Compute Capability | sm_120 (Blackwell) |" in text


def computed(device: str, name: object) -> EnvironmentRecord:
    """The environment of a worker that says what it computed on."""
    environment = complete_pack().environment
    framework = environment.framework
    assert isinstance(framework, TorchRecord)
    name = name if isinstance(name, str) else Unavailable("no GPU is in use")
    return replace(environment, framework=replace(framework, device=device, device_name=name))


NO_ANSWER = Unavailable("NVML did not answer within 10 s")
CPU = "Intel(R) Xeon(R) CPU @ 2.60GHz (2 usable cores"


@pytest.mark.parametrize(
    ("device", "name", "cards", "line"),
    [
        ("cpu", None, NO_ANSWER, f"{CPU}, no GPU used)"),
        ("cpu", None, (), f"{CPU}, no GPU used)"),
        ("cpu", None, (gpu(),), f"{CPU}; 1 GPU present, none used)"),
        ("cpu", None, (gpu(),) * 4, f"{CPU}; 4 GPUs present, none used)"),
        (
            "cuda:0",
            "NVIDIA GeForce RTX 5090",
            (replace(gpu(), name="Small"), gpu()),
            "NVIDIA GeForce RTX 5090 (32 GiB, sm_120; 2 GPUs present, 1 used)",
        ),
        (
            "cuda:0",
            "NVIDIA GeForce RTX 5090 MIG 1g.4gb",
            (gpu(),),
            "NVIDIA GeForce RTX 5090 MIG 1g.4gb (a part of a card of 32 GiB, sm_120)",
        ),
        ("cuda:0", "NVIDIA H100", NO_ANSWER, "NVIDIA H100 (NVML does not show it)"),
        (
            "cuda:0",
            None,
            (replace(gpu(), name=NO_ANSWER),),
            "a GPU that does not say its name (32 GiB, sm_120)",
        ),
        ("mps", None, (), f"mps; the machine: {CPU})"),
        (
            "xpu:0",
            "Intel Arc",
            (gpu(),),
            f"Intel Arc; 1 NVIDIA GPU present, none used; the machine: {CPU})",
        ),
    ],
)
def test_what_computed_comes_first_and_what_was_unused_is_said(
    device: str, name: str | None, cards: Any, line: str
) -> None:
    pack = changed_pack(
        hardware=replace(complete_pack().hardware, gpus=cards), environment=computed(device, name)
    )
    assert f"**Hardware:** {line}\n" in summary(pack)


def test_without_a_word_of_the_worker_nothing_is_said_to_be_used_or_unused() -> None:
    silent = replace(complete_pack().environment, framework=Unavailable("it does not say"))
    hardware = replace(complete_pack().hardware, gpus=(gpu(), gpu()))
    text = summary(changed_pack(hardware=hardware, environment=silent))
    assert f"**Hardware:** {CPU}; 2 GPUs present, what computed is not recorded)\n" in text
    assert "not used" not in text


def test_a_processor_that_does_not_say_its_name_or_cores_is_still_a_sentence() -> None:
    hardware = complete_pack().hardware
    silent = replace(hardware.cpu, model=NO_ANSWER, num_usable_cores=NO_ANSWER)
    text = summary(changed_pack(hardware=replace(hardware, cpu=silent)))
    assert "**Hardware:** a processor that does not say its name (2 logical cores, no GPU" in text


def test_what_others_do_on_an_unused_card_is_no_figure_of_this_run() -> None:
    pack = complete_pack()
    rows = tuple(
        replace(row, gpu_power_w=300.0, gpu_utilisation_percent=97.0) for row in pack.telemetry
    )
    cards = replace(pack.hardware, gpus=(gpu(),))
    idle = summary(changed_pack(hardware=cards, telemetry=rows))
    assert "GPU power" not in idle
    assert "GPU utilisation" not in idle
    used = changed_pack(hardware=cards, telemetry=rows, environment=computed("cuda:0", gpu().name))
    assert "| Peak GPU power | 300.0 W |" in summary(used)


def test_a_card_that_computed_nothing_is_not_listed_as_if_it_had() -> None:
    hardware = replace(complete_pack().hardware, gpus=(gpu(), gpu()))
    text = summary(changed_pack(hardware=hardware))
    assert "| GPU 1 (not used) | NVIDIA GeForce RTX 5090 |" in text


@pytest.mark.parametrize(
    ("device", "kind"),
    [("cpu", ""), ("cuda:0", "NVIDIA's GPUs (CUDA)"), ("mps", "Apple's GPUs (MPS)")],
)
def test_a_kind_of_device_that_was_never_tried_is_said(device: str, kind: str) -> None:
    text = summary(changed_pack(environment=computed(device, "X")))
    said = "This ran on a kind of device on which this version was never tried: "
    assert (f"{said}{kind}." in text) if kind else (said not in text)


def test_of_two_cards_of_one_name_the_one_of_the_uuid_is_used() -> None:
    cards = tuple(replace(gpu(), index=number, uuid=f"GPU-{number}") for number in range(2))
    environment = computed("cuda:0", gpu().name)
    framework = environment.framework
    assert isinstance(framework, TorchRecord)
    known = replace(environment, framework=replace(framework, device_uuid="GPU-1"))
    hardware = replace(complete_pack().hardware, gpus=cards)
    text = summary(changed_pack(hardware=hardware, environment=known))
    assert "| GPU 0 (not used) |" in text
    assert "| GPU 1 |" in text
    pack = complete_pack()
    shown = env_snapshot(known, pack.hardware, pack.git, pack.packages)
    assert "True (device cuda:0, GPU-1)" in shown
