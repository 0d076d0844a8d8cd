"""What went in and what the model saw: inputs.json and seen.json."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evidence.records.availability import Unavailable


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A named file with its digest."""

    path: str
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class DataRecord:
    """One data set as read. Rows are counted from 0 by their place in the file."""

    name: str
    path: str | None
    hub: str | None
    revision: str | None
    sha256: str
    sha256_lf: str
    """Digest of the same text with LF line ends."""
    git_blob: str
    size_bytes: int
    line_ends: Literal["lf", "crlf", "mixed", "none"]
    num_rows: int
    field_names: tuple[str, ...]
    num_duplicate_rows: int
    """Rows equal in all their content fields to an earlier row."""
    duplicate_rows: tuple[int, ...]
    num_conflicting_prompts: int | Unavailable
    overlap_rows: tuple[int, ...] | Unavailable
    """Training rows whose prompt is also an evaluation prompt, white space and case aside."""


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """The model a completed attempt started from."""

    id: str
    source: Literal["hub", "local", "random"]
    revision_requested: str | None
    revision: str | Unavailable
    init_seed: int | None
    config_sha256: str
    files: tuple[FileDigest, ...] | Unavailable
    num_parameters: int
    num_embedding_parameters: int
    dtype: str


@dataclass(frozen=True, slots=True)
class TokenizerRecord:
    """The tokenizer; `sha256` is that of tokenizer.json."""

    id: str
    sha256: str | Unavailable
    vocab_size: int
    adds_bos: bool
    adds_eos: bool


@dataclass(frozen=True, slots=True)
class InputsRecord:
    """inputs.json. Model and tokenizer are known once a worker has loaded them."""

    schema: Literal["inputs.v1"]
    data: dict[str, DataRecord]
    model: ModelRecord | Unavailable
    tokenizer: TokenizerRecord | Unavailable


@dataclass(frozen=True, slots=True)
class SeenRow:
    """One row of a recorded batch: unpadded ids, and which of them carry loss."""

    source_row: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """-100 where no loss falls, as the model received them."""
    text: str
    """Decoded ids."""
    target_text: str
    """Decoded ids that carry loss (labels[1:])."""


@dataclass(frozen=True, slots=True)
class SeenBatch:
    """The rows of one optimizer step."""

    step: int
    rows: tuple[SeenRow, ...]


@dataclass(frozen=True, slots=True)
class FieldCoverage:
    """How far one field of the data set reached the model, counted over the data set's rows."""

    field: str
    is_answer: bool
    num_rows_in_sequence: int
    """Rows in which some of its text is inside the sequence."""
    num_rows_in_target: int
    """Rows in which some of its text carries loss."""
    rows_cut: tuple[int, ...]
    """Rows that lose some of it to truncation."""


@dataclass(frozen=True, slots=True)
class SeenRecord:
    """seen.json, recorded where batches enter the model."""

    schema: Literal["seen.v1"]
    stage: str
    text_template: str
    num_rows: int
    num_rows_fed: int
    """Rows fed over the whole run, repetitions counted."""
    times_seen_min: int
    times_seen_max: int
    num_tokens: int
    num_fed_tokens: int
    num_target_tokens: int
    rows_truncated: tuple[int, ...]
    num_tokens_cut: int
    coverage: tuple[FieldCoverage, ...]
    stream_sha256: str
    batches: tuple[SeenBatch, ...]


@dataclass(frozen=True, slots=True)
class ProbeRecord:
    """Mean loss on evaluation examples (prompt + expected answer), nats per target token."""

    num_examples: int
    loss: float
