"""Metrics and parameters of MLflow: a file each, or tables of one SQLite file.

Responsible for both stores as they lie on disk. A database is opened read-only and immutable, so
that nothing beside it is made; what a run that is going on has not yet put into it is not seen.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path, PurePosixPath
from typing import Final

from evidence.errors import MalformedError
from evidence.foreign import numbers
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Place
from evidence.foreign.lines import Line
from evidence.foreign.tables import fact

MAX_ROWS: Final = 200_000
MAX_INSTRUCTIONS: Final = 50_000_000
MAX_VALUE_BYTES: Final = 1 << 20
TABLES: Final = ("metrics", "params")
_TABLES: Final = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name IN ('metrics', 'params')"
)
_METRICS: Final = "SELECT run_uuid, key, value, step, is_nan FROM metrics"
_PARAMS: Final = "SELECT run_uuid, key, value FROM params"
MAGIC: Final = b"SQLite format 3\0"


def kind_of(name: str) -> str:
    """`metric` or `param` for a file of a file store, else nothing."""
    parts = PurePosixPath(name).parts
    for part, kind in (("metrics", "metric"), ("params", "param")):
        if part in parts[:-1] and len(parts) >= 3:
            return kind
    return ""


def is_metric(head: list[Line]) -> bool:
    """Whether lines are of the form `milliseconds value step`."""
    shown = [line.text.split() for line in head if line.text.strip()]
    return bool(shown) and all(
        len(one) == 3 and one[0].isdigit() and len(one[0]) >= 12 for one in shown
    )


def metric(lines: Iterable[Line], file: str) -> Iterator[Fact]:
    """Of a metric's file: a value and its step a line."""
    name = PurePosixPath(file).name
    for row, line in enumerate(lines):
        parts = line.text.split()
        if len(parts) == 3:
            step = numbers.read(parts[2])
            known = step if isinstance(step, int) and not isinstance(step, bool) else None
            place = Place(file, line.number)
            yield Fact(name, numbers.read(parts[1]), parts[1], place, row, known)


def param(line: Line, file: str) -> Iterator[Fact]:
    """Of a parameter's file: its text."""
    said = line.text.strip()[:MAX_TEXT_CHARS]
    yield Fact(
        PurePosixPath(file).name, numbers.read(said), said, Place(file, 1), scope=("params",)
    )


def database(path: Path, file: str) -> Iterator[Fact]:
    """Of a SQLite store. Raises MalformedError."""
    try:
        with closing(_opened(path)) as store:
            kinds = dict(store.execute(_TABLES).fetchmany(len(TABLES)))
            if not all("CREATE TABLE" in str(kinds.get(name, "")) for name in TABLES):
                raise MalformedError("is a SQLite file, and no store of MLflow: it is not read")
            metrics = store.execute(_METRICS).fetchmany(MAX_ROWS + 1)
            params, broken = _params(store)
    except (sqlite3.Error, OverflowError) as error:
        raise MalformedError(f"is no store of MLflow: {str(error)[:100]}") from error
    for run, key, value, step, is_nan in sorted(metrics[:MAX_ROWS], key=_by_run_and_step):
        place = Place(file, None, f"metrics {str(key)[:MAX_NAME_CHARS]}")
        shown = "nan" if is_nan else value
        known = step if isinstance(step, int) else None
        name = str(key)[:MAX_NAME_CHARS]
        yield fact(name, shown, place, 0, known, (str(run)[:MAX_NAME_CHARS],))
    for run, key, value in params:
        said, name = str(value)[:MAX_TEXT_CHARS], str(key)[:MAX_NAME_CHARS]
        place = Place(file, None, f"params {name}")
        scope = (str(run)[:MAX_NAME_CHARS], "params")
        yield Fact(name, numbers.read(said), said, place, scope=scope)
    if broken:
        raise MalformedError(f"has parameters that cannot be read: {broken}")
    if len(metrics) > MAX_ROWS:
        raise MalformedError(f"has more than {MAX_ROWS} rows of metrics: the others are not read")


def _params(store: sqlite3.Connection) -> tuple[list[tuple[object, ...]], str]:
    """The parameters, or why there are none."""
    try:
        return store.execute(_PARAMS).fetchmany(MAX_ROWS), ""
    except (sqlite3.Error, OverflowError) as error:
        return [], str(error)[:100]


def _by_run_and_step(row: tuple[object, ...]) -> tuple[str, str, int]:
    return str(row[0]), str(row[1]), row[3] if isinstance(row[3], int) else 0


def _opened(path: Path) -> sqlite3.Connection:
    """Read-only, of a stranger: no trigger, no function of a schema, no value of more than a text,
    no query that goes on for ever."""
    store = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True)
    store.execute("PRAGMA trusted_schema=OFF")
    store.execute("PRAGMA cell_size_check=ON")
    store.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_VALUE_BYTES)
    left = [MAX_INSTRUCTIONS // 10_000]

    def stop() -> int:
        left[0] -= 1
        return left[0] < 0

    store.set_progress_handler(stop, 10_000)
    return store
