"""Facts grouped into trainings: the rows that were logged, evaluations between, and the totals.

Responsible for which rows are of one training, and for the step of rows that do not say it. Two
trainings in one file (a step that goes back, rows behind the totals) are two. Nothing is computed
from the values here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign import names
from evidence.foreign.facts import Fact, Place, Source
from evidence.foreign.names import key_of
from evidence.records.record import Number, Record

BY_STEP: Final = ("mlflow", "tensorboard")
"""Stores that keep each metric by itself: what has one step is one row."""
_LISTS: Final = ("weights", "safetensors", "packages", "environment", "nvidia-smi", "source")


class LoggedRow(Record):
    """What was logged at once."""

    facts: tuple[Fact, ...]
    step: Number | None = None
    is_inferred: bool = False
    """Whether the step is not in the row, but follows from how often rows were logged."""

    @property
    def place(self) -> Place:
        """Where the row begins."""
        return self.facts[0].place

    def get(self, wanted: Iterable[str]) -> Fact | None:
        """The fact under the first of these names that the row has."""
        by_key = {key_of(fact.name): fact for fact in reversed(self.facts)}
        return next((by_key[name] for name in wanted if name in by_key), None)

    @property
    def loss(self) -> Fact | None:
        """The loss of training that the row logs; None in a row of something else."""
        return next(
            (one for one in self.facts if key_of(one.name) in names.LOSS and is_number(one)), None
        )

    @property
    def endless(self) -> Fact | None:
        """Its loss, where that is NaN or infinite."""
        return next(
            (
                one
                for one in self.facts
                if key_of(one.name) in names.LOSS
                and isinstance(one.value, str)
                and is_endless(one.value)
            ),
            None,
        )

    @property
    def is_totals(self) -> bool:
        """Whether it is of the whole run."""
        return any(key_of(one.name) in names.TOTALS for one in self.facts)


class Training(Record):
    """One training as one file, or one store of metrics, has it."""

    file: str
    """The file; of a store of several, the folder."""
    number: int
    """Among those of the file, from 1."""
    rows: tuple[LoggedRow, ...]
    evaluations: tuple[LoggedRow, ...] = ()
    totals: LoggedRow | None = None
    inferred_from: Fact | None = None
    """What says how often rows were logged, where steps follow from it."""
    endless: tuple[LoggedRow, ...] = ()
    """Rows whose loss is logged as what is no finite number; they are in no other list."""

    @property
    def mean_loss(self) -> Fact | None:
        """The mean over all steps, which Trainer calls `train_loss`."""
        return None if self.totals is None else self.totals.get(names.MEAN_LOSS)


def trainings(sources: Sequence[Source]) -> tuple[Training, ...]:
    """Every training that the files log, by file."""
    every = _logged_every(sources)
    partial = {one.path for one in sources if one.is_partial}  # rows are missing in their midst
    found: list[Training] = []
    for name, rows in _rows_of(sources).items():
        found += _of_file(name, rows, None if name in partial else every)
    return tuple(found)


def is_number(fact: Fact) -> bool:
    """Whether a fact is a number; a truth value is none."""
    return isinstance(fact.value, (int, float)) and not isinstance(fact.value, bool)


def is_endless(text: str) -> bool:
    """Whether a word stands for NaN or an infinite number."""
    return text.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")


def _rows_of(sources: Sequence[Source]) -> dict[str, list[LoggedRow]]:
    found: dict[str, list[LoggedRow]] = {}
    stores: dict[str, dict[Number | None, list[Fact]]] = {}
    for source in sources:
        if source.format in _LISTS:
            continue
        if source.format in BY_STEP:
            store = stores.setdefault(_store_of(source), {})
            for fact in source.facts:
                if fact.row is not None:
                    store.setdefault(fact.step, []).append(fact)
            continue
        found[source.path] = [
            LoggedRow(facts, _step_of(facts)) for facts in _by_row(source.facts) if facts
        ]
    for name, by_step in stores.items():
        found[name] = [LoggedRow(tuple(facts), step) for step, facts in by_step.items()]
    return found


def _step_of(facts: tuple[Fact, ...]) -> Number | None:
    """The step of the optimizer, where a store counts its own rows beside it."""
    row = LoggedRow(facts)
    own = row.get(names.STEP)
    value = None if own is None else own.value
    return value if isinstance(value, (int, float)) else facts[0].step


def _store_of(source: Source) -> str:
    """MLflow has a file for each metric: `<run>/metrics/loss`."""
    folder = PurePosixPath(source.path).parent
    return str(folder.parent if folder.name == "metrics" else folder)


def _by_row(facts: Iterable[Fact]) -> Iterator[tuple[Fact, ...]]:
    """Facts of one row follow one another."""
    row: list[Fact] = []
    for fact in facts:
        if fact.row is None:
            continue
        if row and (fact.row, fact.place.line) != (row[0].row, row[0].place.line):
            yield tuple(row)
            row = []
        row.append(fact)
    yield tuple(row)


def _of_file(name: str, rows: list[LoggedRow], every: Fact | None) -> Iterator[Training]:
    logged: list[LoggedRow] = []
    evaluations: list[LoggedRow] = []
    endless: list[LoggedRow] = []
    number = 0
    for row in rows:
        if row.is_totals:
            number += 1
            yield _training(name, number, logged, evaluations, endless, row, every)
            logged, evaluations, endless = [], [], []
        elif row.loss is None:
            if row.endless is not None:
                endless.append(row)
            elif _is_evaluation(row):
                evaluations.append(row)
        else:
            if logged and _goes_back(logged[-1], row):
                number += 1
                yield _training(name, number, logged, evaluations, endless, None, every)
                logged, evaluations, endless = [], [], []
            logged.append(row)
    if logged:
        yield _training(name, number + 1, logged, evaluations, endless, None, every)


def _is_evaluation(row: LoggedRow) -> bool:
    """Whether a row is of an evaluation between steps."""
    return any(
        key_of(one.name).startswith(("eval_", "val_", "valid_", "test_")) for one in row.facts
    )


def _goes_back(before: LoggedRow, row: LoggedRow) -> bool:
    if before.step is not None and row.step is not None:
        return row.step < before.step
    was, now = before.get(names.EPOCH), row.get(names.EPOCH)
    return was is not None and now is not None and _less(now, was)


def _less(one: Fact, other: Fact) -> bool:
    return (
        isinstance(one.value, (int, float))
        and isinstance(other.value, (int, float))
        and one.value < other.value
    )


def _training(
    name: str,
    number: int,
    rows: list[LoggedRow],
    evaluations: list[LoggedRow],
    endless: list[LoggedRow],
    totals: LoggedRow | None,
    every: Fact | None,
) -> Training:
    silent = [row.step is None for row in rows]
    inferred = every if rows and all(silent) and not endless else None
    if inferred is not None and isinstance(inferred.value, int):
        rows = [
            LoggedRow(row.facts, position * inferred.value, is_inferred=True)
            for position, row in enumerate(rows, 1)
        ]
    return Training(name, number, tuple(rows), tuple(evaluations), totals, inferred, tuple(endless))


def _logged_every(sources: Sequence[Source]) -> Fact | None:
    """How often rows were logged, where the files agree about it; a first step logged besides, or
    a share of an epoch, leaves rows without a step."""
    found = [
        fact
        for source in sources
        for fact in source.facts
        if fact.row is None and key_of(fact.name) in names.EVERY
    ]
    values = {fact.value for fact in found}
    first = any(
        key_of(fact.name) == "logging_first_step" and fact.value is True
        for source in sources
        for fact in source.facts
    )
    if len(values) != 1 or first or not isinstance(found[0].value, int):
        return None
    return found[0] if found[0].value > 0 else None
