"""What comparing packs gives: comparison.json, and the rows its markdown is made of.

Values stand in the order of `ComparisonRecord.packs`; None means that a pack does not have it.
"""

from typing import Literal, TypeAlias

from evidence.records.record import Number, Record

Scalar: TypeAlias = str | Number | bool | None


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
    """First common step fed other rows; None: the same rows in every common step."""
    first_loss_step: int | None
    """First common step with another loss, bit for bit."""
    first_step_beyond: int | None
    """First common step whose losses differ by more than `tolerance`."""
    tolerance: Number
    """Relative to the loss of the first pack."""
    largest_difference: Number | None
    """Largest relative difference of the losses of one step; None where it has no meaning."""


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


class PairRecord(Record):
    """The first pack against one of the others, by its place in `packs` (from 0)."""

    pack: int
    trajectory: TrajectoryRecord
    predictions: PredictionsRecord


class ComparisonRecord(Record):
    """The whole comparison."""

    schema: Literal["comparison.v1"]
    packs: tuple[ComparedPack, ...]
    configuration: tuple[DifferenceRecord, ...]
    environment: tuple[DifferenceRecord, ...]
    measures: tuple[MeasureRecord, ...]
    pairs: tuple[PairRecord, ...]
