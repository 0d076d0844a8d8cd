"""Sequences longer than memory: what is past `HELD_BYTES` lies in a file without a name.

Responsible for keeping the rows of a data set, and what is made of them one by one, and for giving
any of them back. What they mean is for those to know who keep them. The file is gone with the
process, however it ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
import weakref
from abc import abstractmethod
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, Final, Generic, TypeVar, cast, overload

from evidence.encoding.codec import packer
from evidence.errors import MilestoneError
from evidence.limits import MIB

T = TypeVar("T")

HELD_BYTES: Final = 16 * MIB
"""Of one sequence, as it would be written; as objects it takes several times as much."""
LASTING_TEMPORARY: Final = "/var/tmp"  # noqa: S108 - no file in it gets a name
"""Of the places for temporary files the one that is on a disk: /tmp is often in memory itself."""
_WRITTEN_AT_ONCE: Final = MIB


def kept(items: Iterable[T], kind: type[T], *, in_memory: bool = False) -> Sequence[T]:
    """All items, past HELD_BYTES in a file; `in_memory`: however many they are.

    Raises MilestoneError where there is no room for the file.
    """
    if in_memory:
        return tuple(items)
    left, held, size_bytes = iter(items), list[T](), 0
    pack, _ = packer(kind)
    for item in left:
        held.append(item)
        size_bytes += len(pack(item))
        if size_bytes > HELD_BYTES:
            return Stored(_let_go(held, left), kind)
    return tuple(held)


def kept_like(items: Iterable[T], kind: type[T], others: Sequence[Any]) -> Sequence[T]:
    """Items that are made of others, kept as those are: in memory, if they are."""
    return kept(items, kind, in_memory=not is_stored(others))


def is_stored(items: Sequence[Any]) -> bool:
    """Whether these lie in a file."""
    return isinstance(items, OneByOne)


class OneByOne(Sequence[T], Generic[T]):
    """A sequence that reads each of its items when it is asked for."""

    @overload
    def __getitem__(self, index: int) -> T: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[T]: ...
    def __getitem__(self, index: int | slice) -> T | Sequence[T]:
        places = range(len(self))[index]
        return Part(self, places) if isinstance(places, range) else self._at(places)

    def __iter__(self) -> Iterator[T]:
        return map(self._at, range(len(self)))

    @abstractmethod
    def _at(self, place: int) -> T:
        """The item at a place from 0 on, which is there."""


class Stored(OneByOne[T]):
    """Items in a file, each read when it is asked for. Processes that are forked may share it."""

    def __init__(self, items: Iterable[T], kind: type[T]) -> None:
        pack, self._unpacked = packer(kind)
        with _said_if_refused():
            self._file = tempfile.TemporaryFile(dir=folder())  # noqa: SIM115 - for this one's life
        weakref.finalize(self, _closed, self._file)
        self._ends = array("Q")
        end, waiting = 0, bytearray()
        for one in map(pack, items):
            waiting += one
            end += len(one)
            self._ends.append(end)
            if len(waiting) >= _WRITTEN_AT_ONCE:
                self._write(waiting)
        self._write(waiting)

    def _write(self, waiting: bytearray) -> None:
        with _said_if_refused():
            self._file.write(waiting)
            self._file.flush()
        waiting.clear()

    def __len__(self) -> int:
        return len(self._ends)

    def _at(self, place: int) -> T:
        begin = self._ends[place - 1] if place else 0
        return self._unpacked(self._read(begin, self._ends[place] - begin))

    def _read(self, begin: int, size_bytes: int) -> bytes:
        if sys.platform == "win32":
            self._file.seek(begin)
            found = self._file.read(size_bytes)
        else:  # forked processes share the place, and read without it
            found = os.pread(self._file.fileno(), size_bytes, begin)
        return found


class Part(OneByOne[T]):
    """Some items of another sequence, in the order of `places`."""

    def __init__(self, whole: Sequence[T], places: Sequence[int]) -> None:
        self._whole, self._places = whole, places

    def __len__(self) -> int:
        return len(self._places)

    def _at(self, place: int) -> T:
        return self._whole[self._places[place]]


def some_of(items: Sequence[T], places: Sequence[int]) -> Sequence[T]:
    """The items at these places."""
    if is_stored(items):
        return Part(items, array("Q", places))
    return tuple(items[place] for place in places)


def folder() -> str:
    """Where such files are: TMPDIR if a file can be made in it, else where temporary files are on a
    disk."""
    found = tempfile.gettempdir()
    named = [os.environ.get(name) for name in ("TMPDIR", "TEMP", "TMP")]
    is_named = any(one and Path(one).resolve() == Path(found).resolve() for one in named)
    if not is_named and os.access(LASTING_TEMPORARY, os.W_OK | os.X_OK):
        return LASTING_TEMPORARY
    return found


def _closed(file: Any) -> None:
    with suppress(OSError):  # of bytes that wait to be written and still have no room
        file.close()


@contextmanager
def file_of(pieces: Iterable[bytes]) -> Iterator[BinaryIO]:
    """A file without a name with these bytes, for as long as the block lasts. Raises as `kept`."""
    with ExitStack() as opened:
        with _said_if_refused():
            file = opened.enter_context(tempfile.TemporaryFile(dir=folder()))
        for piece in pieces:
            with _said_if_refused():
                file.write(piece)
        with _said_if_refused():
            file.flush()
        yield cast(BinaryIO, file)


@contextmanager
def _said_if_refused() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise MilestoneError(
            f"the data do not fit into memory, and {folder()} takes no file of them: "
            f"{error.strerror}",
            hint="Set TMPDIR to a folder on a disk with room for them. Nothing was run.",
        ) from error


def _let_go(held: list[T], left: Iterator[T]) -> Iterator[T]:
    held.reverse()
    while held:
        yield held.pop()
    yield from left
