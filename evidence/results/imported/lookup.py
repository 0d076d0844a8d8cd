"""One setting, looked for under all the names that programs give it.

Responsible for which files are asked first: configurations, then the state of a trainer, then what
a log says of itself before it trains. Files of one kind that say several values say none.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from evidence.foreign.digits import is_sound
from evidence.foreign.facts import Fact, Source
from evidence.foreign.names import key_of
from evidence.foreign.trainings import Training

_SETTINGS: Final = ("document", "mlflow")
_STATE: Final = ("trainer-state",)
_LOGS: Final = ("log", "environment")
EVERY_FILE: Final = 4
OF_TRAINING: Final = 3
"""Configurations, states of trainers, and logs in which a training is logged."""
SETTINGS: Final = 1
"""Configurations alone."""
NOT_SAID: Final = "no file says it"


class Lookup:
    """The facts of all sources by key, those of logged rows left out."""

    def __init__(self, sources: Sequence[Source], trainings: Sequence[Training]) -> None:
        self.sources = tuple(sources)
        self._rows = {id(fact) for one in trainings for fact in _facts_of(one)}
        own = {one.file for one in trainings}
        self._tiers = [
            self._by_key(one for one in self.sources if one.format in _SETTINGS),
            self._by_key(one for one in self.sources if one.format in _STATE),
            self._by_key(one for one in self.sources if one.format in _LOGS and one.path in own),
            self._by_key(
                one for one in self.sources if one.format in _LOGS and one.path not in own
            ),
        ]

    def _by_key(self, sources: Iterable[Source]) -> dict[str, list[Fact]]:
        found: dict[str, list[Fact]] = {}
        for source in sources:
            for fact in source.facts:
                in_rows = fact.row is not None and source.format not in _LOGS
                if not in_rows and fact.step is None and id(fact) not in self._rows:
                    found.setdefault(key_of(fact.name), []).append(fact)
        return found

    def every(self, names: Iterable[str]) -> list[Fact]:
        """Every fact under one of these names, the best kind of file first."""
        wanted = tuple(names)
        return [fact for tier in self._tiers for name in wanted for fact in tier.get(name, ())]

    def one(
        self, names: Iterable[str], *, numeric: bool = False, kinds: int = EVERY_FILE
    ) -> Fact | str:
        """The fact that the best kind of file has; or why there is none. `kinds`: how many kinds
        of files are asked."""
        wanted = tuple(names)
        for tier in self._tiers[:kinds]:
            found = [fact for name in wanted for fact in tier.get(name, ()) if _fits(fact, numeric)]
            if not found:
                continue
            others = [fact for fact in found[1:] if not _same(found[0], fact)]
            if not others:
                return found[0]
            return f"the files say several: {found[0].place} and {others[0].place}"
        return NOT_SAID

    def of_format(self, form: str) -> list[Source]:
        """Sources that one reader took."""
        return [one for one in self.sources if one.format == form]


def _facts_of(training: Training) -> Iterable[Fact]:
    totals = () if training.totals is None else (training.totals,)
    for row in (*training.rows, *training.evaluations, *totals):
        yield from row.facts


def _fits(fact: Fact, numeric: bool) -> bool:
    if not numeric:
        return fact.value is not None
    return is_sound(fact)


def _same(one: Fact, other: Fact) -> bool:
    return one.value == other.value
