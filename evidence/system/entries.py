"""What lies in a folder, told without opening or following any of it.

Responsible for the type of every entry, and for reading bytes from regular files alone: a pipe
lets its reader wait for ever, a device may do anything, and a link leads wherever it likes.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from io import BufferedReader, FileIO
from pathlib import Path
from typing import Final, Literal, NamedTuple

from evidence.errors import UsageError

Type = Literal["file", "folder", "link", "pipe", "socket", "device", "unreadable"]
MAX_DEPTH: Final = 64
"""Folders below which nothing is looked at: what is deeper is told by the one above it."""

OF_THIS_PROCESS: Final = (errno.EMFILE, errno.ENFILE, errno.ENOMEM)
"""Errors of a limit of this process or machine, which say nothing of the file that was met."""

_READ: Final = (
    os.O_RDONLY
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_BINARY", 0)
)


class Entry(NamedTuple):
    """One entry of a folder."""

    name: str
    """Below the folder that was walked, with `/`; bytes that are no UTF-8 as Python spells them."""
    type: Type
    num_names: int = 1
    """Of a file: how many hard links it has."""
    size_bytes: int = 0


def walk(folder: Path) -> Iterator[Entry]:
    """Every entry below a folder, each before what lies in it; none where it is no folder.

    Raises OSError where this process may open no further folder.
    Of the folder itself a link is followed: where it is, the caller has said.
    """
    if not folder.is_dir():
        return
    waiting = [""]
    while waiting:
        name = waiting.pop()
        for one in _inside(folder, name):
            yield one
            if one.type == "folder" and one.name.count("/") < MAX_DEPTH:
                waiting.append(one.name)


def type_of(path: Path) -> Type | None:
    """The type of an entry; None where there is none."""
    try:
        return _type(path.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        return "unreadable"


def open_regular(path: Path, *, follow: bool = False) -> FileIO:
    """Open a regular file to read it. Raises OSError for anything else, and waits for nothing."""
    found = path.stat() if follow else path.lstat()
    _refuse_other(found, path)
    handle = os.open(path, _READ | (0 if follow else getattr(os, "O_NOFOLLOW", 0)))
    try:
        _refuse_other(os.fstat(handle), path)
    except OSError:
        os.close(handle)
        raise
    return os.fdopen(handle, "rb", buffering=0)


def read_regular(path: Path, *, follow: bool = False) -> bytes:
    """All bytes of a regular file. Raises OSError for anything else."""
    with open_regular(path, follow=follow) as stream:
        return stream.read()


def read_given(path: Path, max_bytes: int) -> bytes:
    """A file that somebody named, links followed. Raises UsageError for what cannot be read, is no
    regular file, or has more bytes."""
    try:
        with BufferedReader(open_regular(path, follow=True)) as stream:  # no read is short
            data = stream.read(max_bytes + 1)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if len(data) > max_bytes:
        raise UsageError(f"{path} is larger than {max_bytes} bytes")
    return data


def _inside(folder: Path, name: str) -> Iterator[Entry]:
    try:
        with os.scandir(folder / name) as found:
            names = sorted(one.name for one in found)
    except OSError as error:
        if error.errno in OF_THIS_PROCESS:
            raise
        yield Entry(name, "unreadable")
        return
    for one in names:
        inside = f"{name}/{one}" if name else one
        try:
            state = (folder / inside).lstat()
        except FileNotFoundError:
            continue  # gone meanwhile
        except OSError:
            yield Entry(inside, "unreadable")
            continue
        yield Entry(inside, _type(state.st_mode), state.st_nlink, state.st_size)


def _type(mode: int) -> Type:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "folder"
    if stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISFIFO(mode):
        return "pipe"
    return "socket" if stat.S_ISSOCK(mode) else "device"


def _refuse_other(found: os.stat_result, path: Path) -> None:
    kind = _type(found.st_mode)
    if kind != "file":
        raise OSError(errno.EINVAL, f"it is a {kind} and no regular file", str(path))
