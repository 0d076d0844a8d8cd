"""One run in several files: the same key has one value, or the files are of two runs.

Responsible for what is comparable at all. Only files of different kinds that lie together, each of
which holds one training, are held against one another: two logs beside each other, folders of
seeds and the like are several runs by intent. Values agree at the digits that each file shows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import PurePosixPath
from typing import Final

from evidence.foreign import digits, names
from evidence.foreign.facts import Fact, Source
from evidence.foreign.finding import Finding, are_together, contradiction, note, said, warning
from evidence.foreign.names import key_of
from evidence.foreign.trainings import BY_STEP, LoggedRow, Training
from evidence.records.record import Record

TOTALS: Final = (
    "train_runtime",
    "total_flos",
    "train_samples_per_second",
    "train_steps_per_second",
    "train_loss",
)
"""In the order in which they tell two runs apart: a time is never the same twice."""
MIN_ROWS: Final = 3
MAX_SHOWN: Final = 3
FAR_APART: Final = 0.1
_NUMBERS: Final = re.compile(r"\d+")
_RUN_WORDS: Final = re.compile(r"(?:seed|run|trial|fold|exp|rank|version|checkpoint)[-_]?\d", re.I)


class _Told(Record):
    """What one file says of its only training."""

    file: str
    kind: str
    totals: dict[str, Fact]
    rows: tuple[LoggedRow, ...]


def findings(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[Finding]:
    """At most one finding a pair of files."""
    told = list(_told(sources, trainings))
    for one, other in combinations(told, 2):
        if _are_comparable(one, other) and not _has_a_better_match(one, other, told):
            yield from _between(one, other)


def _has_a_better_match(one: _Told, other: _Told, told: Sequence[_Told]) -> bool:
    """Whether another file of the same kind in the same folder is there for either: of two logs
    beside a state, the state is of one."""
    for mine, theirs in ((one, other), (other, one)):
        beside = [
            third
            for third in told
            if third.kind == mine.kind == "log"
            and third.file != mine.file
            and PurePosixPath(third.file).parent == PurePosixPath(mine.file).parent
        ]
        by_totals = bool(mine.totals.keys() & theirs.totals.keys())
        if any(_are_one(third, theirs, by_totals=by_totals) for third in beside):
            return True
    return False


def _are_one(one: _Told, other: _Told, *, by_totals: bool) -> bool:
    """Whether two files have totals in common, or rows, and nothing that differs."""
    common = bool(one.totals.keys() & other.totals.keys())
    if not by_totals:
        common = _rows(one, other)[1] >= MIN_ROWS
    return common and not list(_between(one, other))


def _told(sources: Sequence[Source], trainings: Sequence[Training]) -> Iterator[_Told]:
    of_file: dict[str, list[Training]] = {}
    for training in trainings:
        of_file.setdefault(training.file, []).append(training)
    for source in sources:
        if source.is_partial or source.format in BY_STEP:
            continue
        found = of_file.get(source.path, [])
        totals = _totals(source, found)
        if len(found) <= 1 and (totals or found):
            rows = found[0].rows if found else ()
            yield _Told(source.path, source.format, totals, rows)


def _totals(source: Source, found: list[Training]) -> dict[str, Fact]:
    """Values of the whole run; of a file that has one of them twice, none."""
    row = found[0].totals if len(found) == 1 else None
    if row is not None:
        facts = row.facts
    elif found or not any(key_of(one.name) == "train_runtime" for one in source.facts):
        facts = tuple(one for one in source.facts if key_of(one.name) == "total_flos")
    else:
        facts = source.facts
    by_key: dict[str, list[Fact]] = {}
    for fact in facts:
        key = key_of(fact.name)
        if key in TOTALS and not fact.scope:
            by_key.setdefault(key, []).append(fact)
    return {key: several[0] for key, several in by_key.items() if len(several) == 1}


def _are_comparable(one: _Told, other: _Told) -> bool:
    return (
        one.kind != other.kind
        and are_together(one.file, other.file)
        and not _are_named_apart(one.file, other.file)
    )


def _are_named_apart(one: str, other: str) -> bool:
    """Whether names tell that files are of different seeds, versions or checkpoints."""
    left, right = PurePosixPath(one), PurePosixPath(other)
    numbers = [_NUMBERS.findall(path.stem) for path in (left, right)]
    if all(numbers) and set(numbers[0]).isdisjoint(numbers[1]):
        return True
    return any(
        _RUN_WORDS.search(part) is not None for part in set(left.parts[:-1]) ^ set(right.parts[:-1])
    )


def _between(one: _Told, other: _Told) -> Iterator[Finding]:
    totals = [
        (one.totals[key], other.totals[key])
        for key in TOTALS
        if key in one.totals
        and key in other.totals
        and digits.agree(one.totals[key], other.totals[key]) is False
    ]
    rows, num_common = _rows(one, other)
    differs = len(rows) >= MIN_ROWS and len(rows) * 3 >= num_common
    if not totals and not differs:
        return
    pairs = [*totals, *(rows if differs else [])]
    shown = "; ".join(f"{a.name} is {said(a)} and {said(b)}" for a, b in pairs[:MAX_SHOWN])
    more = f", and {len(pairs) - MAX_SHOWN} more" if len(pairs) > MAX_SHOWN else ""
    places = [fact.place for pair in pairs for fact in pair]
    text = f"{one.file} and {other.file} are not of the same run: {shown}{more}"
    if len(totals) > 1 or (totals and differs):
        yield contradiction("another-run", text, places)
    elif totals:
        yield warning("another-run", f"{text}. A run that was resumed may do this, too", places)
    elif max(map(_apart, rows)) > FAR_APART:
        why = "unless one of them has means, or the losses of another process"
        yield warning("another-run", f"{text}; {why}", places)
    else:
        text = f"{one.file} and {other.file} have other losses of the same steps: {shown}{more}"
        yield note("another-run", f"{text}. One may have means over steps", places)


def _apart(pair: tuple[Fact, Fact]) -> float:
    """How far two losses are apart, of the larger."""
    values = [abs(one.value) for one in pair if isinstance(one.value, (int, float))]
    return (max(values) - min(values)) / max(values) if len(values) == 2 and max(values) else 0.0


def _rows(one: _Told, other: _Told) -> tuple[list[tuple[Fact, Fact]], int]:
    """Losses of the same steps that differ, and how many steps both have."""
    found = []
    losses = [_losses(told) for told in (one, other)]
    ends = [max(one, default=0) for one in losses]
    if max(ends) > 2 * min(ends):  # one may count epochs, or rows
        return [], 0
    common = sorted(losses[0].keys() & losses[1].keys())
    for step in common:
        left, right = losses[0][step], losses[1][step]
        if key_of(left.name) == key_of(right.name) and digits.agree(left, right) is False:
            found.append((left, right))
    return found, len(common)


def _losses(told: _Told) -> dict[float, Fact]:
    """The loss of each step that one row alone logs; steps that were not inferred."""
    found: dict[float, Fact] = {}
    twice = set()
    for row in told.rows:
        loss = row.get(("loss",)) if row.step is not None else None
        if loss is None or row.step is None or key_of(loss.name) not in names.LOSS:
            continue
        twice |= {row.step} & found.keys()
        found[row.step] = loss
    return {step: fact for step, fact in found.items() if step not in twice}
