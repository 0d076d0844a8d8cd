"""What a milestone asks for: the records that `evidence.milestone.parse` builds from a TOML file.

Every field is described for users in `schemas/milestone.v1.schema.json`; here stands what code
may rely on.
"""

from typing import Any, Final, Literal, TypeVar

from msgspec import field

from evidence.records.eval_spec import EVAL_OPTIONS as EVAL_OPTIONS
from evidence.records.eval_spec import EvalSpec as EvalSpec
from evidence.records.eval_spec import PatternSpec as PatternSpec
from evidence.records.record import Number, Record
from evidence.records.training import Dtype, TrainSpec

T = TypeVar("T")

NAMES: Final = {"given_model": "model", "given_train": "train", "given_eval": "eval"}
"""Fields of a milestone and of a plan that may be None, and the names that files have for them."""

LossOn = Literal["completion", "fields", "all"]
ConversationFormat = Literal["messages", "sharegpt", "alpaca"]
Learn = Literal["assistant", "last-assistant", "all"]
Policy = Literal["fail", "record"]
Accelerator = Literal["none", "nvidia", "amd", "apple", "tpu"]
GateOp = Literal["<", "<=", "==", ">=", ">", "!="]


class HubDataSpec(Record):
    """A data set on the Hugging Face hub."""

    id: str
    split: str
    revision: str = "main"
    config: str | None = None


FileFormat = Literal["jsonl", "json", "csv", "tsv", "parquet", "arrow"]


class DataSpec(Record):
    """One data set and how a row becomes text."""

    path: str | None = None
    paths: tuple[str, ...] = ()
    """Several files, or patterns, in their order; `path` is None then. In a milestone file both are
    `path`."""
    file_format: FileFormat | None = None
    """None: as the ending of the file says."""
    hub: HubDataSpec | None = None
    sha256: str | None = None
    rows: int | None = None
    fields: dict[str, str] = field(default_factory=dict)
    """Field name → type name; a trailing `?` marks it optional. Empty: rows are not checked."""
    text: str | None = None
    """Jinja template over a row's fields, for training data."""
    answer: tuple[str, ...] = ()
    """Fields that the model must learn to produce."""
    loss: LossOn = "completion"
    """completion: from the first answer field to the end; fields: answer fields only; all."""
    append_eos: bool = True
    answer_may_be_unseen: bool = False
    """Declares that a run whose loss never touches an answer field is meant."""
    where: dict[str, Any] = field(default_factory=dict)
    """Field → value, or list of values: rows that have another one are left out."""
    under_test: str | None = None
    """Of a set to evaluate on: the field whose text is what the evaluation is about, such as an
    error that was put in; it has to stand in the prompt."""
    format: ConversationFormat | None = None
    """Rows are conversations in this form, and the chat template makes texts of them. `answer`,
    `loss` and `append_eos` then follow from it (`milestone.conversations`)."""
    learn: Learn | None = None
    """Of conversations: which turns carry loss. None where they are none."""
    license: str | None = None
    """Under which licence the author says that the data are: an SPDX id, or the hub's name."""


class ModelSpec(Record):
    """Where the weights, the architecture and the tokenizer come from.

    Exactly one of `id` (hub), `path` (a local save_pretrained folder), `config` (a folder with
    config.json; weights are random, seeded by `init_seed`) and `pack` (a checkpoint of another
    pack).
    """

    id: str | None = None
    revision: str | None = None
    path: str | None = None
    config: str | None = None
    init_seed: int | None = None
    tokenizer: str | None = None
    """Local folder with tokenizer.json; None: the model's own."""
    tokenizer_sha256: str | None = None
    """Declared digest of that folder's tokenizer.json."""
    named: str | None = None
    """`stage:A`: what a checkpoint of another stage is called, where its path is
    that of a moment; `pack:runs/M45#C` of another pack. No milestone file says it; it follows from
    `init`, or from `pack`."""
    pack: str | None = None
    """`runs/M45#C`: the checkpoint of another pack. Read away by `parse`: `path` and `named` say
    it then."""
    chat_template: str | None = None
    """Jinja over messages, in place of the chat template that the tokenizer brings along."""
    chat_values: dict[str, Any] = field(default_factory=dict)
    """What the chat template is given beside messages and tools: enable_thinking, date_string."""
    license: str | None = None
    """Under which licence the author says that the model is: an SPDX id, or the hub's name."""

    @property
    def called(self) -> str:
        """The name that documents and logs have for it."""
        return self.named or self.id or self.path or self.config or ""


