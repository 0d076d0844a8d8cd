"""The file of the index: SQLite, made by us and by nobody else.

Responsible for what stands in it and for whether a file may be opened: its header is looked at
before SQLite is, and its tables must be ours to the letter, so that no trigger, view or expression
of a stranger's is ever met. What rows say is still only what whoever wrote them says.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from evidence import limits
from evidence.catalogue.journal import journal_of, names_another_file
from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import BusyError, UsageError
from evidence.system.entries import open_regular, type_of

NAME: Final = ".index.sqlite"
"""In a folder of packs."""
FORMAT: Final = 1
_APPLICATION: Final = 0x45766458
_HEADER_BYTES: Final = 100
_MAGIC: Final = b"SQLite format 3\0"
_TABLES: Final = (
    "CREATE TABLE packs (id INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, stamp TEXT NOT NULL,"
    " state TEXT NOT NULL, reason TEXT NOT NULL, read_utc TEXT NOT NULL, root_sha256 TEXT,"
    " milestone TEXT, status TEXT, origin TEXT, stand_in INTEGER, attempt TEXT, run_commit TEXT,"
    " package_set INTEGER)",
    "CREATE INDEX packs_by_state ON packs (state)",
    "CREATE INDEX packs_by_milestone ON packs (milestone)",
    "CREATE INDEX packs_by_status ON packs (status)",
    "CREATE INDEX packs_by_packages ON packs (package_set)",
    "CREATE INDEX packs_by_commit ON packs (run_commit)",
    "CREATE INDEX packs_by_root ON packs (root_sha256)",
    "CREATE TABLE package_sets (id INTEGER PRIMARY KEY, sha256 TEXT NOT NULL UNIQUE)",
    "CREATE TABLE packages (name TEXT NOT NULL, version TEXT NOT NULL, package_set INTEGER"
    " NOT NULL, PRIMARY KEY (name, version, package_set)) WITHOUT ROWID",
    "CREATE TABLE data (sha256 TEXT NOT NULL, pack INTEGER NOT NULL, name TEXT NOT NULL,"
    " PRIMARY KEY (sha256, pack, name)) WITHOUT ROWID",
    "CREATE INDEX data_by_pack ON data (pack)",
    "CREATE TABLE models (id TEXT NOT NULL, pack INTEGER NOT NULL, PRIMARY KEY (id, pack))"
    " WITHOUT ROWID",
    "CREATE INDEX models_by_pack ON models (pack)",
    "CREATE TABLE value_names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE pack_values (name INTEGER NOT NULL, pack INTEGER NOT NULL, number, words TEXT,"
    " level TEXT NOT NULL, PRIMARY KEY (name, pack)) WITHOUT ROWID",
    "CREATE TABLE updates (utc TEXT NOT NULL, num_packs INTEGER NOT NULL)",
)
"""Packages are kept once for all packs that have the very same ones, as most have; values by name
first, so that a question about one of them reads that one of every pack and nothing else."""
PACK_COLUMNS: Final = (
    "path", "stamp", "state", "reason", "read_utc", "root_sha256", "milestone", "status", "origin",
    "stand_in", "attempt", "run_commit", "package_set",
)  # fmt: skip


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    """The index, to be asked: read-only, bounded in time and memory.

    Raises UsageError where it is none of ours, BusyError while another process writes it.
    """
    refuse_foreign(path)
    with _connected(path, "ro") as connection:
        connection.execute("PRAGMA query_only = ON")
        _refuse_other_tables(connection, path)
        yield connection


@contextmanager
def writing(path: Path) -> Iterator[sqlite3.Connection]:
    """The index, to be brought up to date; made where there is none. Raises as `reading` does."""
    if not _is_new(path):
        _play_back(path)
    is_new = _is_new(path)
    if not is_new:
        with reading(path):
            pass
    with _connected(path, "rwc", is_timed=False) as connection:
        connection.execute("PRAGMA cache_size = -65536")
        if is_new:
            _make(connection)
        _refuse_other_tables(connection, path)
        yield connection


def _is_new(path: Path) -> bool:
    """Whether there is nothing yet, or the empty file that SQLite begins with."""
    kind = type_of(path)
    return kind is None or (kind == "file" and path.stat().st_size == 0)


def _make(connection: sqlite3.Connection) -> None:
    """Everything in one transaction: of a maker that is cut off an empty file stays."""
    with alone(connection):
        if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() != (0,):
            return  # another process was first
        connection.execute(f"PRAGMA application_id = {_APPLICATION}")
        connection.execute(f"PRAGMA user_version = {FORMAT}")
        for statement in _TABLES:
            connection.execute(statement)


@contextmanager
def alone(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction that nobody else writes within, nor between what it reads and writes.

    Begun here, since sqlite3 begins none for a question, nor for statements that make tables.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        yield


def _play_back(path: Path) -> None:
    """Bring a file of ours back to before a write that was cut off, where there was one."""
    refuse_foreign(path)
    journal = journal_of(path)
    try:
        if names_another_file(journal):
            raise UsageError(f"{journal} is none of an index of evidence-pack", hint=_REMAKE)
    except FileNotFoundError:
        return
    except OSError as error:
        raise UsageError(f"cannot read {journal}: {error.strerror}") from error
    with _connected(path, "rw", is_timed=False) as connection:
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()


def refuse_foreign(path: Path) -> None:
    """Raise UsageError for a file whose header is not that of an index; SQLite never sees it."""
    try:
        with open_regular(path) as stream:
            header = stream.read(_HEADER_BYTES)
    except FileNotFoundError as error:
        hint = f"evidence index {path.parent} makes one of the packs there."
        if not path.parent.exists():
            hint = "There is no such folder. A value is asked for with --value 'NAME<NUMBER'."
        raise UsageError(f"there is no index {path}", hint=hint) from error
    except OSError as error:
        raise UsageError(f"cannot read the index {path}: {error.strerror}") from error
    if not header:
        hint = f"Where none is being made now, evidence index {path.parent} makes it."
        raise UsageError(f"the index {path} is empty as yet", hint=hint)
    if len(header) < _HEADER_BYTES or not header.startswith(_MAGIC):
        raise _not_ours(path, "it is no file of SQLite")
    if header[18:20] != b"\1\1" or int.from_bytes(header[68:72], "big") != _APPLICATION:
        raise _not_ours(path, "another program made it")
    if int.from_bytes(header[60:64], "big") != FORMAT:
        raise _not_ours(path, "another version of evidence-pack made it")


def put(connection: sqlite3.Connection, path: bytes, row: Sequence[object]) -> int:
    """Enter a pack anew, `row` being what follows its path; returns the number of its row."""
    forget(connection, path)
    marks = ", ".join("?" for _ in PACK_COLUMNS)
    statement = f"INSERT INTO packs ({', '.join(PACK_COLUMNS)}) VALUES ({marks})"  # noqa: S608
    number = connection.execute(statement, (path, *row)).lastrowid
    if number is None:
        raise sqlite3.DatabaseError("a row was not written")
    return number


def forget(connection: sqlite3.Connection, path: bytes) -> None:
    """Take a pack out, where it is in."""
    for (number,) in connection.execute("SELECT id FROM packs WHERE path = ?", (path,)).fetchall():
        connection.execute(
            "DELETE FROM pack_values WHERE name IN (SELECT id FROM value_names) AND pack = ?",
            (number,),
        )
        connection.execute("DELETE FROM data WHERE pack = ?", (number,))
        connection.execute("DELETE FROM models WHERE pack = ?", (number,))
        connection.execute("DELETE FROM packs WHERE id = ?", (number,))


def package_set(connection: sqlite3.Connection, packages: Sequence[tuple[str, str]]) -> int | None:
    """The number of exactly these packages, entered where they are new; None for none."""
    if not packages:
        return None
    digest = sha256_hex(jsonio.dump_row([list(one) for one in packages]))
    found = connection.execute("SELECT id FROM package_sets WHERE sha256 = ?", (digest,)).fetchone()
    if found is not None:
        return int(found[0])
    made = connection.execute("INSERT INTO package_sets (sha256) VALUES (?)", (digest,)).lastrowid
    rows = [(name, version, made) for name, version in packages]
    connection.executemany("INSERT OR IGNORE INTO packages VALUES (?, ?, ?)", rows)
    return made


def name_number(connection: sqlite3.Connection, known: dict[str, int], name: str) -> int:
    """The number of a value's name, entered where it is new."""
    if name not in known:
        connection.execute("INSERT OR IGNORE INTO value_names (name) VALUES (?)", (name,))
        found = connection.execute("SELECT id FROM value_names WHERE name = ?", (name,)).fetchone()
        known[name] = int(found[0])
    return known[name]


