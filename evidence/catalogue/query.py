"""Asking the index. Every condition is a parameter; no word of a pack or a user becomes SQL.

Responsible for counting what a condition could not be held against: a value that a pack has not
measured, a pack that could not be read. Neither is a pack that does not meet it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Final, Literal

from evidence.catalogue import store
from evidence.catalogue.asked import Asked, ValueAsked
from evidence.catalogue.unknown import unknown_words
from evidence.encoding.codec import decode
from evidence.errors import MalformedError, UsageError
from evidence.records.finding import PackState
from evidence.records.record import Number, Record
from evidence.records.run import Origin, Status
from evidence.text.escape import one_line

MAX_PATH_CHARS: Final = 4096
_MAX_SIDE_BY_SIDE: Final = 32
"""Values read side by side: SQLite joins 64 tables at most."""
_VALUES: Final = (
    "SELECT pack FROM pack_values WHERE name = (SELECT id FROM value_names WHERE name = ?)"
)
_WITH: Final = (
    "SELECT count(*) FROM pack_values WHERE name = (SELECT id FROM value_names WHERE name = ?)"
    " AND (number IS NOT NULL OR words IS NOT NULL)"
)
_SHOWN: Final = (
    "SELECT number, words FROM pack_values"
    " WHERE name = (SELECT id FROM value_names WHERE name = ?) AND pack = ?"
)
_COLUMNS: Final = (
    "path", "state", "reason", "read_utc", "root_sha256", "milestone", "status", "origin",
    "stand_in",
)  # fmt: skip


class FoundPack(Record):
    """A pack as the index has it: what it said when it was read, and not what it is worth."""

    path: str
    state: PackState
    reason: str
    read_utc: str
    root_sha256: str | None
    milestone: str | None
    status: Status | None
    origin: Origin | None
    stand_in: bool | None
    values: dict[str, Number | str | None]
    """Those asked for; None: not measured, or the pack has none of this name."""


class Found(Record):
    """What the index answers."""

    schema: Literal["found.v1"]
    index: str
    updated_utc: str
    num_packs: int
    """In the index."""
    num_unread: int
    """Of these, packs that could not be read: no condition could be held against what they say."""
    num_found: int
    packs: tuple[FoundPack, ...]
    """The first of them, in order of path."""
    num_without: dict[str, int]
    """Of each value that a condition names: how many packs were read that have not measured it."""
    unknown: dict[str, str]
    """Kind and word of what was asked for and no pack in the index has, with the nearest word that
    one has; empty where none is near."""


def find(index: Path, asked: Asked, limit: int = 0) -> Found:
    """The packs that meet every condition; the first `limit` of them, 0: all.

    Raises UsageError for a file that is no index of ours, BusyError while it is being written.
    """
    with store.reading(index) as connection:
        try:
            return _find(connection, index, asked, limit)
        except (MalformedError, TypeError, ValueError) as error:
            text = f"the index {index} has a row that no index of ours has"
            raise UsageError(text, hint="Move it away; `evidence index` makes it anew.") from error


def _find(connection: sqlite3.Connection, index: Path, asked: Asked, limit: int) -> Found:
    num_found, first = _met(connection, asked, limit)
    num_packs = _count(connection, "SELECT count(*) FROM packs")
    num_unread = _count(connection, "SELECT count(*) FROM packs WHERE state != 'read'")
    updated = connection.execute("SELECT utc FROM updates").fetchone()
    return decode(
        Found,
        {
            "schema": "found.v1",
            "index": one_line(index.as_posix(), MAX_PATH_CHARS),
            "updated_utc": "" if updated is None else updated[0],
            "num_packs": num_packs,
            "num_unread": num_unread,
            "num_found": num_found,
            "packs": [_pack(connection, index, number, asked.shown) for number in first],
            "num_without": {
                one: num_packs - num_unread - _count(connection, _WITH, (one,))
                for one in dict.fromkeys(value.name for value in asked.values)
            },
            "unknown": unknown_words(connection, asked),
        },
    )


def _met(connection: sqlite3.Connection, asked: Asked, limit: int) -> tuple[int, list[int]]:
    """How many packs meet every condition, and the first `limit` of them (0: all) by path."""
    conditions, parameters = _conditions(asked)
    by_value = () if _are_few(asked) else asked.values
    if not conditions and limit and len(by_value) <= _MAX_SIDE_BY_SIDE:
        in_order = _in_order(connection, *_one_by_one(by_value))  # who wants few pays for few
        return _count_of(connection, by_value), list(islice(in_order, limit))
    # Of many packs a set here takes a third of the time that one inside SQLite does.
    every = [_having(connection, one) for one in by_value]
    in_order = _in_order(connection, conditions, parameters)
    met = [number for number in in_order if all(number in one for one in every)]
    return len(met), met[: limit or None]


def _count_of(connection: sqlite3.Connection, values: Sequence[ValueAsked]) -> int:
    """How many packs meet conditions on values alone. Each is read once in the order of packs, all
    of them side by side, and no row of it becomes an object here."""
    if not values:
        return _count(connection, "SELECT count(*) FROM packs")
    tables, conditions, parameters = [], [], []
    for number, one in enumerate(values):
        tables.append(f"pack_values AS v{number}")
        known = f"v{number}.name = (SELECT id FROM value_names WHERE name = ?)"  # noqa: S608 - fixed words
        conditions.append(f"{known} AND v{number}.{_compared(one)} {one.op} ?")
        conditions += [f"v{number}.pack = v0.pack"] if number else []
        parameters += [one.name, _wanted(one)]
    statement = f"SELECT count(*) FROM {', '.join(tables)} WHERE {' AND '.join(conditions)}"  # noqa: S608 - fixed words
    return _count(connection, statement, parameters)


def _in_order(
    connection: sqlite3.Connection, conditions: Sequence[str], parameters: Sequence[object]
) -> Iterator[int]:
    """The packs that meet conditions, by path, as they are asked for."""
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    statement = f"SELECT id FROM packs{where} ORDER BY path"  # noqa: S608 - fixed words
    for (number,) in connection.execute(statement, parameters):
        yield number


def _having(connection: sqlite3.Connection, one: ValueAsked) -> set[int]:
    """The packs whose value meets a condition."""
    inside = f"{_VALUES} AND {_compared(one)} {one.op} ?"
    return {pack for (pack,) in connection.execute(inside, (one.name, _wanted(one)))}


def _one_by_one(values: Sequence[ValueAsked]) -> tuple[list[str], list[object]]:
    """Conditions that look up the values of one pack."""
    conditions: list[str] = []
    parameters: list[object] = []
    for one in values:
        inside = f"{_VALUES} AND pack = packs.id AND {_compared(one)} {one.op} ?"
        conditions.append(f"EXISTS ({inside})")
        parameters += [one.name, _wanted(one)]
    return conditions, parameters


def _conditions(asked: Asked) -> tuple[list[str], list[object]]:
    conditions: list[str] = []
    parameters: list[object] = []

    def add(condition: str, *values: object) -> None:
        conditions.append(condition)
        parameters.extend(values)

    for column, wanted in (
        ("milestone", asked.milestone),
        ("state", asked.state),
        ("+status", asked.status),  # +: no index, since most packs are alike in these
        ("+origin", asked.origin),
        ("+stand_in", asked.stand_in),
    ):
        if wanted is not None:
            add(f"{column} = ?", wanted)
    for column, digits in (("run_commit", asked.commit), ("root_sha256", asked.root)):
        if digits is not None:
            add(f"{column} >= ? AND {column} < ?", digits, _after(digits))
    for name, version in asked.packages:
        of_version = " AND version = ?" if version else ""
        inside = f"SELECT package_set FROM packages WHERE name = ?{of_version}"  # noqa: S608 - fixed words
        add(f"package_set IN ({inside})", name, *([version] if version else []))
    for digits in asked.data:
        inside = "SELECT pack FROM data WHERE sha256 >= ? AND sha256 < ?"
        add(f"id IN ({inside})", digits, _after(digits))
    for model in asked.models:
        add("id IN (SELECT pack FROM models WHERE id = ?)", model)
    looked_up, wanted_values = _one_by_one(asked.values if _are_few(asked) else ())
    return conditions + looked_up, parameters + wanted_values


def _are_few(asked: Asked) -> bool:
    """Whether other conditions leave few packs, whose values are looked up one by one; of many, the
    values of a name are read in one go."""
    others = (asked.packages, asked.data, asked.commit, asked.root, asked.milestone)
    return any(others)


def _compared(one: ValueAsked) -> str:
    """NULL meets no comparison, `!=` neither: what was not measured is not taken for other."""
    return "number" if one.words is None else "words"


def _wanted(one: ValueAsked) -> object:
    return one.number if one.words is None else one.words


def _after(digits: str) -> str:
    """What is greater than every digest that begins so."""
    return f"{digits}g"


def _pack(
    connection: sqlite3.Connection, index: Path, number: int, names: Sequence[str]
) -> dict[str, Any]:
    statement = f"SELECT {', '.join(_COLUMNS)} FROM packs WHERE id = ?"  # noqa: S608 - fixed words
    row = dict(zip(_COLUMNS, connection.execute(statement, (number,)).fetchone(), strict=True))
    values: dict[str, Number | str | None] = {}
    for name in names:
        found = connection.execute(_SHOWN, (name, number)).fetchone() or (None, None)
        values[name] = found[0] if found[1] is None else found[1]
    path = os.path.normpath(index.parent / os.fsdecode(row.pop("path")))
    stand_in = row.pop("stand_in")
    return {
        **row,
        "path": one_line(Path(path).as_posix(), MAX_PATH_CHARS),
        "stand_in": None if stand_in is None else stand_in == 1,
        "values": values,
    }


def _count(
    connection: sqlite3.Connection, statement: str, parameters: Sequence[object] = ()
) -> int:
    return int(connection.execute(statement, parameters).fetchone()[0])
