"""How training was carried out: facts of the journal's events `execution` and `loss`."""

from typing import Any

from msgspec import field

from evidence.records.record import Number, Record
from evidence.records.training import Execution


class ExecutionRecord(Record, omit_defaults=True):
    """The form in which rows went through the model, and on what."""

    execution: Execution
    """As the milestone states it, or as it follows from the device."""
    rows_per_forward: int
    """Rows that go through the model at once."""
    accumulation: int
    """Forward passes whose gradients make one optimizer step."""
    device: str
    num_devices: int
    """Devices of this kind that were there; one was used."""
    widths: tuple[int, ...] | None = None
    """Lengths in tokens, ascending, that a program was compiled for: each row is padded to the
    smallest that holds it. None where rows are padded to the longest of their batch."""
    processes: int = 1
    """Processes that divide the rows of a step; rows and forward passes are those of each."""
    strategy: str = "ddp"
    """Whether each of several processes has all weights, or its share of them ("fsdp")."""
    packing_difference: Number | None = None
    """Of two rows of the data: the largest difference between their logits alone and packed into
    one sequence, relative to the largest of them. None: rows are not packed."""
    extra: dict[str, Any] = field(default_factory=dict)
    """What was passed to TrainingArguments beside what this tool sets."""


class CompilationRecord(Record):
    """What a segment of a stage spent on compiling programs for its shapes, in the whole process:
    before its loop and in it."""

    num_programs: int
    """Programs that were made, those from the cache included."""
    num_from_cache: int
    """Those that an earlier process had compiled and kept."""
    duration_s: Number
    persistent_cache: bool
    """Whether programs are kept for later processes."""


class LossRecord(Record):
    """What the first forward pass of a segment adds to the loss of its step, by two computations.

    Both divide by the target tokens of the whole step, and both are made with dropout off.
    """

    step: int
    num_rows: int
    """Rows of that forward pass."""
    ours: Number
    """Cross entropy of its target tokens: what training uses."""
    framework: Number | None
    """What the model's own class makes of the same logits; null where it gives no loss."""
