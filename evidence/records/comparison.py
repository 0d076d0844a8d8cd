"""What comparing packs gives: comparison.json, and the rows its markdown is made of.

Values stand in the order of `ComparisonRecord.packs`; None means that a pack does not have it.
"""

from typing import Literal, TypeAlias

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SpreadRecord
from evidence.records.program import NotFinite
from evidence.records.record import Number, Record

Scalar: TypeAlias = str | Number | bool | None
Sameness: TypeAlias = Literal["same", "differs", "not-checked"]
Measure: TypeAlias = Literal["rms_start", "rms_end", "rms_moved"]
"""Root mean square of a tensor before training, after it, and of its movement."""
ReasonKind: TypeAlias = Literal[
    "data", "text", "order", "rows", "start", "settings", "rates", "function", "loss",
    "gradient", "update", "rounding", "mapping", "decay", "saved-model", "unknown",
]  # fmt: skip


class ComparedPack(Record):
    """One of the packs. `label` is unique within the comparison."""

    label: str
    milestone: str
    root_sha256: str
    status: str
    attempt: str | None
    stand_in: bool
    started_utc: str | None


class DifferenceRecord(Record):
    """A key whose values are not all equal."""

    key: str
    values: tuple[Scalar, ...]


class MeasuredValue(Record):
    """One measured number, or why there is none. `low`, `high`: Wilson interval of a score."""

    value: Number | None
    unavailable: str | None
    low: Number | None = None
    high: Number | None = None


class MeasureRecord(Record):
    """One row of the table: the same quantity of every pack."""

    name: str
    title: str
    unit: str
    values: tuple[MeasuredValue, ...]


class TrajectoryRecord(Record):
    """How two sequences of optimizer steps run together and part. Steps count from 1."""

    num_steps: tuple[int, int]
    num_common_steps: int
    first_stream_step: int | None
    """First common step fed other rows; None: the same rows in every common step, where they are
    known."""
    first_loss_step: int | None
    """First common step with another loss, bit for bit."""
    first_step_beyond: int | None
    """First common step whose losses differ by more than the tolerance."""
    first_tolerance: Number
    """Of step 1, relative to the loss of the first pack."""
    tolerance: Number
    """Of all later steps."""
    largest_difference: Number | None
    """Largest relative difference of the losses of one step; None where it has no meaning."""
    rows_are_known: bool = True
    """Whether it is known which rows each step was fed: of a recorded program it is not."""


class PromptRecord(Record):
    """A prompt that one of two packs has."""

    id: str
    prompt: str


class ChangedPrediction(Record):
    """The same prompt, another output."""

    id: str
    prompt: str
    before: str
    after: str
    scores_before: dict[str, bool]
    scores_after: dict[str, bool]


class CommonScoreRecord(Record):
    """One scorer over the prompts that both packs have, and which of them changed sides."""

    name: str
    num_right: tuple[int, int]
    num_came_right: int
    """Wrong in the first pack, right in the second."""
    num_went_wrong: int


class PredictionsRecord(Record):
    """Two sets of predictions, matched by prompt."""

    num_common: int
    scores: tuple[CommonScoreRecord, ...]
    """Scorers that both used on every prompt in common."""
    changed: tuple[ChangedPrediction, ...]
    gained: tuple[PromptRecord, ...]
    lost: tuple[PromptRecord, ...]


class ConditionRecord(Record):
    """Something that must be the same in two runs for their numbers to be held against each
    other, or that tells them apart."""

    name: str
    """Of a setting, as the milestone spells it: train.optimizer."""
    title: str
    values: tuple[Scalar, Scalar]
    outcome: Sameness
    reason: str
    """Where both values stand; why it was not checked; from where on they differ."""