@contextmanager
def _connected(path: Path, mode: str, *, is_timed: bool = True) -> Iterator[sqlite3.Connection]:
    place = f"file:{quote(os.fsencode(path.absolute()))}?mode={mode}"
    connection = None
    try:
        connection = sqlite3.connect(place, uri=True, timeout=limits.INDEX_LOCK_TIMEOUT_S)
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, limits.MAX_INDEX_CELL_BYTES)
        connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA cell_size_check = ON")
        if is_timed:
            ends_s = time.monotonic() + limits.INDEX_QUERY_TIMEOUT_S
            connection.set_progress_handler(lambda: time.monotonic() > ends_s, 10_000)
        yield connection
    except (sqlite3.Error, OverflowError) as error:
        if "locked" in str(error):
            text = f"another process writes the index {path}; try again once it has ended"
            raise BusyError(text) from error
        if getattr(error, "sqlite_errorcode", None) == sqlite3.SQLITE_READONLY_ROLLBACK:
            text = f"a write of the index {path} was cut off"
            hint = f"evidence index {path.parent} brings it back to before, and up to date."
            raise UsageError(text, hint=hint) from error
        if "interrupted" in str(error):
            text = f"the index {path} took longer than {limits.INDEX_QUERY_TIMEOUT_S:g} s to answer"
            raise UsageError(text, hint=_REMAKE) from error
        raise UsageError(f"the index {path} cannot be used: {error}", hint=_REMAKE) from error
    finally:
        if connection is not None:
            connection.close()


_REMAKE: Final = "Move the file away; `evidence index FOLDER` makes it anew from the packs."


def _refuse_other_tables(connection: sqlite3.Connection, path: Path) -> None:
    """What stands in the file must be what we would have made: nothing more, nothing else."""
    asked = "SELECT type, name, tbl_name, sql FROM sqlite_master"
    with sqlite3.connect(":memory:") as ours:
        for statement in _TABLES:
            ours.execute(statement)
        wanted = set(ours.execute(asked))
    ours.close()
    found = connection.execute(asked).fetchmany(len(wanted) + 1)
    if len(found) != len(wanted) or set(found) != wanted:
        raise _not_ours(path, "its tables are not those of an index")


def _not_ours(path: Path, reason: str) -> UsageError:
    return UsageError(f"{path} is not an index of evidence-pack: {reason}", hint=_REMAKE)
