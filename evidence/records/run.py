"""What a run produces: plans, journal events, step rows, predictions, outcomes, manifest.

Each record that becomes a file of a pack has a schema of the same fields in `schemas/`.
"""

from typing import Any, Final, Literal, get_args

from msgspec import field

from evidence.records.arms import ArmsRecord
from evidence.records.availability import Unavailable
from evidence.records.choices import ChoicesRow
from evidence.records.evaluation import PairRecord
from evidence.records.milestone import (
    NAMES,
    CollectSpec,
    DataSpec,
    EvalSpec,
    MetricSpec,
    ModelSpec,
    RequirementSpec,
    Tables,
)
from evidence.records.record import Number, Record
from evidence.records.training import TrainSpec

Status = Literal["complete", "failed", "unknown"]
"""`unknown` is of imported packs alone: their files do not say how the run ended."""
Origin = Literal["run", "imported"]
Level = Literal["observed", "instrumented", "reported", "parsed", "declared"]
"""How a value is known, best first: by our own code in the training process; by our hooks in
somebody's process; told by the program; read from a file that it left; typed by the author."""
LEVELS: Final[tuple[Level, ...]] = get_args(Level)
OutcomeKind = Literal[
    "completed",
    "requirement-not-met",
    "bad-data",
    "exception",
    "out-of-memory",
    "killed-by-signal",
    "timed-out",
    "diverged",
    "interrupted",
]

StopKind = Literal[
    "killed",
    "interrupted",
    "worker-killed",
    "out-of-memory",
    "gpu-lost",
    "worker-failed",
    "disk-full",
    "io-error",
    "secret-found",
    "internal-error",
]


class StopRecord(Record):
    """stopped.json beside an unsealed run: why it stopped before its end.

    No evidence yet: a process that goes on with the run puts it into the journal.
    """

    kind: StopKind
    """`killed` where the process could not even say so: SIGKILL, a power cut."""
    reason: str
    utc: str


class AttemptPlan(Tables, Record, rename=NAMES):
    """One attempt with every default and override resolved: all a backend needs to know."""

    number: int
    name: str
    backend: str
    stand_in: bool
    manual: bool
    requires: RequirementSpec
    given_model: ModelSpec | None
    data: dict[str, DataSpec]
    given_train: TrainSpec | None
    given_eval: EvalSpec | None
    threads: int | None
    timeout_s: Number | None
    no_progress_timeout_s: Number
    resolution: str
    interpreter: str | None = None
    """The Python of its workers, as the milestone names it. None: that of the supervisor."""
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of stages beside `train` and `eval`, by the name of their kind."""
    collect: tuple[CollectSpec, ...] = ()
    metric: tuple[MetricSpec, ...] = ()
    processes: int = 1
    """Processes that each step of a training is divided among."""
    strategy: str = "ddp"
    """Whether each of them has all weights, or its share of them."""


class JournalEvent(Record):
    """One line of journal.jsonl. `prev` is the SHA-256 of the line before, LF included."""

    seq: int
    utc: str
    monotonic_s: Number
    event: str
    attempt: str | None
    data: dict[str, Any]
    prev: str


class KeptCheckpoint(Record):
    """A checkpoint that was asked to be kept and was whole when the run was sealed."""

    step: int
    sha256: str
    """Of the digests of its files (`pack.kept`)."""
    size_bytes: int


class LostCheckpoint(Record):
    """A checkpoint that was asked to be kept, and is not."""

    step: int
    reason: str


class DamagedFile(Record):
    """A file that was set aside when a run was closed whose files were not as it wrote them."""

    path: str
    """Below the folder that the run worked in."""
    reason: str
    kept_as: str | None
    """Where its bytes lie in the pack, unread. None: they are not in it."""
    sha256: str | None
    size_bytes: int | None


class DamagedRecord(Record):
    """Data of the journal's `damaged` event."""

    files: tuple[DamagedFile, ...]
    num_left_out: int
    """Further files, which are neither named here nor kept."""
    hollow: tuple[str, ...]
    """Documents of the pack in which nothing is known, since theirs were damaged."""
    begins_anew: bool
    """The events before it are of the closing too; else they are the first of the run."""


class PackedSequence(Record, gc=False):
    """Rows that were fed as one sequence, in order, none of which sees another."""

    rows: tuple[int, ...]
    """Places in the data, from 0."""
    tokens: tuple[int, ...]
    """Length of each."""


class StepRow(Record, gc=False, omit_defaults=True):
    """One optimizer step, full precision. `stream` is the row stream chain after this step."""

    kind: Literal["step"]
    stage: str
    segment: int
    step: int
    epoch: Number
    loss: Number
    learning_rate: Number
    grad_norm: Number | None
    num_rows: int
    num_tokens: int
    """Unpadded tokens of the step's rows."""
    num_fed_tokens: int
    """Tokens in the tensors, padding included."""
    num_target_tokens: int
    elapsed_s: Number
    """Monotonic seconds since this segment of the stage began."""
    stream: str
    compile_s: Number | None = None
    """Seconds of this step that went into compiling programs for new shapes. None: the framework
    compiles none, or does not say."""
    packed: tuple[tuple[PackedSequence, ...], ...] | None = None
    """The sequences of each forward pass. None: each row was a sequence of its own."""


