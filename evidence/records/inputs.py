"""What went in and what the model saw: inputs.json and seen.json."""

from typing import Any, Final, Literal

from msgspec import field

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.record import Record
from evidence.records.training import Quantised

NGRAM_WORDS: Final = 13
"""In a row, in a prompt and in one of the evaluation set: the two are taken for related, as in
GPT-3's contamination study (Brown et al. 2020, appendix C)."""


SEAM_CHARS: Final = 400
"""Of each text at the seam, in inputs.json."""


class FileDigest(Record):
    """A named file with its digest."""

    path: str
    sha256: str
    size_bytes: int


class Lengths(Record):
    """How long the rows of a data set are. Percentiles are of the nearest rank."""

    min: int
    median: int
    p90: int
    p95: int
    max: int


class OverlapRecord(Record):
    """Rows whose prompt is in the evaluation set too, by three measures of sameness."""

    exact_rows: tuple[int, ...]
    """The same characters."""
    normalised_rows: tuple[int, ...]
    """The same once Unicode form, case and white space are aside."""
    ngram_rows: tuple[int, ...]
    """NGRAM_WORDS words in a row in common; a prompt of fewer words is compared as a whole."""
    evaluation_rows: tuple[int, ...]
    """The rows of the evaluation set that they meet."""


class DataRecord(Record, omit_defaults=True):
    """One data set as read. Rows are counted from 0 by their place in the file; of several files,
    `sha256` and what goes with it are of their rows in order, as canonical JSON lines."""

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
    num_schema_violations: int | Unavailable
    """Rows that break their declared fields; 0, for a run with such rows never starts."""
    length_chars: Lengths
    """Characters of a row's texts, its `meta` field aside."""
    num_duplicate_rows: int
    """Rows equal in all their content fields to an earlier row."""
    duplicate_rows: tuple[int, ...]
    normalised_duplicate_rows: tuple[int, ...]
    """The same once normalised (Unicode form, case, white space); exact duplicates included."""
    num_conflicting_prompts: int | Unavailable
    """Prompts that have more than one answer."""
    conflicting_rows: tuple[int, ...] | Unavailable
    """All rows of those prompts."""
    overlap: OverlapRecord | Unavailable
    files: tuple[FileDigest, ...] = ()
    """Of a set of several files, in their order: each as it lies there."""

    @property
    def sources(self) -> tuple[tuple[str, FileDigest], ...]:
        """The key of the milestone that names it, and each file; none of the hub."""
        key = f"data.{self.name}.path"
        if self.path is not None:
            return ((key, FileDigest(self.path, self.sha256, self.size_bytes)),)
        return tuple((f"{key}.{index}", one) for index, one in enumerate(self.files))


class TensorRecord(Record):
    """A tensor of the model, by its name there."""

    name: str
    num_elements: int


class ModelRecord(Record):
    """The model a completed attempt started from."""

    id: str
    source: Literal["hub", "local", "random"]
    revision_requested: str | None
    revision: str | Unavailable
    init_seed: int | None
    config_sha256: str
    files: tuple[FileDigest, ...] | Unavailable
    num_parameters: int
    """Shared ones counted once; buffers are none."""
    num_embedding_parameters: int
    """Elements of all embedding tables, those of positions and token types too."""
    dtype: str
    embedding_tables: tuple[TensorRecord, ...] = ()
    """The tables that were counted."""
    buffers: tuple[TensorRecord, ...] = ()
    """What is saved with the parameters and is none: no optimizer moves it."""
    num_kept_in_float32: int = 0
    """Parameters that the model keeps in float32, whatever the number format of the others."""
    weights_sha256: str | None = None
    """Digest of the parameters that training starts from (`rules.weights_digest`): the same in
    every framework that starts from the same ones. None: not recorded."""
    quantised: Quantised | None = None
    """The format that its linear layers but the output head are kept in; the digest is of what they
    were made then. None: that of all weights."""


class SpecialToken(Record):
    """A token with a task: `name` says which, as transformers calls it (bos_token, …)."""

    name: str
    text: str
    id: int


class TokenizerRecord(Record):
    """The tokenizer; `sha256` is that of tokenizer.json."""

    id: str
    sha256: str | Unavailable
    vocab_size: int
    adds_bos: bool
    adds_eos: bool
    special_tokens: tuple[SpecialToken, ...]
    chat_template: str | None
    """What the tokenizer brings along. `TextRecord` says whether it was applied."""


class SeamRecord(Record):
    """Where evaluation stops feeding and training begins to teach, in texts of one row.

    Long ones are cut to SEAM_CHARS on the side away from the seam.
    """

    fed: str
    """The end of what evaluation feeds, in the form of the training text."""
    continuation: str
    """How the training text goes on from there."""
    first_target: str
    """Text of the first token that carries loss."""
    waits_for: str | None
    """What stands before an answer that is scored."""
    probe_given: str
    """The first text after which the probe measures the loss,"""
    probe_wanted: str
    """and the text that the loss falls on."""
    mismatches: tuple[str, ...]
    """What of it does not fit."""