StageKind = Literal["train", "eval"]


class StageSpec(Record):
    """One [[stage]]: what it begins from, its data, and what of [train], [eval] is other here."""

    name: str
    kind: StageKind
    init: str = "base"
    """Of a training: `base`, `stage:NAME` or `pack:FOLDER#NAME`."""
    of: tuple[str, ...] = ()
    """Of an evaluation: the training stages whose checkpoints are evaluated, `base` or
    `pack:FOLDER#NAME`; none: all stages before."""
    data: tuple[str, ...] = ()
    """Data sets: one of a training, one or several of an evaluation. None: that of the table."""
    where: dict[str, Any] = field(default_factory=dict)
    """As of a data set."""
    train: dict[str, Any] = field(default_factory=dict)
    eval: dict[str, Any] = field(default_factory=dict)
    """Single keys that override those of the table, and those of an attempt."""
    seeds: tuple[int, ...] = ()
    """Of a training: it is run once for each of them, in stages NAME_1, NAME_2, …"""


class ArmsSpec(Record):
    """Training stages that are held against each other, and what they are meant to differ in."""

    stages: tuple[str, ...]
    """The first is the one that each other is compared with."""
    varies: tuple[str, ...]
    """As `rules.arms` names differences: data, train.learning_rate, seen.answer.loss."""


class RequirementSpec(Record):
    """What an attempt needs of the machine before a worker is started."""

    accelerator: Accelerator = "none"
    gpu: int | str | None = None
    """One of several NVIDIA or AMD GPUs: its number, or of NVIDIA its UUID. None: the first that a
    worker sees."""
    vram_gib: Number = 0.0
    hub: bool = False


class AttemptSpec(Record):
    """One try at the milestone; `train`, `eval` override single keys, `model` replaces."""

    name: str
    backend: str
    stand_in: bool = False
    manual: bool = False
    requires: RequirementSpec = field(default_factory=RequirementSpec)
    model: ModelSpec | None = None
    train: dict[str, Any] = field(default_factory=dict)
    eval: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None
    timeout_s: Number | None = None
    no_progress_timeout_s: Number = 1800.0
    """Seconds without an event and without output of the worker after which it counts as hung."""
    interpreter: str | None = None
    """The Python that its workers run under: relative to the project, absolute, or below `~`.
    None: the one that runs `evidence`."""
    resolution: str = ""
    """What the author says follows when this attempt does not complete."""


class GateSpec(Record):
    """An acceptance condition: `metric op value`, or `metric op factor × other`."""

    name: str
    metric: str
    op: GateOp
    value: Number | str | bool | None = None
    other: str | None = None
    factor: Number = 1.0
    required: bool = True
    on_stand_in: Literal["check", "skip"] = "check"


class FrozenSpec(Record):
    """Paths the milestone promises not to touch."""

    name: str
    paths: tuple[str, ...]
    ref: str | None = None
    policy: Policy = "fail"


class PolicySpec(Record):
    """What it means when something changes between the start and the end of a run.

    record: it is recorded, and warned of; fail: it is a required gate not met, too. Frozen paths
    have a policy of their own.
    """

    git: Policy = "record"
    """HEAD, branch or files of the repository."""
    clock: Policy = "record"
    """The wall clock jumps against the monotonic one."""
    threads: Policy = "record"
    """The worker's number of threads, on which bits may depend."""


class CollectSpec(Record):
    """Files that a program leaves and the pack keeps: `recorded/files/` below the pack."""

    paths: tuple[str, ...]
    """Patterns relative to the project, or to `{output}`."""
    max_bytes: int = 1 << 20
    """Of each file; a larger one is named with its digest and not kept."""


class MetricSpec(Record):
    """A number in a file that a program wrote. Exactly one of pointer, column and pattern."""

    name: str
    file: str
    pointer: str | None = None
    """JSON pointer, of a JSON file, or of the last line of a JSON lines file."""
    column: str | None = None
    """Of a CSV or TSV file with a header."""
    pattern: str | None = None
    """Regular expression (`evidence.rules.patterns`) whose match ends with the number."""
    row: int = -1
    """Which of several, from 0; negative from the end."""
    unit: str = ""


DDP: Final = "ddp"
FSDP: Final = "fsdp"


class LaunchSpec(Record):
    """By how many processes a training step is computed."""

    processes: int = 1
    strategy: Literal["ddp", "fsdp"] = "ddp"
    """ddp: each process has the whole model; fsdp: each has its share of the weights."""


