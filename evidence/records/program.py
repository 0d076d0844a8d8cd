"""What a recorded program leaves: its steps, what it fed, its processes, files and numbers.

Each record that becomes a file of a pack has a schema of the same fields in `schemas/`. All of it
is known by hooks in the program's own processes (level `instrumented`) but what the program told
(`reported`) and what was read from files that it left (`parsed`).
"""

from __future__ import annotations

from typing import Literal

from msgspec import field

from evidence.records.availability import Unavailable
from evidence.records.record import Number, Record

NotFinite = Literal["nan", "inf", "-inf"]
"""How a number is written that JSON has no form for."""


class CommandSpec(Record):
    """`[command]` of a milestone: a program as it is."""

    run: tuple[str, ...]
    """Program and arguments; `{output}` stands for a folder of its own (see `recording.places`)."""
    resume: tuple[str, ...] = ()
    """What to run instead when an unfinished run is gone on with; empty: `run`, from the start."""
    cwd: str = "."
    """From the project's root."""
    environment: tuple[str, ...] | None = None
    """Names of the variables that it gets besides PATH and the like; None: all there are."""


class ProgramStep(Record):
    """One step of one optimizer in one process."""

    kind: Literal["step"]
    segment: int
    process: int
    """Index into the processes of program.json."""
    optimizer: int
    step: int
    """Of this optimizer in this process, from 1."""
    skipped: bool
    """A gradient scaler found numbers that are not finite, and nothing was changed."""
    loss: Number | NotFinite | None
    loss_rule: str
    """What `loss` is, in words; empty where it is not known."""
    losses: tuple[Number | NotFinite, ...] | None
    """As given to backward, in order; None where there are too many."""
    num_losses: int
    learning_rates: tuple[Number, ...]
    """One a group of parameters, as the step used them."""
    grad_norm: Number | NotFinite | None
    """Where the program computed it."""
    epoch: Number | None
    num_rows: int | None
    num_tokens: int | None
    """Without padding."""
    num_fed_tokens: int | None
    num_target_tokens: int | None
    num_targets: int | None
    """Targets that carry loss, tokens or others."""
    shared_with: int | None
    """Another optimizer that stepped from the same losses and batches: its row counts them."""
    elapsed_s: Number
    """Since the segment began."""


class ProcessRecord(Record):
    """One process of the program in which our hooks were."""

    pid: int
    parent_pid: int
    argv: tuple[str, ...]
    executable: str
    python: str
    cwd: str
    rank: int | None
    world_size: int | None
    forked: bool
    """Made by fork, without a new program."""
    how_it_ended: str
    """exit, or that nothing was heard of its end."""
    num_steps: int
    max_rss_bytes: int | None
    cuda_max_bytes: int | None


class NamedVersion(Record):
    """A framework or library that the program imported."""

    name: str
    version: str


class FrameworkFacts(Record):
    """The framework as the program's process saw it."""

    name: str
    version: str
    device: str | None
    num_devices: int | None
    num_threads: int | None
    cuda: str | None


class ProgramModel(Record):
    """A model whose parameters an optimizer held, or that was called before any training."""

    process: int
    name: str
    """Its class."""
    id: str
    """Where it says that it comes from; empty where it does not."""
    num_parameters: int
    num_trainable: int
    dtypes: dict[str, int]
    devices: tuple[str, ...]
    is_trained: bool
    evaluated_sha256: str | Unavailable | None
    """Of all its numbers when it was first called without training, where that came first."""
    before_sha256: str | Unavailable
    """Of all its numbers before the first step."""
    after_sha256: str | Unavailable
    num_changed: int | None
    num_compared: int | None
    sampled: bool
    """Whether only a seeded sample of its numbers was compared."""


class ProgramTokenizer(Record):
    """A tokenizer that the program used."""

    process: int
    name: str
    id: str
    vocab_size: int | None
    eos_id: int | None
    pad_id: int | None
    bos_id: int | None
    sha256: str | None
    """Of its whole description, where it has one."""
    chat_template_sha256: str | None


class LossFunction(Record):
    """A loss function that was called."""

    name: str
    ignore_index: int | None
    reduction: str
    num_calls: int


class EvaluationPhase(Record):
    """Forward passes without training, between two steps."""

    process: int
    after_step: int
    num_forwards: int
    num_rows: int | None
    num_tokens: int | None


class LoggedRecord(Record):
    """What a framework's own callback got to log, unrounded."""

    process: int
    by: str
    step: int
    values: dict[str, Number]


class NotSeen(Record):
    """Something that the hooks could not see, or stopped seeing."""

    what: str
    why: str
    process: int | None
    from_step: int | None


class ReplacedFunction(Record):
    """A function that was hooked and was another one later."""

    what: str
    by: str
    process: int


class EarlierRun(Record):
    """A start of the program that was killed or stopped before another went on."""

    segment: int
    processes: tuple[ProcessRecord, ...]
    models: tuple[ProgramModel, ...]
    not_seen: tuple[NotSeen, ...]
    replaced: tuple[ReplacedFunction, ...]