class StepDifference(Record):
    """One common step: the first pack's number, the other's, and how far apart they are, relative
    to the first. None where there is none, or where the difference has no meaning."""

    step: int
    losses: tuple[Number | NotFinite | None, Number | NotFinite | None]
    loss_difference: Number | None
    grad_norms: tuple[Number | NotFinite | None, Number | NotFinite | None]
    grad_norm_difference: Number | None
    learning_rates: tuple[Number | None, Number | None]
    learning_rate_difference: Number | None


class LogitsDifference(Record):
    """The logits after one prompt, in both packs."""

    id: str
    prompt: str
    num_compared: int
    """Tokens whose logit both packs keep."""
    largest_difference: Number
    spread: Number
    """Of these logits in the first pack, from the lowest to the highest."""
    relative_difference: Number | None
    """The largest difference by the spread; None where there is no spread."""
    first_tokens: tuple[int, int]
    """The token of the highest logit in each."""


class LogitsComparison(Record):
    """The final models' logits after the evaluation prompts that both packs have them of."""

    prompts: tuple[LogitsDifference, ...]
    num_only_in_one: int
    """Prompts of which one pack alone has them, or that were fed as another number of tokens."""


class TensorDifference(Record):
    """One tensor: its root mean squares in both packs, and how far apart these are, relative to
    the larger of the two."""

    name: str
    rms_start: tuple[Number, Number]
    rms_end: tuple[Number, Number]
    rms_moved: tuple[Number, Number]
    start_difference: Number
    end_difference: Number
    moved_difference: Number


class ExchangeRecord(Record):
    """Two tensors of each layer whose numbers stand in each other's place in the other pack."""

    names: tuple[str, str]
    """With * for the number of the layer."""
    measure: Measure
    num_layers: int
    own_difference: Number
    """Mean difference of tensors of the same name."""
    crossed_difference: Number
    """The same of each against the other's partner."""
    usual_difference: Number
    """Median difference of all further tensors, each against its own name."""


class WeightsComparison(Record):
    """Tensors by name, as far as both packs say how they moved."""

    same_start: bool
    """The digests of all weights before training are equal."""
    same_end: bool
    tensors: tuple[TensorDifference, ...]
    only_in_one: tuple[str, ...]
    exchanged: tuple[ExchangeRecord, ...]


class ReasonRecord(Record):
    """Why two runs differ, as far as the facts allow: never more."""

    kind: ReasonKind
    explanation: str
    facts: tuple[str, ...]
    """What it rests on: conditions by name, and places in the packs."""


class PairRecord(Record):
    """The first pack against one of the others, by its place in `packs` (from 0)."""

    pack: int
    conditions: tuple[ConditionRecord, ...]
    trajectory: TrajectoryRecord
    steps: tuple[StepDifference, ...]
    logits: LogitsComparison | Unavailable
    predictions: PredictionsRecord
    weights: WeightsComparison | Unavailable
    reasons: tuple[ReasonRecord, ...]
    """Empty where nothing differs."""
    stage: str | None = None
    """Of which stage of both this is; None where it is of all of them."""


class SeedLeftOut(Record):
    """A pack, by its place, that is none of those that differ in the seed alone."""

    pack: int
    why: str


class SeedMeasure(Record):
    """One number over the packs of several seeds."""

    name: str
    title: str
    spread: SpreadRecord | Unavailable


class SeedsComparison(Record):
    """Packs whose settings, data and model differ from the first pack's in the seed of training
    alone, the first included."""

    packs: tuple[int, ...]
    """By their places in `packs`."""
    seeds: tuple[int, ...]
    """One a pack, in this order."""
    left_out: tuple[SeedLeftOut, ...]
    measures: tuple[SeedMeasure, ...]


class ComparisonRecord(Record):
    """The whole comparison."""

    schema: Literal["comparison.v1"]
    packs: tuple[ComparedPack, ...]
    configuration: tuple[DifferenceRecord, ...]
    environment: tuple[DifferenceRecord, ...]
    measures: tuple[MeasureRecord, ...]
    pairs: tuple[PairRecord, ...]
    seeds: SeedsComparison | None = None
    """None where no two packs differ in their seed alone."""
