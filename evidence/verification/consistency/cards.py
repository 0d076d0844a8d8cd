"""The device that computed, held against the cards of hardware.json and the one that was asked for.

Responsible for names, numbers and UUIDs of cards. Of AMD's and Apple's GPUs hardware.json knows
nothing, which is said; whether the build could compute there at all is `machine`'s.
"""

from __future__ import annotations

import re
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord, GpuRecord, HardwareRecord, TorchRecord
from evidence.records.milestone import RequirementSpec
from evidence.results.computed import GPU_DEVICES, has_uuid, is_card, present
from evidence.results.context import journal_at
from evidence.rules.devices import NAMES, is_rocm, kind_of
from evidence.verification.consistency.registry import Evidence, Problems
from evidence.verification.problem import Problem, shown

_NO_DRIVER: Final = "no NVIDIA driver"
"""How a reason begins that leaves no room for a GPU. Any other is the driver's own trouble."""
_PLACE: Final = f"{layout.ENVIRONMENT}#/framework/device"
_REQUIRES: Final = {"nvidia": "an NVIDIA GPU", "amd": "an AMD GPU", "apple": "an Apple GPU"}
_ASKED_FOR: Final = {"nvidia": "cuda", "amd": "cuda", "apple": "mps"}
_OF_APPLE: Final = ("mac", "darwin")


def on_its_card(framework: FrameworkRecord, hardware: HardwareRecord) -> Problems:
    """A GPU is among those of hardware.json, by its name, and by its UUID where that is known."""
    kind = kind_of(framework)
    if kind in ("amd", "apple"):
        text = f"ran on one of {NAMES[kind]}, and hardware.json lists NVIDIA's alone"
        yield Problem(_PLACE, text, severity="warning", code="gpu-not-compared")
        yield from _of_apple(framework, hardware)
    elif framework.device.startswith(GPU_DEVICES):
        yield from _named(framework, hardware)
        yield from _of_uuid(framework, hardware)


def as_required(framework: FrameworkRecord, requires: RequirementSpec) -> Problems:
    """An attempt that requires a kind of accelerator ran on one."""
    required = requires.accelerator
    if required == "tpu" and not framework.device.startswith("tpu"):
        yield Problem(_PLACE, "the attempt requires a TPU", "tpu", framework.device)
    elif required in _REQUIRES and kind_of(framework) != required:
        text = f"the attempt requires {_REQUIRES[required]}"
        yield Problem(_PLACE, text, _ASKED_FOR[required], framework.device)


def of_number(framework: FrameworkRecord, hardware: HardwareRecord) -> Problems:
    """There is a card of the number of the device."""
    number = re.fullmatch(r"cuda:(\d{1,4})", framework.device)
    gpus = present(hardware)
    if is_rocm(framework) or any(one.parts for one in gpus):
        return
    if number and gpus and int(number[1]) >= len(gpus):
        yield Problem(_PLACE, "there is no card of this number", f"below {len(gpus)}", number[0])


def as_chosen(evidence: Evidence, framework: FrameworkRecord) -> Problems:
    """Of the GPU that the attempt names: it alone was shown, and it computed, by its UUID."""
    asked = evidence.plan.requires
    if asked.gpu is None or asked.accelerator not in ("nvidia", "amd"):
        return
    for event in evidence.events("execution", "train"):
        if event.data["num_devices"] != 1:
            text, place = "one GPU alone was shown", journal_at(event, "data", "num_devices")
            yield Problem(place, text, 1, event.data["num_devices"])
    uuid = framework.device_uuid if isinstance(framework, TorchRecord) else None
    if asked.accelerator == "amd":
        return
    cards = present(evidence.documents.hardware)
    if isinstance(asked.gpu, int) and cards and asked.gpu not in {one.index for one in cards}:
        text = "hardware.json has no GPU of the number that the attempt names"
        yield Problem(f"{layout.HARDWARE}#/gpus", text, asked.gpu, f"{len(cards)} GPUs")
    if uuid is None:
        return
    for card in cards:
        if card.index == asked.gpu and not has_uuid(uuid, card) and _is_known(card):
            text = "another GPU than the attempt names by its number"
            yield Problem(f"{_PLACE}_uuid", text, str(card.uuid), uuid)
    if isinstance(asked.gpu, str) and asked.gpu.partition("-")[2] != uuid.partition("-")[2]:
        text = "another GPU than the attempt names"
        yield Problem(f"{_PLACE}_uuid", text, asked.gpu, uuid)


def _named(framework: FrameworkRecord, hardware: HardwareRecord) -> Problems:
    cards, device = hardware.gpus, framework.device_name
    if isinstance(cards, Unavailable) and not cards.reason.startswith(_NO_DRIVER):
        text = f"ran on a GPU, and NVML listed none: {shown(cards.reason)}"
        yield Problem(_PLACE, text, severity="warning", code="gpu-not-compared")
    elif isinstance(cards, Unavailable) or not cards:
        text = "ran on a GPU, but hardware.json has none"
        yield Problem(_PLACE, text, "a GPU in hardware.json", framework.device)
    elif isinstance(device, Unavailable) or any(isinstance(g.name, Unavailable) for g in cards):
        text = "ran on a GPU whose name is not known, so that it is compared with none"
        yield Problem(f"{_PLACE}_name", text, severity="warning", code="gpu-not-compared")
    elif not any(is_card(device, card) for card in cards):
        text = "ran on a GPU that hardware.json does not have"
        names = " or ".join(str(card.name) for card in cards)
        yield Problem(f"{_PLACE}_name", text, names, device)


def _of_uuid(framework: FrameworkRecord, hardware: HardwareRecord) -> Problems:
    uuid = framework.device_uuid if isinstance(framework, TorchRecord) else None
    cards = present(hardware)
    if uuid is None or not cards or not all(map(_is_known, cards)):
        return
    same = [card for card in cards if has_uuid(uuid, card)]
    if not same:
        text = "ran on a GPU whose UUID hardware.json does not have"
        yield Problem(f"{_PLACE}_uuid", text, " or ".join(str(one.uuid) for one in cards), uuid)
    named, device = [one for one in same if isinstance(one.name, str)], framework.device_name
    if named and isinstance(device, str) and not any(is_card(device, card) for card in named):
        text = "the GPU of this UUID has another name"
        yield Problem(f"{_PLACE}_name", text, str(named[0].name), device)


def _is_known(card: GpuRecord) -> bool:
    """Whether the UUIDs of it and of all its parts are."""
    parts = card.parts
    return not isinstance(card.uuid, Unavailable) and (
        not isinstance(parts, Unavailable)
        and not any(isinstance(part.uuid, Unavailable) for part in parts)
    )


def _of_apple(framework: FrameworkRecord, hardware: HardwareRecord) -> Problems:
    system = hardware.os
    on_mac = isinstance(system, Unavailable) or any(one in system.lower() for one in _OF_APPLE)
    if framework.device.startswith("mps") and not on_mac:
        yield Problem(
            _PLACE, "no such GPU is in a machine of this system", system, framework.device
        )