class ProgramRecord(Record):
    """program/program.json: the program as it ran."""

    schema: Literal["program.v1"]
    command: tuple[str, ...]
    executable: str
    cwd: str
    exit_status: int | None
    """None where a signal ended it."""
    signal: int | None
    output_bytes: int
    """Of its output, before anything was cut out."""
    left_running: tuple[str, ...]
    """Processes that it had started and that went on when it was over."""
    processes: tuple[ProcessRecord, ...]
    num_processes_left_out: int
    frameworks: tuple[FrameworkFacts, ...]
    libraries: tuple[NamedVersion, ...]
    models: tuple[ProgramModel, ...]
    tokenizers: tuple[ProgramTokenizer, ...]
    loss_functions: tuple[LossFunction, ...]
    evaluations: tuple[EvaluationPhase, ...]
    logged: tuple[LoggedRecord, ...]
    """What frameworks logged by their own callbacks."""
    num_logged_left_out: int
    not_seen: tuple[NotSeen, ...]
    replaced: tuple[ReplacedFunction, ...]
    earlier: tuple[EarlierRun, ...] = ()
    """What is known of the starts before the last."""


class ProgramRow(Record):
    """One sequence as it was fed."""

    ids: tuple[int, ...]
    labels: tuple[int, ...] | None
    """-100 where no loss falls, as the model got them; None where it got none."""
    pieces: tuple[str, ...] | None
    """The text of each id; None where the tokenizer is not known."""


class ProgramBatch(Record):
    """One forward pass of a sample."""

    process: int
    step: int
    forward: int
    rows: tuple[ProgramRow, ...]


class FieldReached(Record):
    """How far one field of a data file came, counted over the rows that were looked at."""

    field: str
    num_rows: int
    """Rows that have text in this field."""
    num_rows_in_sequence: int
    num_rows_in_target: int | None
    """None where it is not known which tokens carry loss."""
    is_answer: bool
    """Declared as what the model must learn."""
    is_constant: bool
    """The same in every row."""


class DataReached(Record):
    """A data file that the program opened, and how far its fields came."""

    path: str
    sha256: str | Unavailable
    num_rows: int
    num_rows_looked_at: int
    """All of them, or a seeded sample."""
    num_rows_found: int
    """Of those, rows with text that was in a sequence."""
    fields: tuple[FieldReached, ...]


class ProgramSeen(Record):
    """program/seen.json: what the model was fed in training."""

    schema: Literal["program-seen.v1"]
    num_rows: int | None
    num_tokens: int | None
    num_fed_tokens: int | None
    num_target_tokens: int | None
    num_sequences: int
    """Distinct sequences that were kept to look for text in."""
    all_sequences: bool
    """Whether these are all that were fed."""
    why_not_all: str
    num_without_labels: int
    num_without_targets: int
    """Of those with labels: sequences in which no token carries loss."""
    num_with_eos: int | None
    """Sequences that hold the end token; None where it is not known."""
    num_with_eos_in_target: int | None
    data: tuple[DataReached, ...]
    data_not_looked_at: tuple[NotSeen, ...]
    batches: tuple[ProgramBatch, ...]


class OpenedFile(Record):
    """A file that the program opened, as it was when we read it."""

    path: str
    """From the project's root, or absolute."""
    mode: Literal["read", "written", "source"]
    how: str
    size_bytes: int | None
    sha256: str | Unavailable
    is_as_opened: bool | None
    """Whether size and time were those that it had when it was opened; None: not known."""


class CollectedFile(Record):
    """A file that the program left and that the pack keeps, or says why not."""

    path: str
    kept_as: str | None
    why_not: str
    size_bytes: int
    sha256: str | Unavailable


class ProgramFiles(Record):
    """program/files.json."""

    schema: Literal["program-files.v1"]
    opened: tuple[OpenedFile, ...]
    num_left_out: int
    collected: tuple[CollectedFile, ...]
    known_results: tuple[str, ...]
    """Written files of a well-known form, whose numbers `[[metric]]` could take."""


class ReportedValue(Record):
    """A value that the program told by `evidence.report`, or by a line of its own."""

    what: Literal["metric", "step", "artifact"]
    name: str
    value: Number | NotFinite | str
    unit: str
    step: int | None
    process: int | None


class ProgramReported(Record):
    """program/reported.json."""

    schema: Literal["program-reported.v1"]
    values: tuple[ReportedValue, ...]
    num_left_out: int
    refused: tuple[str, ...]


class NumberInFile(Record):
    """A `[[metric]]` of the milestone, taken from a collected file."""

    name: str
    value: Number | Unavailable
    text: str
    """As it stands in the file."""
    file: str
    """In the pack."""
    place: str
    """Where in the file, in words."""
    unit: str
    typed_in: tuple[str, ...] = ()
    """Where it stands, digit for digit, in the program's source or command."""


class Telling(Record):
    """One number that was told twice."""

    what: str
    hooked: Number
    told: str
    """As it was printed."""
    where: str


class ProgramNumbers(Record):
    """program/numbers.json: what files and the log say."""

    schema: Literal["program-numbers.v1"]
    metrics: tuple[NumberInFile, ...]
    num_told_twice: int
    """Numbers that a file or the log tells, and our hooks saw too."""
    differing: tuple[Telling, ...] = field(default_factory=tuple)
    """Of these, the ones that are not the same in every digit told."""
