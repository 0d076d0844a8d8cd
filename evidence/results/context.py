"""What every group of results computes from: the documents, the plan, the completed attempt.

Responsible for lookups in the journal and for the two ways a value comes out: known with its
address, or unavailable with its reason. The groups of values are in the sibling modules.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import Any, Final, TypeAlias, TypeVar

from msgspec import field

from evidence import layout
from evidence.encoding.pointer import escaped
from evidence.milestone.overrides import Applied, applied
from evidence.milestone.parse import document_of
from evidence.milestone.plan import plan_attempts
from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.milestone import EvalSpec
from evidence.records.record import Record
from evidence.records.run import LEVELS, AttemptPlan, JournalEvent, Level, ValueRecord
from evidence.records.training import TrainSpec
from evidence.stages.registry import kinds

T = TypeVar("T")
Value: TypeAlias = float | int | str | bool
Named: TypeAlias = tuple[str, ValueRecord]
Values: TypeAlias = Iterator[Named]

MAX_PLACES: Final = 64
"""In one address."""
AS_RECORDED: Final = "as-recorded"
_INT_LIMIT: Final = 2**63
NOT_COMPLETED: Final = "no attempt completed"
_SET_ASIDE: Final = "what its attempts left was set aside when the run was closed"


def known(value: Value, unit: str, address: str, rule: str = AS_RECORDED) -> ValueRecord:
    """A value with the place it comes from. A number that is not finite is not one."""
    if isinstance(value, float) and not math.isfinite(value):
        return unknown("the result is not a finite number", unit, address, rule)
    if isinstance(value, int) and abs(value) >= _INT_LIMIT:
        value = float(value)  # JSON integers of a pack have 64 bits; the magnitude stays
    return ValueRecord(value, None, unit, address, rule, level_at(address))


def unknown(reason: str, unit: str, address: str = "", rule: str = AS_RECORDED) -> ValueRecord:
    """A value that cannot be had, and why."""
    return ValueRecord(None, reason, unit, address, rule, level_at(address))


def level_at(address: str) -> Level:
    """How a value is known: the weakest level of the files that its address names.

    What the author typed is declared, what a stage left is known as its kind says, and all else in
    a pack was observed by our own code.
    """
    paths = {part.partition("#")[0] for part in address.split(" + ")}
    return max((_level_of(path) for path in paths), key=LEVELS.index)


@lru_cache(maxsize=256)
def _level_of(path: str) -> Level:
    if path in (layout.MILESTONE, layout.OVERRIDES, layout.NOTES):
        return "declared"
    if layout.is_original(path) or path in (layout.LOGGED, layout.FINDINGS, layout.SOURCES):
        return "parsed"
    of_kinds = (kind.level_of(path) for kind in kinds() if path in kind.needed_when_complete)
    return next(of_kinds, "observed")


def observed(value: Value | Unavailable, unit: str, address: str) -> ValueRecord:
    """A recorded value, or the recorded reason why there is none."""
    if isinstance(value, Unavailable):
        return unknown(value.reason, unit, address)
    return known(value, unit, address)


def ratio(
    above: float, below: float, unit: str, address: str, rule: str, why_not: str
) -> ValueRecord:
    """above / below, or unavailable with `why_not` where below is not positive."""
    if below <= 0:
        return unknown(why_not, unit, address, rule)
    try:
        return known(above / below, unit, address, rule)
    except OverflowError:
        return unknown("the result is not a finite number", unit, address, rule)


def rows_at(path: str, first: int, last: int, pointer: str) -> str:
    """Address of one field in lines `first` to `last` of a JSON lines file."""
    lines = f"L{first}" if first == last else f"L{first}-L{last}"
    return f"{path}#{lines}/{pointer}"


def at(path: str, *parts: str | int) -> str:
    """Address of a place in a JSON or TOML document."""
    return f"{path}#" + "".join(f"/{escaped(part)}" for part in parts)


def join(*addresses: str) -> str:
    """Address of a value made from several places."""
    return " + ".join(address for address in addresses if address)


def places_of(found: Sequence[str], whole: str) -> str:
    """The places of a sum, as many as an address has room for; else the file as a whole."""
    return join(*found) if 0 < len(found) <= MAX_PLACES else whole


def journal_at(event: JournalEvent, *parts: str) -> str:
    """Address inside one event of the journal."""
    return f"{layout.JOURNAL}#L{event.seq + 1}/" + "/".join(parts)


def number_in(event: JournalEvent, key: str) -> float | int | None:
    """A number in an event's data; None where there is none."""
    value = event.data.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


