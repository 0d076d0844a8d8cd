"""What several processes of a training say of their devices, of whichever attempt.

Responsible for holding it against each other, against the device that the journal names and against
hardware.json. Which events are asked is `rank_machines`'s and `rank_attempts`'s.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from evidence.records.availability import Unavailable
from evidence.records.capture import GpuPartRecord, GpuRecord, HardwareRecord
from evidence.records.run import JournalEvent
from evidence.results.computed import is_card, present
from evidence.verification.consistency.rank_rules import each
from evidence.verification.consistency.registry import Problems
from evidence.verification.problem import Problem

_ALIKE: Final = (
    ("host", "machine"),
    ("device_name", "GPU model"),
    ("driver_version", "driver version"),
    ("python_version", "Python version"),
    ("torch_version", "PyTorch version"),
    ("packages_sha256", "set of packages"),
    ("num_threads", "number of threads"),
)
_OF_GPU: Final = ("device_name", "gpu_uuid", "driver_version")


def alike(event: JournalEvent) -> Problems:
    """A warning where one of them ran under other conditions than the first."""
    every = event.data["ranks"]
    for place, one in each(event):
        for key, title in _ALIKE:
            if one[key] != every[0][key]:
                text = f"process {one['rank']} has another {title} than process {every[0]['rank']}"
                yield differ(f"{place}/{key}", text, every[0][key], one[key])


def differ(place: str, text: str, expected: Any, actual: Any) -> Problem:
    return Problem(place, text, _said(expected), _said(actual), "warning", "ranks-differ")


def _said(value: Any) -> Any:
    return value["unavailable"] if isinstance(value, dict) else value


def computes(place: str, one: dict[str, Any], device: str) -> Problems:
    """`device`: where the journal says that the segment was computed; empty where it does not."""
    if device and _kind(one["device"]) != _kind(device):
        text = "not the kind of device that the training ran on"
        yield Problem(f"{place}/device", text, device, one["device"])
    if _kind(one["device"]) == "cpu":
        for key in _OF_GPU:
            if not isinstance(one[key], dict):
                text = "this process computed on no GPU"
                yield Problem(f"{place}/{key}", text, None, one[key])


def _kind(device: str) -> str:
    return device.partition(":")[0]


def gpu(place: str, one: dict[str, Any], hardware: HardwareRecord) -> Problems:
    """Its GPU is one of this machine."""
    if _kind(one["device"]) == "cpu":
        return
    cards = present(hardware)
    name, uuid, driver = (one[key] for key in _OF_GPU)
    names = _known(card.name for card in cards)
    if isinstance(name, str) and names and not any(is_card(name, card) for card in cards):
        text = "a GPU that hardware.json does not have"
        yield Problem(f"{place}/device_name", text, " or ".join(names), name)
    parts = [part.uuid for card in cards for part in _parts(card)]
    uuids = _known((*(card.uuid for card in cards), *parts))
    if isinstance(uuid, str) and uuids and uuid not in uuids:
        text = "no GPU of hardware.json has this UUID"
        yield Problem(f"{place}/gpu_uuid", text, " or ".join(uuids), uuid)
    stated = hardware.driver_version
    if isinstance(driver, str) and isinstance(stated, str) and driver != stated:
        text = "another driver than that of hardware.json"
        yield Problem(f"{place}/driver_version", text, stated, driver)


def _known(values: Iterable[str | Unavailable]) -> list[str]:
    """All of them; none where one is not known, which could be any."""
    found = list(values)
    known = [one for one in found if not isinstance(one, Unavailable)]
    return known if len(known) == len(found) else []


def _parts(card: GpuRecord) -> tuple[GpuPartRecord, ...]:
    return () if isinstance(card.parts, Unavailable) else card.parts