class ChatRecord(Record):
    """The chat template as it was resolved, by which conversations became text."""

    source: Literal["tokenizer", "milestone"]
    template_sha256: str
    """Of its text, in UTF-8; `TextRecord.template` has the text."""
    values: dict[str, Any]
    """What it was given beside messages and tools."""
    spans: Literal["generation-marks", "prefixes"]
    """How the assistant's turns were found: the template marks them, or each row was rendered
    prefix by prefix, and text and tokens of each prefix began those of the whole."""


class TextRecord(Record, omit_defaults=True):
    """The training data as text and tokens: counted over all rows, before the first step."""

    data: str
    template: str
    """The template that made a text of each row, as resolved."""
    chat_template_applied: bool
    num_rows: int
    length_tokens: Lengths
    """Special tokens included, before truncation."""
    rows_without_bos: tuple[int, ...] | Unavailable
    """Rows that lack the begin token, where the tokenizer adds one."""
    rows_doubled_bos: tuple[int, ...] | Unavailable
    """Rows that have it more than once."""
    rows_without_eos: tuple[int, ...] | Unavailable
    """Rows fed without the end token, where the milestone or the tokenizer adds one."""
    rows_doubled_eos: tuple[int, ...] | Unavailable
    rows_not_round_trip: tuple[int, ...]
    """Rows whose text is another one after encoding and decoding."""
    seam: SeamRecord | None = None
    """None where the backend does not say."""
    chat: ChatRecord | None = None
    """Of conversations; None where a template of the milestone made the texts."""


class ScorerRecord(Record):
    """A scorer as it judged: a rule of evidence-pack by name and version, or a pattern."""

    name: str
    kind: Literal["rule", "regex", "likelihood"]
    version: int
    pattern: str | None


class InputsRecord(Record, omit_defaults=True):
    """inputs.json. Model, tokenizer and text are known once a worker has loaded them."""

    schema: Literal["inputs.v1"]
    data: dict[str, DataRecord]
    model: ModelRecord | Unavailable
    tokenizer: TokenizerRecord | Unavailable
    text: TextRecord | Unavailable
    scorers: tuple[ScorerRecord, ...]
    """How the outputs are judged."""
    ancestors: dict[str, SeenQuestions | Unavailable] = field(default_factory=dict)
    """Of an evaluation stage: which of its questions are in the training data of each stage that
    the checkpoint comes from, by its name; without [[stage]] of the pack that it comes from."""


class Turn(Record):
    """What one speaker says: the tokens of a row from `first` up to `end`."""

    speaker: str
    first: int
    end: int


class SeenRow(Record, omit_defaults=True):
    """One row of a recorded batch: unpadded ids, and which of them carry loss (labels[1:])."""

    source_row: int
    ids: tuple[int, ...]
    labels: tuple[int, ...]
    """-100 where no loss falls, as the model received them."""
    pieces: tuple[str, ...]
    """The text of each id (`evidence.rules.vocabulary`); joined, they are the decoded row."""
    turns: tuple[Turn, ...] | None = None
    """Of a conversation: who speaks where, as far as the row reaches. Between them stand the words
    of the chat template."""


class SeenBatch(Record):
    """The rows of one optimizer step; its last ones where it has too many (`rules.sampling`)."""

    step: int
    rows: tuple[SeenRow, ...]
    stream_before: str | None = None
    """Row stream before the first of these rows, where others of the step came before it."""


class FieldCoverage(Record):
    """How far one field of the data set reached the model, counted over the data set's rows."""

    field: str
    is_answer: bool
    num_rows_in_sequence: int
    """Rows in which some of its text is inside the sequence."""
    num_rows_in_target: int
    """Rows in which some of its text carries loss."""
    rows_cut: tuple[int, ...]
    """Rows that lose some of it to truncation."""


class SpeakerTurns(Record):
    """Turns of one speaker, counted over the data set's rows."""

    speaker: str
    num_turns: int
    num_read: int
    """Turns of which some is in the sequence."""
    num_learned: int
    """Turns of which some carries loss."""


class SeenChat(Record):
    """What of conversations reached the model, counted over the data set's rows."""

    speakers: tuple[SpeakerTurns, ...]
    end_tokens: tuple[SpecialToken, ...]
    """The special tokens that end turns of the assistant."""
    num_ends_learned: int
    """Turns of the assistant whose end-of-turn token carries loss."""
    num_rows_with_tools: int
    tools: tuple[str, ...]
    """Names of the tools that rows offer, sorted; the first 100."""


class SeenRecord(Record, omit_defaults=True):
    """seen.json, recorded where batches enter the model."""

    schema: Literal["seen.v1"]
    stage: str
    text_template: str
    num_rows: int
    num_rows_fed: int
    """Rows fed over the whole run, repetitions counted."""
    times_seen_min: int
    times_seen_max: int
    times_seen: tuple[int, ...] | Unavailable
    """How often each row of the data set was fed, in its order."""
    num_tokens: int
    num_fed_tokens: int
    num_target_tokens: int
    rows_truncated: tuple[int, ...]
    tokens_cut: tuple[int, ...]
    """How many tokens each of these rows lost."""
    num_tokens_cut: int
    coverage: tuple[FieldCoverage, ...]
    stream_sha256: str
    batches: tuple[SeenBatch, ...]
    chat: SeenChat | None = None
    """Of conversations."""
