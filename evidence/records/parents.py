"""The packs that a run begins from: parents.json."""

from typing import Literal

from evidence.records.availability import Unavailable
from evidence.records.inputs import FileDigest
from evidence.records.record import Number, Record
from evidence.records.run import Level, Status


class ParentValueRecord(Record):
    """A value of another pack's results.json that this milestone names. Exactly one of value and
    unavailable is None."""

    value: Number | str | bool | None
    unavailable: str | None
    unit: str
    level: Level


class ParentPackRecord(Record):
    """A checkpoint of another pack, as that pack was verified before the run."""

    init: str
    """As the milestone says it: `pack:runs/M45#C`."""
    milestone: str
    stage: str | None
    """None: the pack has no stages."""
    root_sha256: str
    outcome_sha256: str | Unavailable
    status: Status
    stand_in: bool
    files: tuple[FileDigest, ...]
    """Of the checkpoint, by their names in its folder."""
    values: dict[str, ParentValueRecord]
    """By their names there; of one pack with several checkpoints here they stand with the first."""


class ParentsRecord(Record):
    """parents.json, in the order in which the milestone names them. Only where there are any."""

    schema: Literal["parents.v1"]
    parents: tuple[ParentPackRecord, ...]
