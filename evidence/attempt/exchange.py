"""What the processes of one launch tell each other: short records in a folder that all of them see.

Responsible for the form of the records, for writing and reading them, and for whether a process is
still there. Who says what is `lead`'s, for the first process, and `running.following`'s. Nothing
here is evidence: the folder is removed when the run ends.

Each file has one writer and is written over in place: a network disk shows the bytes of a file
that is opened anew at once, and a new name in a folder up to a minute late.
"""

from __future__ import annotations

import os
import platform
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeVar

from msgspec import field

from evidence import limits
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.system import posix

FIRST: Final = "rank-0"
BEAT_S: Final = 1.0
"""Each process says so often that it is there."""
SILENCE_S: Final = 60.0
"""A process on another machine that says nothing for so long is gone. One on this machine is known
to be gone at once, by its lock."""

_R = TypeVar("_R", bound=Record)


class Order(Record):
    """A stage that every process is to start its own worker of."""

    number: int
    """From 1, in the order in which they are given."""
    job_file: str
    root: str
    """The project; that of all of them."""
    interpreter: str
    """The Python of the worker; empty: that of the process itself."""
    on_one_machine: bool


class Over(Record):
    """How the run ended."""

    exit_code: int
    line: str


class FirstSays(Record):
    """What the first process says."""

    session: str
    """Drawn at its start: files of an earlier launch have another."""
    version: str
    host: str
    beat: int = 0
    answers: dict[str, str] = field(default_factory=dict)
    """By rank, what the others drew: only who finds its own is spoken to."""
    order: Order | None = None
    stop: int = 0
    """Of the worker of the order: 0 let it run, 1 ask it to stop, 2 kill it."""
    over: Over | None = None


class OtherSays(Record):
    """What another process says."""

    drawn: str
    host: str
    session: str = ""
    """Of the first process, once it has answered."""
    beat: int = 0
    order: int = 0
    """The number of the order that it follows, or has followed."""
    pid: int = 0
    """Process id of its worker."""
    status: int | None = None
    """How its worker ended; None while it runs."""
    num_output_bytes: int = 0
    num_event_bytes: int = 0
    """What its worker had written in all, once it has ended."""
    left: str = ""
    """Why it is about to end."""


def own_host() -> str:
    """The name of this machine."""
    return platform.node() or "not said"


def name_of(rank: int) -> str:
    """What the files of a process begin with."""
    return f"rank-{rank}"


def lock_of(folder: Path, rank: int) -> Path:
    """The lock that a process holds as long as it lives."""
    return folder / f"{name_of(rank)}.lock"


def output_of(folder: Path, rank: int, session: str, number: int) -> Path:
    """What the worker of an order prints."""
    return folder / f"{name_of(rank)}.{session}.{number}.output"


def events_of(folder: Path, rank: int, session: str, number: int) -> Path:
    """What the worker of an order reports."""
    return folder / f"{name_of(rank)}.{session}.{number}.events"


def say(folder: Path, rank: int, record: Record) -> None:
    """Write what a process has to say over what it said before."""
    data = jsonio.dump_document(encode(record))
    with suppress(OSError):  # who hears nothing for long knows that something is wrong
        handle = os.open(folder / name_of(rank), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            os.write(handle, data)
        finally:
            os.close(handle)


def said(kind: type[_R], folder: Path, rank: int) -> _R | None:
    """What a process says; None where there is nothing, or not all of it yet."""
    try:
        data = tail(folder / name_of(rank), 0, limits.MAX_TOML_BYTES)
        return decode(kind, jsonio.load_document(data))
    except MalformedError:
        return None


def tail(path: Path, start: int, most: int) -> bytes:
    """Bytes of a file from `start` on, `most` at a time; none where it is not there."""
    try:
        with path.open("rb") as file:
            file.seek(start)
            return file.read(most)
    except OSError:
        return b""


class Watch:
    """Whether another process of the launch is still there."""

    def __init__(self, folder: Path, rank: int) -> None:
        self._lock = lock_of(folder, rank)
        self._beat = -1
        self._since_s = time.monotonic()

    def is_gone(self, record: FirstSays | OtherSays) -> bool:
        """By its lock on this machine; elsewhere by its silence."""
        if record.host == own_host():
            return not posix.is_locked(self._lock)
        now = time.monotonic()
        if record.beat != self._beat:
            self._beat, self._since_s = record.beat, now
        return now - self._since_s > SILENCE_S
