"""Laws of devices: the card that is said to have computed is one of hardware.json, and the one that
the attempt names. What hardware.json cannot hold is warned of, and accuses nobody."""

from __future__ import annotations

from typing import Any

import pytest
from judged import said
from test_room import NO, Edit, both, framework, hardware

from evidence import layout
from evidence.self_test.forger import ForgedPack
from tests.fields.rich import rich_toy

FRAMEWORK = "environment.json#/framework"
NOT_LISTED = "and hardware.json lists NVIDIA's alone"


def two_cards(pack: ForgedPack) -> None:
    gpus = pack.docs[layout.HARDWARE]["gpus"]
    gpus.append({**gpus[0], "index": 1, "uuid": "GPU-2"})


def asking(kind: str, gpu: str = "") -> Edit:
    """What the attempt that completed requires."""
    line = f'requires = {{ accelerator = "{kind}"{gpu and f", gpu = {gpu}"} }}'
    return lambda pack: pack.milestone("^stand_in = true$", f"stand_in = true\n{line}")


def executed(**values: Any) -> Edit:
    return lambda pack: pack.event("execution")["data"].update(values)


ROCM = framework(
    torch_version="2.9.0+rocm6.4",
    cuda_version={"unavailable": "this torch build is for ROCm (HIP 6.4) and has no CUDA"},
    device_name="AMD Instinct MI300X",
)
MPS = both(
    framework(
        torch_version="2.9.0",
        cuda_version={"unavailable": "this torch build has no CUDA"},
        device="mps",
        device_name="Apple M4 Max",
    ),
    executed(device="mps"),
)
CASES: dict[str, tuple[str, Edit, list[str]]] = {
    "a card by its UUID": ("identity", framework(device_uuid="GPU-1"), []),
    "a UUID that no card has": (
        "identity",
        framework(device_uuid="GPU-3"),
        [f"{FRAMEWORK}/device_uuid: ran on a GPU whose UUID hardware.json does not have"],
    ),
    "a UUID where those of cards are not known": (
        "identity",
        both(framework(device_uuid="GPU-3"), lambda pack: pack.docs[layout.HARDWARE]["gpus"][
            0].update(uuid=NO)),
        [],
    ),
    "the card that was named": (
        "build", both(two_cards, asking("nvidia", "1"), framework(device_uuid="GPU-2")), []
    ),
    "another card than was named": (
        "build",
        both(two_cards, asking("nvidia", "1"), framework(device_uuid="GPU-1")),
        [f"{FRAMEWORK}/device_uuid: another GPU than the attempt names by its number"],
    ),
    "another UUID than was named": (
        "build",
        both(two_cards, asking("nvidia", '"GPU-2"'), framework(device_uuid="GPU-1")),
        [f"{FRAMEWORK}/device_uuid: another GPU than the attempt names"],
    ),
    "a number that no card has": (
        "build",
        asking("nvidia", "1"),
        ["hardware.json#/gpus: hardware.json has no GPU of the number that the attempt names"],
    ),
    "AMD's, as it was asked for": (
        "identity",
        both(ROCM, asking("amd"), hardware(gpus=NO)),
        [f"warning {FRAMEWORK}/device: ran on one of AMD's GPUs (ROCm), {NOT_LISTED}"],
    ),
    "AMD's, whose build could compute there": ("build", both(ROCM, asking("amd")), []),
    "AMD's, where NVIDIA's was asked for": (
        "identity",
        both(ROCM, asking("nvidia"), hardware(gpus=NO)),
        [f"warning {FRAMEWORK}/device: ran on one of AMD's GPUs (ROCm), {NOT_LISTED}",
         f"{FRAMEWORK}/device: the attempt requires an NVIDIA GPU"],
    ),
    "Apple's, as it was asked for": (
        "identity",
        both(MPS, asking("apple"), hardware(gpus=NO, os="Darwin 25.0")),
        [f"warning {FRAMEWORK}/device: ran on one of Apple's GPUs (MPS), {NOT_LISTED}"],
    ),
    "Apple's, whose build could compute there": ("build", both(MPS, asking("apple")), []),
    "Apple's, in a machine with Linux": (
        "identity",
        both(MPS, asking("apple"), hardware(gpus=NO, os="Ubuntu 24.04")),
        [f"warning {FRAMEWORK}/device: ran on one of Apple's GPUs (MPS), {NOT_LISTED}",
         f"{FRAMEWORK}/device: no such GPU is in a machine of this system"],
    ),
    "Apple's, of a build for processors": (
        "build",
        both(MPS, framework(torch_version="2.9.0+cpu"), asking("apple")),
        [f"{FRAMEWORK}/device: a build for CPUs alone computes on no GPU"],
    ),
    "the processor, where Apple's was asked for": (
        "identity",
        both(framework(device="cpu"), asking("apple")),
        [f"{FRAMEWORK}/device: the attempt requires an Apple GPU"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_device_is_the_one_that_was_asked_for(case: str) -> None:
    check, edit, expected = CASES[case]
    pack = rich_toy()
    edit(pack)
    assert said(pack, f"framework-{check}").lines == expected


def test_more_gpus_than_the_one_that_was_named_are_found() -> None:
    pack = rich_toy()
    both(two_cards, asking("nvidia", "1"), framework(device_uuid="GPU-2"), executed(num_devices=2))(
        pack
    )
    (line,) = said(pack, "framework-build").lines
    assert line.endswith("/data/num_devices: one GPU alone was shown")
