"""Records that a worker sends and that become events of the journal as they are.

Responsible for which there are, and for cutting secrets and names out of those that name a machine.
"""

from __future__ import annotations

from typing import Any, Final

from evidence.attempt.handed import Clean, cleaned
from evidence.encoding.codec import decode
from evidence.records.execution import CompilationRecord, ExecutionRecord, LossRecord
from evidence.records.generation import GenerationRecord
from evidence.records.ranks import RanksFedRecord, RanksRecord
from evidence.records.record import Record
from evidence.records.validation import ValidationRecord, ValidationSetRecord

FACTS: Final[dict[str, type[Record]]] = {
    "execution": ExecutionRecord,
    "ranks": RanksRecord,
    "ranks-fed": RanksFedRecord,
    "compilation": CompilationRecord,
    "loss": LossRecord,
    "generation": GenerationRecord,
    "validation-set": ValidationSetRecord,
    "validation": ValidationRecord,
}
NAMING: Final = "ranks"
"""Of these the one that names a machine."""


def fact_of(event: dict[str, Any], clean: Clean) -> Record:
    """The record of an event. Raises MalformedError."""
    found = {key: value for key, value in event.items() if key != "event"}
    if event["event"] == NAMING:
        found["ranks"] = [_anonymous(one, clean) for one in found["ranks"]]
    return decode(FACTS[event["event"]], found)


def _anonymous(rank: dict[str, Any], clean: Clean) -> Any:
    """A machine's name is cut out where it stands behind an @, and nowhere else."""
    host = clean(f"@{rank['host']}").removeprefix("@")
    return cleaned({**rank, "host": host}, clean)
