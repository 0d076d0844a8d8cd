"""What an import leaves: the files as found, the rows that they log, and how they agree.

Each record that becomes a file of a pack has a schema of the same fields in `schemas/`.
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from evidence.records.record import Number, Record

Outcome = Literal["holds", "contradicts", "not-checked", "warning", "note"]
"""`warning` and `note`: what a reader should know, and contradicts nothing."""


class SourceRecord(Record):
    """One original, and what reading it gave."""

    path: str
    """In the pack, below original/."""
    found_as: str | None
    """Its path in the folder, where no pack can hold that name; None: the same."""
    size_bytes: int
    sha256: str
    text_sha256: str | None
    """Of its text as UTF-8 with LF line ends; None for what is no text."""
    encoding: str | None
    encoding_why: str | None
    """Which test told the encoding."""
    format: str
    num_facts: int
    notes: tuple[str, ...]


class LeftOutRecord(Record):
    """Something in the folder that is not in the pack."""

    found_as: str
    """Its path in the folder."""
    size_bytes: int | None
    """None for what is no plain file."""
    sha256: str | None
    reason: str


class SourcesRecord(Record):
    """sources.json: what was found, in order of path."""

    schema: Literal["sources.v1"]
    files: tuple[SourceRecord, ...]
    left_out: tuple[LeftOutRecord, ...]
    allowed: tuple[str, ...]
    """SHA-256 of each text that looks like a secret and is none, as whoever imported it says."""


class ImportedRow(Record):
    """One row of logged.jsonl: what a training logged at once."""

    kind: Literal["interval"]
    training: int
    """Which of the trainings in the files, from 1."""
    step: Number | None
    is_step_inferred: bool
    """The row does not say its step: it follows from how often rows were logged."""
    loss: Number | None
    learning_rate: Number | None
    epoch: Number | None
    grad_norm: Number | None
    address: str
    shown: dict[str, str] = field(default_factory=dict)
    """All that the row says, as it is written there."""


class FindingRecord(Record):
    """How the files agree with one another on one rule."""

    rule: str
    outcome: Outcome
    message: str
    address: str
    expected: str | None = None
    actual: str | None = None


class FindingsRecord(Record):
    """findings.json"""

    schema: Literal["findings.v1"]
    findings: tuple[FindingRecord, ...]
