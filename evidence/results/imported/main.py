"""Which of the trainings in the files the values are of, and what is known of it as a whole.

Responsible for telling copies of one training (a log and the state of its trainer) from several.
Where the files log several, none of them is chosen.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from evidence.foreign import endings, names
from evidence.foreign.digits import agree, is_sound
from evidence.foreign.facts import Fact, Source
from evidence.foreign.names import key_of
from evidence.foreign.trainings import LoggedRow, Training
from evidence.records.record import Record

TELLING: Final = ("train_runtime", "train_loss")
"""Totals of which one at least is another in another run."""
MIN_STEPS: Final = 3
"""Steps with the same loss that make two series of one training."""
_SCORE: Final = re.compile(r"(?:eval|val|valid|test)_(?!runtime|samples|steps)")
"""Of an evaluation what its model gave, and not how long that took."""
STATE: Final = ("global_step", "max_steps")


class Main(Record):
    """The training that the values are of."""

    training: Training | None
    """The one with the most rows; None where there is none, or no single one."""
    totals: tuple[Fact, ...]
    """What the files say of it as a whole."""
    why_not: str
    """Why there is no training; empty where there is one."""
    has_ended: bool = False
    """Whether the row that ends a training was written."""
    error: Fact | None = None
    """What its log ends in, where that is an error."""
    is_partial: bool = False
    """Whether its file holds more values than were read."""

    def total(self, wanted: Iterable[str]) -> Fact | None:
        """The number of the whole run under the first of these names; with most digits, if several
        files have it."""
        for name in wanted:
            found = [one for one in self.totals if key_of(one.name) == name and is_sound(one)]
            if found:
                return max(found, key=lambda one: len(one.text))
        return None


def main_of(sources: Sequence[Source], every: Sequence[Training]) -> Main:
    """The one training of the files."""
    groups = _groups(_without_copies(sources, every))
    logged = [group for group in groups if any(one.rows for one in group)]
    if len(logged) > 1 or (not logged and len(groups) > 1):
        places = ", ".join(_place(group[0]) for group in (logged or groups)[:4])
        why = f"the files log {len(logged or groups)} trainings: {places}"
        return Main(None, (), why)
    group = (logged or groups or [[]])[0]
    if not group:
        error = _error_of(sources, None)
        return Main(None, _flat(sources, ()), "no file logs a training", error=error)
    training = max(group, key=_rank)
    totals = tuple(fact for one in group if one.totals for fact in one.totals.facts)
    error = None if totals else _error_of(sources, {one.file for one in group})
    partial = {one.path for one in sources if one.is_partial}
    every_total = (*totals, *_flat(sources, totals))
    return Main(training, every_total, "", bool(totals), error, training.file in partial)


def _error_of(sources: Sequence[Source], files: Collection[str] | None) -> Fact | None:
    """The error that a log of the training ends in; where none is logged, that of the only log."""
    logs = [one for one in sources if one.format == "log"]
    asked = [one for one in logs if one.path in files] if files is not None else logs
    found = [fact for one in asked for fact in one.facts if fact.name == endings.NAME]
    return found[0] if found and (files is not None or len(logs) == 1) else None


def _without_copies(sources: Sequence[Source], every: Sequence[Training]) -> list[Training]:
    """Trainings of files of which no other before them has the same text."""
    first: dict[str, str] = {}
    for source in sources:
        first.setdefault(source.text_sha256 or source.path, source.path)
    originals = set(first.values())
    files = {source.path for source in sources}
    return [one for one in every if one.file in originals or one.file not in files]


def _place(training: Training) -> str:
    number = f" (number {training.number})" if training.number > 1 else ""
    return f"{training.file}{number}"


def _rank(training: Training) -> tuple[int, int, int, int]:
    """Most rows; most that they say; steps among it; most digits."""
    num_facts = sum(len(row.facts) for row in training.rows)
    said = sum(row.step is not None and not row.is_inferred for row in training.rows)
    digits = sum(len(row.loss.text) for row in training.rows if row.loss is not None)
    return len(training.rows), num_facts, said, digits


def _groups(every: Sequence[Training]) -> list[list[Training]]:
    groups: list[list[Training]] = []
    for one in every:
        group = next((g for g in groups if any(_is_same(one, other) for other in g)), None)
        if group is None:
            groups.append([one])
        else:
            group.append(one)
    alone = [group for group in groups if not any(one.rows for one in group)]
    logged = [group for group in groups if group not in alone]
    if len(logged) == 1:  # totals that nothing tells apart from its own
        taken = [g for g in alone if not any(_differs(a, b) for a in g for b in logged[0])]
        logged[0] += [one for group in taken for one in group]
        groups = [group for group in groups if group not in taken]
    return groups


def _totals(training: Training) -> dict[str, Fact]:
    facts = () if training.totals is None else training.totals.facts
    return {key_of(one.name): one for one in facts if key_of(one.name) in TELLING}


def _differs(one: Training, other: Training) -> bool:
    mine, others = _totals(one), _totals(other)
    return any(agree(mine[key], others[key]) is False for key in mine.keys() & others.keys())


def _evaluations_differ(one: Training, other: Training) -> bool:
    """Whether a step was evaluated to two values of one name: seeds may have losses alike."""
    mine, others = _evaluated(one), _evaluated(other)
    return any(agree(mine[key], others[key]) is False for key in mine.keys() & others.keys())


def _evaluated(training: Training) -> dict[tuple[float, str], Fact]:
    return {
        (row.step, key_of(fact.name)): fact
        for row in training.evaluations
        for fact in row.facts
        if row.step is not None and _SCORE.match(key_of(fact.name))
    }


def _is_same(one: Training, other: Training) -> bool:
    """Whether two are copies of one training, as far as what they share tells."""
    if _differs(one, other) or _evaluations_differ(one, other):
        return False
    if _totals(one).keys() & _totals(other).keys():
        return True
    mine, others = _losses(one.rows), _losses(other.rows)
    shared = mine.keys() & others.keys()
    enough = len(shared) >= min(MIN_STEPS, len(mine), len(others)) > 0
    return enough and all(agree(mine[step], others[step]) for step in shared)


def _losses(rows: Sequence[LoggedRow]) -> dict[float, Fact]:
    return {row.step: row.loss for row in rows if row.step is not None and row.loss is not None}


def _flat(sources: Sequence[Source], known: Sequence[Fact]) -> tuple[Fact, ...]:
    """Totals in documents such as all_results.json and the state of a trainer, where they do not
    contradict those of the training."""
    telling = {key_of(one.name): one for one in known if key_of(one.name) in TELLING}
    found: list[Fact] = []
    for source in sources:
        if source.format not in ("document", "trainer-state"):
            continue
        facts = [one for one in source.facts if one.row is None and not one.scope]
        keys = {key_of(one.name): one for one in facts}
        is_totals = keys.keys() & {*names.TOTALS, *STATE, "total_flos"}
        if is_totals and all(agree(telling[k], keys[k]) is not False for k in telling if k in keys):
            found += facts
    return tuple(found)