class PredictionRow(Record, gc=False, omit_defaults=True):
    """One evaluated example. `index` is the row of the evaluation set, from 0."""

    index: int
    id: str
    prompt: str
    target: str
    output: str
    answer: str
    """What is scored: the output, or its part after `answer_after`."""
    finish_reason: Literal["eos", "length"]
    num_prompt_tokens: int
    num_output_tokens: int
    prompt_sha256: str
    target_sha256: str
    output_sha256: str
    groups: dict[str, str]
    scores: dict[str, bool]
    under_test: tuple[str, ...] = ()
    """What the row declares to be under test; it has to stand in the prompt."""
    answer_loss: Number | None = None
    """Of the expected answer after the prompt: minus the sum of the log-likelihoods of its tokens,
    in nats. None where the milestone does not ask for it."""
    num_answer_tokens: int | None = None
    """How many tokens that are."""
    choices: ChoicesRow | None = None
    measured: dict[str, bool | Number] = field(default_factory=dict)
    """What each function of the author's said of the answer, by its name."""

    @property
    def all_scores(self) -> dict[str, bool | Number]:
        """Verdicts of the scorers, and what else was measured."""
        return {**self.scores, **self.measured}


class OutcomeRecord(Record):
    """attempts/NN-name/outcome.json of an attempt that did not complete."""

    schema: Literal["outcome.v1"]
    number: int
    name: str
    backend: str
    outcome: OutcomeKind
    reason: str
    missing: tuple[str, ...]
    """What was not there, one plain sentence each, for requirement-not-met."""
    remedies: tuple[str, ...]
    """How to get it, one for each of `missing`."""
    resolution: str
    exit_status: int | None
    signal: int | None
    duration_s: Number
    last_lines: tuple[str, ...]


class FileEntry(Record):
    """A file of the sealed set."""

    path: str
    size_bytes: int


Relation = Literal[
    "reproduces",
    "runs-again-with-another-seed",
    "runs-again-in-another-attempt",
    "begins-from",
]
"""What a pack is to its parent. No free text: a summary shows it beside the parent's digest."""


class ParentRecord(Record):
    """Another pack that this one was made from: by reproduction, or from a checkpoint of it."""

    milestone: str
    root_sha256: str
    relation: Relation


class ToolRecord(Record):
    """Which tool wrote the pack."""

    name: Literal["evidence-pack"]
    version: str


class ManifestRecord(Record, omit_defaults=True):
    """manifest.json: what the pack claims to be, and its files but itself and SHA256SUMS."""

    schema: Literal["manifest.v1"]
    ruleset: int
    tool: ToolRecord
    template: str
    milestone: str
    status: Status
    attempt: str | None
    """Name of the attempt that completed."""
    stand_in: bool
    commit: str | Unavailable
    outcome_sha256: str | Unavailable
    parents: tuple[ParentRecord, ...]
    files: tuple[FileEntry, ...]
    origin: Origin = "run"
    """`imported`: made from files that existed already; nothing of the run was observed."""
    imported_utc: str | None = None
    """When it was imported: the one thing that differs between two imports of the same files."""


class WithheldEntry(Record):
    """A sealed file that may be absent from a published copy."""

    path: str
    size_bytes: int
    reason: str


class WithheldRecord(Record):
    """withheld.json"""

    schema: Literal["withheld.v1"]
    files: tuple[WithheldEntry, ...]


class RenderedEntry(Record):
    """A file of the rendered set."""

    path: str
    sha256: str
    size_bytes: int


class RenderedRecord(Record):
    """rendered.json"""

    schema: Literal["rendered.v1"]
    template: str
    root_sha256: str
    files: tuple[RenderedEntry, ...]
    attaching: tuple[RenderedEntry, ...] = ()
    """What a command is about to attach, or was when it was ended. Left out where there is none."""


class ValueRecord(Record, omit_defaults=True):
    """One number (or short text) a summary may show. Exactly one of value, unavailable is set."""

    value: Number | str | bool | None
    unavailable: str | None
    unit: str
    address: str
    """`path#/pointer`, `path#L10/pointer`, `path#L1-L138/pointer`; several joined by ' + '."""
    rule: str
    """Id of the rule that gives the value from the address: 'as-recorded' or one of rules."""
    level: Level
    """How it is known: the weakest level of what stands at its addresses."""
    shown: str | None = None
    """A number as the file at the address writes it, which tells how many of its digits are known.
    None: the value is in full precision."""


class IntervalRow(Record, omit_defaults=True):
    """One row of the loss table: the mean of the steps since the last logged one."""

    step: int
    loss: Number
    learning_rate: Number | None
    """None where an imported file does not log it; so with `epoch`."""
    epoch: Number | None
    address: str
    level: Level
    stage: str | None = None
    """Whose, where stages have folders of their own."""


class GateResult(Record):
    """A gate as it came out."""

    name: str
    metric: str
    op: str
    required: bool
    outcome: Literal["met", "not-met", "skipped", "not-checked"]
    actual: Number | str | bool | None
    limit: Number | str | bool | None
    reason: str

    @property
    def is_open(self) -> bool:
        """Whether it is required, and not met or not checked: it keeps a run from success."""
        return self.required and self.outcome in ("not-met", "not-checked")


class ResultsRecord(Record, omit_defaults=True):
    """results.json: every number a summary may show, with its address and rule."""

    schema: Literal["results.v1"]
    milestone: str
    values: dict[str, ValueRecord]
    loss_table: tuple[IntervalRow, ...]
    gates: tuple[GateResult, ...]
    arms: tuple[ArmsRecord, ...] = ()
    """Trainings that are held against each other, where there are any."""
    pairs: tuple[PairRecord, ...] = ()
    """Evaluations that are held against each other, where there are any."""
