"""What a program fed to its model in training, as far as it is kept.

Responsible for distinct sequences and sampled batches within bounds.
"""

from __future__ import annotations

import hashlib
from typing import Final

from msgspec import Struct, field
from msgspec.structs import replace

from evidence.recording import events
from evidence.recording.counting import aligned

MAX_SEQUENCES: Final = 20_000
MAX_TOKENS: Final = 8_000_000
MAX_BATCHES: Final = 24
MAX_BATCH_TOKENS: Final = 4096
"""Of one forward pass: what seen.json holds."""

Fed1 = tuple[tuple[int, ...], tuple[int, ...] | None]
"""Ids and labels of a sequence."""


class Fed(Struct):
    """Sequences and batches of one segment."""

    sequences: dict[str, Fed1] = field(default_factory=dict)
    """By a digest of ids and labels."""
    num_tokens: int = 0
    batches: list[tuple[int, events.Batch]] = field(default_factory=list)
    """With the index of the process."""
    num_fed: int | None = None
    """Rows fed, repetitions counted; None where no process came to say."""
    why_not_all: str = ""

    def sequence(self, told: events.Sequence) -> None:
        """A sequence that one process had not fed before."""
        if len(self.sequences) >= MAX_SEQUENCES or self.num_tokens >= MAX_TOKENS:
            self.why_not_all = self.why_not_all or (
                f"more than {MAX_SEQUENCES} sequences or {MAX_TOKENS} tokens"
            )
            return
        told = replace(told, labels=aligned(events.Row(told.ids, told.labels)).labels)
        key = hashlib.sha256(repr((told.ids, told.labels)).encode()).hexdigest()
        if key not in self.sequences:
            self.sequences[key] = (told.ids, told.labels)
            self.num_tokens += len(told.ids)

    def counted(self, told: events.Sequences) -> None:
        """A process says how many it fed."""
        self.num_fed = told.num_fed + (self.num_fed or 0)
        if not told.complete:
            self.why_not_all = told.why or "not all were kept"

    def batch(self, index: int, told: events.Batch) -> None:
        """A forward pass of the sample."""
        if len(self.batches) < MAX_BATCHES:
            rows, left = [], MAX_BATCH_TOKENS
            for row in told.rows:
                if len(row.ids) > left:
                    break
                left -= len(row.ids)
                rows.append(aligned(row))
            self.batches.append((index, events.Batch(told.t, told.step, told.forward, tuple(rows))))
