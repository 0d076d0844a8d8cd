"""What differs between two arms: two trainings that are held against each other."""

from typing import Literal, TypeAlias

from evidence.records.availability import Unavailable
from evidence.records.comparison import Scalar
from evidence.records.inputs import DataRecord, SeenRecord
from evidence.records.milestone import DataSpec, EvalSpec, ModelSpec
from evidence.records.record import Record
from evidence.records.training import TrainSpec

ArmKind: TypeAlias = Literal["seen", "data", "start", "setting", "budget"]
"""What the model saw; data and how rows become text; weights that training starts from; what is
stated of training and evaluation; how much training there was. In the order of this list."""
Standing: TypeAlias = Literal["declared", "consequence", "undeclared"]


class Arm(Record):
    """One of them, with every default and override resolved."""

    name: str
    train: TrainSpec | None
    evaluation: EvalSpec | None
    model: ModelSpec | None
    text: DataSpec | None
    """How rows of its training data become text, and where the loss falls."""
    data: DataRecord | Unavailable
    """Its training data."""
    evaluation_data: DataRecord | Unavailable
    start_sha256: str | Unavailable
    """Of the weights that training starts from (`rules.weights_digest`), or of the parent."""
    tokenizer_sha256: str | Unavailable
    seen: SeenRecord | Unavailable
    num_steps: int | Unavailable


class ArmDifference(Record):
    """One thing that is not the same in both."""

    kind: ArmKind
    name: str
    """As an author declares it: train.learning_rate, data, data.text, seen.answer, start."""
    values: tuple[Scalar, Scalar]
    standing: Standing
    """Whether the milestone says that it varies; or it follows from something else that differs;
    or neither."""
    follows_from: tuple[str, ...]
    """Other differences that it comes from, by name, as far as rules tell."""


class NotCompared(Record):
    """Something of which it is not known whether it differs."""

    name: str
    reason: str


class ArmsRecord(Record):
    """Two arms side by side. Kinds stand in their order, and what the model saw comes first."""

    arms: tuple[str, str]
    varies: tuple[str, ...]
    """What the milestone says that they differ in, by name."""
    differences: tuple[ArmDifference, ...]
    not_varied: tuple[str, ...]
    """Of `varies`, what is the same in both."""
    not_checked: tuple[NotCompared, ...]
    is_declared: bool = True
    """Whether the milestone says that these are arms; else they only begin from one place."""
    address: str = ""
    """Where in a pack it comes from."""
