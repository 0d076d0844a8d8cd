"""The attempts of a run, as its journal tells of them.

Responsible for bringing the start and the end of each together; what is made of them is others'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from evidence.records.record import Record
from evidence.records.run import JournalEvent


class ToldAttempt(Record):
    """An attempt: when it first began, and its last end."""

    name: str
    began_utc: str
    ended: JournalEvent | None = None

    @property
    def end(self) -> Mapping[str, Any]:
        """What its end says; nothing where no end is recorded."""
        return {} if self.ended is None else self.ended.data


def attempts_in(journal: Sequence[JournalEvent]) -> tuple[ToldAttempt, ...]:
    """Each attempt once, in the order in which they began."""
    found: dict[str, ToldAttempt] = {}
    for event in journal:
        name = event.attempt or ""
        if event.event == "attempt-started":
            found.setdefault(name, ToldAttempt(name, event.utc))
        elif event.event == "attempt-finished" and name in found:
            found[name] = replace(found[name], ended=event)
    return tuple(found.values())
