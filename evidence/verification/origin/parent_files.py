"""Plain files of packs that lie next to the one that is verified.

Responsible for reading SHA256SUMS, a small file and a digest below a plain folder, within limits;
no link is followed. What these files must be is `parents`'s.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from evidence import layout, limits
from evidence.verification.reading.digests import read_file
from evidence.verification.reading.directory import SafeDirectory, is_link
from evidence.verification.reading.structure import FileStatus
from evidence.verification.reading.sums import Sums, parse_sums


class UnreadableError(Exception):
    """A file of another pack cannot be read; the text says why."""


def sums_of(folder: Path, *, by_caller: bool = False) -> Sums:
    """SHA256SUMS of a folder, no link unless the caller named it. Raises UnreadableError."""
    try:
        status = folder.stat() if by_caller else folder.lstat()
        if is_link(status):
            raise UnreadableError("what is there is a link, which is not followed")
        if not stat.S_ISDIR(status.st_mode):
            raise UnreadableError("what is there is no folder")
        with SafeDirectory(folder) as directory:
            return parse_sums(read(directory, layout.SUMS, limits.MAX_SUMS_BYTES))
    except OSError as error:
        is_absent = isinstance(error, FileNotFoundError)
        reason = "it is not next to this pack" if is_absent else error.strerror or str(error)
        raise UnreadableError(reason) from error


def _status(directory: SafeDirectory, path: str) -> FileStatus:
    descriptor, status = directory.open_file(path)
    os.close(descriptor)
    return FileStatus.of(status)


def read(directory: SafeDirectory, path: str, max_bytes: int) -> bytes:
    """Bytes of a small file. Raises UnreadableError."""
    try:
        status = _status(directory, path)
        if status.size_bytes > max_bytes:
            raise UnreadableError(f"{path} is larger than {max_bytes} bytes")
        reading = read_file(directory, path, status, into_memory=True)
    except FileNotFoundError as error:
        raise UnreadableError(f"it has no {path}") from error
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror or error}") from error
    return reading.content or b""


def digest_of(directory: SafeDirectory, path: str, size_bytes: int) -> str:
    """Digest of a file; empty where its size tells already. Raises UnreadableError."""
    try:
        status = _status(directory, path)
        if status.size_bytes != size_bytes:
            return ""
        return read_file(directory, path, status, into_memory=False).sha256
    except FileNotFoundError as error:
        raise UnreadableError("is not there, so its bytes were not compared") from error
    except OSError as error:
        raise UnreadableError(f"cannot be read: {error.strerror or error}") from error
