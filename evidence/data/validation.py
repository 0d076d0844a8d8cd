"""The rows that a training is evaluated on while it runs, as the model gets them.

Responsible for their examples and for what is told of them. The loss is computed by a backend.
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

from evidence.data.examples import examples_of
from evidence.data.facts import DataSet
from evidence.data.read import load_data
from evidence.data.tokens import Coder, Example, num_targets
from evidence.encoding.digest import sha256_bytes
from evidence.errors import DataError
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.records.validation import ValidationSetRecord


class ValidationSet(Record):
    """The rows as they are fed, and the data set that they are of; none without a validation."""

    examples: Sequence[Example] = ()
    data: DataSet | None = None

    @property
    def sets(self) -> tuple[tuple[DataSet, Sequence[Example]], ...]:
        """The data set with its examples, if there is one."""
        return () if self.data is None else ((self.data, self.examples),)

    @property
    def read(self) -> dict[str, str]:
        """SHA-256 of the bytes that were read, by the name of the data set."""
        return {} if self.data is None else {self.data.name: self.data.content.sha256}


def validation_set(plan: AttemptPlan, root: Path, coder: Coder) -> ValidationSet:
    """Those of the plan; none where it asks for no validation.

    Raises DataError where no token of any row carries loss.
    """
    if not plan.train.validate_every_steps:
        return ValidationSet()
    name = plan.train.validation_data
    spec = plan.data[name]
    data = load_data(root, name, spec)
    examples = examples_of(data, spec, coder, plan.train.max_length)
    if not any(num_targets(one.labels) for one in examples):
        raise DataError(
            f"in none of the {len(examples)} rows of [data.{name}] does a token carry loss: a "
            "validation loss would be a mean of nothing. Mend its text, its answer or max_length"
        )
    return ValidationSet(examples, data)


def set_record(
    name: str, examples: Sequence[Example], trained_on: Sequence[Example]
) -> ValidationSetRecord:
    """What the journal tells of the rows."""
    taught = {_digest(one) for one in trained_on}
    return ValidationSetRecord(
        data=name,
        num_rows=len(examples),
        num_tokens=sum(len(one.ids) for one in examples),
        num_target_tokens=sum(num_targets(one.labels) for one in examples),
        num_rows_cut=sum(bool(one.num_cut) for one in examples),
        num_rows_trained_on=sum(_digest(one) in taught for one in examples),
    )


def _digest(one: Example) -> bytes:
    """Stands for the tokens of a row, of which many may be long."""
    return sha256_bytes(array("q", one.ids).tobytes())