class AllowSpec(Record):
    """Something that looks like a secret and is none, by the author's word."""

    sha256: str
    """Of its plain bytes, however it is spelled."""
    reason: str


class SecretsSpec(Record):
    """What must not be taken for a secret."""

    allow: tuple[AllowSpec, ...] = ()


class NarrativeSpec(Record):
    """The author's words. `{{ name }}` is replaced by a value of results.json."""

    summary: str = ""
    quote: str = ""
    observations: str = ""
    impact: str = ""
    conclusion: str = ""
    next_steps: str = ""
    lessons: tuple[str, ...] = ()
    literals: dict[str, str] = field(default_factory=dict)
    """Measurement typed by hand → why it is allowed."""


class PublishSpec(Record):
    """What may be absent from a published pack, and what is kept beside it."""

    withhold: tuple[str, ...] = ()
    reason: str = ""
    withhold_rows: tuple[Literal["predictions"], ...] = ()
    """Rows that a published copy may lack, row by row committed to (commitments.json)."""
    pseudonyms: bool = True
    """Whether logs and captured facts say `~`, `user`, `host` for home, user and machine."""
    keep_checkpoints: tuple[int, ...] = ()
    """Steps of the training after which its checkpoint is kept, beside the pack."""


class Numerics(Record):
    """How a model is computed with, whatever is done with it."""

    dtype: Dtype = "bfloat16"
    deterministic: bool = True
    seed: int = 42


class Tables:
    """The tables of a milestone, or of a plan of it, as those read them who know that they are
    there: only stages of its kind ask for one. Each raises LookupError where there is none."""

    __slots__ = ()
    given_model: ModelSpec | None
    given_train: TrainSpec | None
    given_eval: EvalSpec | None

    @property
    def model(self) -> ModelSpec:
        """The model that it begins from."""
        return _asked_for(self.given_model, "model")

    @property
    def train(self) -> TrainSpec:
        """Its training."""
        return _asked_for(self.given_train, "train")

    @property
    def eval(self) -> EvalSpec:
        """Its evaluation."""
        return _asked_for(self.given_eval, "eval")

    @property
    def numerics(self) -> Numerics:
        """As [train] says; where nothing is trained, repeatably and as [eval] says."""
        train = self.given_train
        if train is not None:
            return Numerics(train.dtype, train.deterministic, train.seed)
        return Numerics(dtype=self.eval.dtype or Numerics().dtype)


def _asked_for(table: T | None, name: str) -> T:
    if table is None:
        raise LookupError(f"the milestone has no [{name}]")
    return table


class Milestone(Tables, Record, rename=NAMES):
    """One milestone file, parsed and validated."""

    id: str
    title: str
    kind: str
    objective: str
    attempts: tuple[AttemptSpec, ...]
    data: dict[str, DataSpec] = field(default_factory=dict)
    given_model: ModelSpec | None = None
    given_train: TrainSpec | None = None
    given_eval: EvalSpec | None = None
    gates: tuple[GateSpec, ...] = ()
    frozen: tuple[FrozenSpec, ...] = ()
    policy: PolicySpec = field(default_factory=PolicySpec)
    narrative: NarrativeSpec = field(default_factory=NarrativeSpec)
    publish: PublishSpec = field(default_factory=PublishSpec)
    secrets: SecretsSpec = field(default_factory=SecretsSpec)
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Settings of stages beside `train` and `eval`, by the name of their kind."""
    collect: tuple[CollectSpec, ...] = ()
    metric: tuple[MetricSpec, ...] = ()
    stage: tuple[StageSpec, ...] = ()
    """Its stages, in order; none: [train] and [eval] are one stage each."""
    arms: tuple[ArmsSpec, ...] = ()
    seeds: tuple[int, ...] = ()
    """Without [[stage]]: it trains and evaluates once for each of them, in a stage each."""
    launch: LaunchSpec | None = None
    """None: every stage is one process."""

    @property
    def processes(self) -> int:
        """Processes that each step of its trainings is divided among."""
        return 1 if self.launch is None else self.launch.processes

    @property
    def strategy(self) -> Literal["ddp", "fsdp"]:
        """How these processes share the model."""
        return LaunchSpec().strategy if self.launch is None else self.launch.strategy

    @property
    def is_staged(self) -> bool:
        """Whether stages have folders of their own, and [train], [eval] are what they share."""
        return bool(self.stage or self.seeds)
