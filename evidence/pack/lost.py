"""Documents that were lost when a run was closed whose files were not as it had written them.

Responsible for what stands in their place: the same document, with nothing known in it. Which were
lost is in the journal, and `verify` holds both against each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import MalformedError
from evidence.records.capture import (
    EnvironmentRecord,
    FrozenRecord,
    HardwareRecord,
    PackagesRecord,
)
from evidence.records.hollow import hollow
from evidence.records.inputs import InputsRecord
from evidence.records.record import Record
from evidence.records.run import DamagedRecord, JournalEvent

WHY: Final = "the run was closed when its files were no longer as it had written them"

_RECORDS: Final[Mapping[str, type[Record]]] = {
    layout.ENVIRONMENT: EnvironmentRecord,
    layout.HARDWARE: HardwareRecord,
    layout.PACKAGES: PackagesRecord,
    layout.FROZEN: FrozenRecord,
    layout.INPUTS: InputsRecord,
}

DOCUMENTS: Final = tuple(_RECORDS)
"""Those that can be lost."""


def in_its_place(path: str) -> bytes:
    """What stands in the place of a lost document."""
    return jsonio.dump_document(encode(hollow(_RECORDS[path], WHY)))


def damaged_in(journal: tuple[JournalEvent, ...]) -> DamagedRecord | None:
    """What was damaged when the run was closed; None where nothing was.

    Raises MalformedError.
    """
    events = [one for one in journal if one.event == "damaged"]
    if not events:
        return None
    if len(events) > 1:
        raise MalformedError("a run is closed once, and damage is said once")
    return decode(DamagedRecord, events[0].data)
