"""Which GPU CUDA takes first, as far as it can be told from outside a worker. Pure.

Responsible for CUDA_VISIBLE_DEVICES, CUDA_DEVICE_ORDER and cards in parts (MIG). NVML lists every
card in the order of its bus, whatever these variables say; CUDA does not.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord
from evidence.records.record import Record
from evidence.text import formatting
from evidence.text.escape import one_line

_MAX_SHOWN: Final = 80


class Device(Record):
    """What a process may compute on: a whole card, or one part of it."""

    name: str
    uuid: str | Unavailable
    memory_bytes: int | Unavailable


def first_device(
    cards: tuple[GpuRecord, ...], variables: Mapping[str, str]
) -> tuple[Device, ...] | Unavailable:
    """The devices that may be CUDA's first, one where it can be told; or why none is visible."""
    every = tuple(device for card in cards for device in _devices(card))
    given = variables.get("CUDA_VISIBLE_DEVICES")
    if not every:
        return Unavailable("every GPU is partitioned (MIG), and none has a part")
    by_bus = variables.get("CUDA_DEVICE_ORDER") == "PCI_BUS_ID"
    if given is None:
        return every[:1] if by_bus else every
    first = given.split(",")[0].strip()
    if first.startswith(("GPU-", "MIG-")):
        return _by_uuid(first, every)
    present = formatting.plural(len(every), "NVIDIA GPU is present", "NVIDIA GPUs are present")
    shown = one_line(given, _MAX_SHOWN)
    if not (first.isascii() and first.isdigit()) or len(first) > len(str(len(every))):
        return Unavailable(f"{present}, but CUDA_VISIBLE_DEVICES='{shown}' hides all")
    if int(first) >= len(every):
        return Unavailable(f"{present}, but CUDA_VISIBLE_DEVICES='{shown}' names none of them")
    return every[int(first) : int(first) + 1] if by_bus else every


def most_visible(cards: tuple[GpuRecord, ...], variables: Mapping[str, str]) -> int:
    """How many devices a process sees at most. Of cards in parts (MIG) CUDA takes one part."""
    if any(card.mig is True for card in cards):
        return 1
    given = variables.get("CUDA_VISIBLE_DEVICES")
    if given is None:
        return len(cards)
    return min(len(cards), sum(bool(one.strip()) for one in given.split(",")))


def _devices(card: GpuRecord) -> Iterator[Device]:
    name = f"GPU {card.index}" if isinstance(card.name, Unavailable) else card.name
    if card.mig is not True:
        yield Device(name, card.uuid, card.memory_bytes)
    elif isinstance(card.parts, Unavailable):
        yield Device(f"a part of {name}", card.parts, card.parts)
    else:
        for part in card.parts:
            yield Device(f"a part (MIG) of {name}", part.uuid, part.memory_bytes)


def _by_uuid(first: str, every: tuple[Device, ...]) -> tuple[Device, ...] | Unavailable:
    """CUDA takes the beginning of a UUID for the whole."""
    named = tuple(one for one in every if isinstance(one.uuid, str) and one.uuid.startswith(first))
    nameless = tuple(one for one in every if isinstance(one.uuid, Unavailable))
    if named or nameless:
        return named or nameless
    shown = one_line(first, _MAX_SHOWN)
    return Unavailable(f"CUDA_VISIBLE_DEVICES names {shown}, which no GPU here is")
