"""Bringing the index of folders of packs up to date.

Responsible for which packs are read again (those whose files have another name, size or time than
when they were read) and for rows of packs that are gone. Reading a pack is `entry`'s.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal

from evidence.catalogue import store
from evidence.catalogue.entry import Entry, read_unless
from evidence.errors import UsageError
from evidence.pack.around import refuse_in_a_pack
from evidence.records.record import Record
from evidence.system import processes
from evidence.verification.named import packs_around

BATCH_PACKS: Final = 500
"""Read between two writes: an index that is interrupted keeps what it has."""


class Indexed(Record):
    """What one update did."""

    schema: Literal["indexed.v1"]
    index: str
    num_packs: int
    """In the folders that were named."""
    num_read: int
    num_unchanged: int
    num_gone: int
    """Taken out, since they are no longer there."""
    unread: tuple[tuple[str, str, str], ...]
    """Path, state and reason of the packs met now that could not be read as sealed packs."""


def default_index(folders: Sequence[Path]) -> Path:
    """Where the index of one folder lies. Raises UsageError where several have no one place."""
    if len(folders) != 1:
        raise UsageError("an index of several folders needs a place", hint="--to FILE names one.")
    return folders[0] / store.NAME


def update(
    folders: Sequence[Path],
    to: Path | None,
    *,
    anew: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Indexed:
    """Read what is new in these folders into the index. `tell` hears how far it is.

    Raises UsageError for what is no folder of packs and for an index that is none of ours, and
    BusyError while another process writes it.
    """
    packs = [one for folder in folders for one in packs_around(folder)]
    index = to or default_index(folders)
    refuse_in_a_pack(index, "--to", "file")
    with store.writing(index) as connection:
        done = _Update(connection, index, anew=anew)
        for first in range(0, len(packs), BATCH_PACKS):
            done.batch(packs[first : first + BATCH_PACKS])
            tell(min(first + BATCH_PACKS, len(packs)), len(packs))
        num_gone = done.forget_all_but(packs, folders)
    return Indexed(
        schema="indexed.v1",
        index=index.as_posix(),
        num_packs=len(packs),
        num_read=done.num_read,
        num_unchanged=len(packs) - done.num_read,
        num_gone=num_gone,
        unread=tuple(done.unread),
    )


def enter(connection: sqlite3.Connection, names: dict[str, int], key: bytes, entry: Entry) -> None:
    """Write the rows of one pack. `names` are the numbers of names of values met so far."""
    number = store.put(
        connection,
        key,
        (
            entry.stamp,
            entry.state,
            entry.reason,
            entry.read_utc,
            entry.root_sha256,
            entry.milestone,
            entry.status,
            entry.origin,
            entry.stand_in,
            entry.attempt,
            entry.commit,
            store.package_set(connection, entry.packages),
        ),
    )
    connection.executemany(
        "INSERT INTO data VALUES (?, ?, ?)", [(digest, number, name) for digest, name in entry.data]
    )
    connection.executemany("INSERT INTO models VALUES (?, ?)", [(m, number) for m in entry.models])
    rows = [
        (store.name_number(connection, names, one.name), number, one.number, one.words, one.level)
        for one in entry.values
    ]
    connection.executemany("INSERT INTO pack_values VALUES (?, ?, ?, ?, ?)", rows)


def key_of(pack: Path, index: Path) -> bytes:
    """A pack's path as the index has it: from the folder of the index, so that both may move."""
    try:
        return os.fsencode(os.path.relpath(pack.absolute(), index.absolute().parent))
    except ValueError:  # on Windows, of another drive
        return os.fsencode(pack.absolute())


class _Update:
    """One update at work."""

    def __init__(self, connection: sqlite3.Connection, index: Path, *, anew: bool) -> None:
        self._connection = connection
        self._index = index
        self._known: dict[bytes, str] = dict(connection.execute("SELECT path, stamp FROM packs"))
        self._names: dict[str, int] = dict(connection.execute("SELECT name, id FROM value_names"))
        self._anew = anew
        self.num_read = 0
        self.unread: list[tuple[str, str, str]] = []

    def batch(self, packs: Sequence[Path]) -> None:
        """Read those of some packs that changed, and write them in one go."""
        keys = [key_of(pack, self._index) for pack in packs]
        known = ["" if self._anew else self._known.get(key, "") for key in keys]
        asked = list(zip(packs, known, strict=True))
        entries = processes.each(read_unless, asked, processes.worthwhile(len(asked)))
        with store.alone(self._connection):
            for pack, key, entry in zip(packs, keys, entries, strict=True):
                if entry is None:
                    continue
                enter(self._connection, self._names, key, entry)
                self.num_read += 1
                if entry.state != "read":
                    self.unread.append((pack.as_posix(), entry.state, entry.reason))

    def forget_all_but(self, packs: Iterable[Path], folders: Iterable[Path]) -> int:
        """Take out what lay in these folders and lies there no more; say when this was."""
        there = {key_of(pack, self._index) for pack in packs}
        around = {key_of(folder, self._index) for folder in folders}
        gone = [
            key
            for key in self._known.keys() - there
            if (os.path.dirname(key) or b".") in around  # noqa: PTH120 - bytes
        ]
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        with store.alone(self._connection):
            for key in gone:
                store.forget(self._connection, key)
            self._connection.execute("DELETE FROM updates")
            self._connection.execute("INSERT INTO updates SELECT ?, count(*) FROM packs", (now,))
        return len(gone)