class Context(Record, dict=True):
    """The documents, with lookups that several groups of values share."""

    documents: Documents
    _made: dict[str, Any] = field(default_factory=dict)

    def once(self, name: str, make: Callable[[Context], T]) -> T:
        """What `make` computes of this context, computed once: several groups need it."""
        if name not in self._made:
            self._made[name] = make(self)
        made: T = self._made[name]
        return made

    @cached_property
    def sealing(self) -> JournalEvent | None:
        """The record that ends a journal."""
        events = self.documents.journal
        return events[-1] if events and events[-1].event == "sealing" else None

    @cached_property
    def attempt(self) -> str | None:
        """Name of the attempt that completed."""
        if self.sealing is None or self.sealing.data.get("status") != "complete":
            return None
        return self.sealing.attempt

    @cached_property
    def plan(self) -> AttemptPlan | None:
        """Plan of the attempt that completed."""
        plans = plan_attempts(self.documents.milestone)
        return next((plan for plan in plans if plan.name == self.attempt), None)

    @cached_property
    def train(self) -> TrainSpec:
        """Hyperparameters of the completed attempt, or else as the milestone states them."""
        return self.documents.milestone.train if self.plan is None else self.plan.train

    @cached_property
    def eval(self) -> EvalSpec:
        """Evaluation of the completed attempt, or else as the milestone states it."""
        return self.documents.milestone.eval if self.plan is None else self.plan.eval

    @cached_property
    def why_not(self) -> str:
        """Why there is nothing of an attempt."""
        if self.plan is not None:
            return "the evidence does not have it"
        return NOT_COMPLETED if lost.damaged_in(self.documents.journal) is None else _SET_ASIDE

    @cached_property
    def _stated(self) -> Applied:
        document = document_of(self.documents.milestone_text.replace("\r\n", "\n"))
        return applied(document, self.documents.overrides)

    @cached_property
    def whole_journal(self) -> str:
        """Address of all events."""
        return rows_at(layout.JOURNAL, 1, max(1, len(self.documents.journal)), "data")

    def events(self, name: str) -> tuple[JournalEvent, ...]:
        """Events of the completed attempt with this name, in order."""
        return tuple(
            event
            for event in self.documents.journal
            if event.event == name and self.attempt is not None and event.attempt == self.attempt
        )

    def stage_events(self, name: str, stage: str) -> tuple[JournalEvent, ...]:
        """The same, of one stage."""
        return tuple(event for event in self.events(name) if event.data.get("stage") == stage)

    def stated(self, table: str, key: str, part: str = "") -> tuple[str, str]:
        """Address and rule of a setting: the attempt's override, the milestone's, or a default.

        `part`: a key of it, where it is a table.
        """
        place = self._place_of(table, key)
        if place is None:
            return at(layout.MILESTONE, table), "default"
        if not part:
            return self._said_at(*place), AS_RECORDED
        if self._is_stated(*place, part):
            return self._said_at(*place, part), AS_RECORDED
        return self._said_at(*place), "default"

    def _place_of(self, table: str, key: str) -> tuple[str | int, ...] | None:
        stage = self.documents.stage
        if stage is not None and key in stage.own.get(table, ()):
            parts = stage.pointer(f"/{table}/{key}").split("/")[1:]
            return tuple(int(one) if one.isdigit() else one for one in parts)
        if self.plan is not None:
            place = ("attempt", self.plan.number - 1, table, key)
            if self._is_stated(*place):
                return place
        return (table, key) if self._is_stated(table, key) else None

    def _is_stated(self, *place: str | int) -> bool:
        found: Any = self._stated.document
        for part in place:
            if isinstance(part, int):
                found = found[part] if isinstance(found, list) and part < len(found) else None
            else:
                found = found.get(part) if isinstance(found, dict) else None
        return found is not None

    def _said_at(self, *place: str | int) -> str:
        """Where a setting stands: on the command line, or in the file."""
        if place in self._stated.places:
            number = self._stated.places.index(place)
            return at(layout.OVERRIDES, "overrides", number, "value")
        if place[:-1] in self._stated.places:  # one of a list that was set
            number = self._stated.places.index(place[:-1])
            return at(layout.OVERRIDES, "overrides", number, "value", place[-1])
        return at(layout.MILESTONE, *place)
