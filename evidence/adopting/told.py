"""What came of a trial, as done.v1 has it: the numbers and texts of the table.

Responsible for its form, and for filling it; texts are spelled as a terminal shows them.
"""

from __future__ import annotations

from typing import Literal

from evidence.records.record import Record

Outcome = Literal["stepped", "ended", "failed", "too-long", "stopped"]


class TriedField(Record):
    """A field of a data file that the program opened."""

    file: str
    field: str
    num_rows_read: int
    """Rows whose text of this field was in a sequence."""
    num_rows_learned: int | None
    """Those of which some carried loss; None: not known."""


class TriedPart(Record):
    """A part of a text that a model was fed."""

    text: str
    carries_loss: bool


class TriedText(Record):
    """A text that a model was fed."""

    caption: str
    parts: tuple[TriedPart, ...]


class TrialRecord(Record):
    """A program that was run for two optimizer steps."""

    program: tuple[str, ...]
    outcome: Outcome
    num_steps: int
    num_rows: int | None
    num_tokens: int | None
    num_target_tokens: int | None
    num_sequences: int
    num_end_tokens_learned: int | None
    fields: tuple[TriedField, ...]
    texts: tuple[TriedText, ...]
    not_seen: tuple[str, ...]
