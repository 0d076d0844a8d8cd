"""What computed a run, and what was present and unused. Pure.

Responsible for asking the worker's own record of its device, never what the machine has: a GPU
that is there may have been idle, and one that NVML does not show may have computed everything.
"""

from __future__ import annotations

from typing import Final, Literal

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.capture import GpuRecord, HardwareRecord, TorchRecord
from evidence.records.record import Record

GPU_DEVICES: Final = ("cuda",)
PART: Final = " MIG "
"""What CUDA puts between the name of a card and that of its part."""
UNNAMED_GPU: Final = "a GPU that does not say its name"
UNNAMED_CPU: Final = "a processor that does not say its name"


class Computed(Record):
    """The device of the attempt that completed."""

    kind: Literal["cpu", "gpu", "other", "unknown"]
    """`unknown`: no attempt completed, or its worker did not say and held no GPU memory."""
    name: str
    """Of the GPU or other device, as the worker says it; empty for the others."""
    listed: int | None
    """Where in hardware.json it stands, else the first of this name; None where there is none."""
    is_certain: bool = False
    """Whether `listed` is known by its UUID."""


def computed_on(documents: Documents) -> Computed:
    """What the worker that completed said it computed on."""
    framework = documents.environment.framework
    if isinstance(framework, Unavailable):
        return _by_memory(documents)
    if framework.device.startswith("cpu"):
        return Computed("cpu", "", None)
    name = "" if isinstance(framework.device_name, Unavailable) else framework.device_name
    if not framework.device.startswith(GPU_DEVICES):
        return Computed("other", name or framework.device, None)
    cards = present(documents.hardware)
    uuid = framework.device_uuid if isinstance(framework, TorchRecord) else None
    of_uuid = [index for index, card in enumerate(cards) if uuid and has_uuid(uuid, card)]
    same = of_uuid or [index for index, card in enumerate(cards) if is_card(name, card)]
    # A lone card without a name is the one: CUDA knows no others.
    lone = [0] if len(cards) == 1 and isinstance(cards[0].name, Unavailable) else []
    listed = next(iter(same or lone), None)
    return Computed(
        "gpu",
        name or UNNAMED_GPU,
        listed,
        is_certain=bool(of_uuid) and documents.milestone.processes == 1,
    )


def _by_memory(documents: Documents) -> Computed:
    """Without a word of the worker: memory that the last attempt's processes held on GPUs."""
    rows = documents.telemetry
    held = [row.gpu_memory_bytes for row in rows if row.attempt == rows[-1].attempt]
    if not any(isinstance(one, int) and one for one in held):
        return Computed("unknown", "", None)
    names = {card.name for card in present(documents.hardware)}
    alone = names.pop() if len(names) == 1 else UNNAMED_GPU
    known = isinstance(alone, str) and alone != UNNAMED_GPU
    return Computed("gpu", str(alone) if known else UNNAMED_GPU, 0 if known else None)


def present(hardware: HardwareRecord) -> tuple[GpuRecord, ...]:
    """The GPUs that NVML listed; none where it gave no answer."""
    return () if isinstance(hardware.gpus, Unavailable) else hardware.gpus


def is_card(name: str, card: GpuRecord) -> bool:
    """Whether CUDA's name of a device is that of this card, or of a part of it."""
    return not isinstance(card.name, Unavailable) and (
        name == card.name or name.startswith(f"{card.name}{PART}")
    )


def has_uuid(uuid: str, card: GpuRecord) -> bool:
    """Whether it is that of the card or of a part of it. Begins with GPU- or MIG-."""
    parts = () if isinstance(card.parts, Unavailable) else card.parts
    every = (card.uuid, *(part.uuid for part in parts))
    return uuid.partition("-")[2] in {
        one.partition("-")[2] for one in every if isinstance(one, str)
    }


def surely_unused(computed: Computed, card: GpuRecord) -> bool:
    """Whether this card computed nothing, as far as one device is all that a worker uses."""
    if computed.kind in ("cpu", "other"):
        return True
    if computed.is_certain and computed.listed is not None:
        return card.index != computed.listed
    named = not isinstance(card.name, Unavailable) and computed.name != UNNAMED_GPU
    return computed.kind == "gpu" and named and not is_card(computed.name, card)


def machine_name(documents: Documents) -> str:
    """What computed, by name; where that is not known, the machine's processor."""
    computed, cpu = computed_on(documents), documents.hardware.cpu.model
    if computed.name:
        return computed.name
    return UNNAMED_CPU if isinstance(cpu, Unavailable) else cpu
