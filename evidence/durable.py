"""The one place that writes evidence: durable, atomic, and open to injected faults in tests.

Responsible for: a file that is either whole on disk or not there; lines that are on disk when the
call returns; one rename that publishes. A failed write, fsync or rename raises DurabilityError
and is never retried. Leaves locking to `pipeline` and content to its callers.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from evidence import posix
from evidence.errors import DurabilityError


@contextmanager
def _named(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        hint = (
            "Free some space, then resume the run."
            if error.errno == errno.ENOSPC
            else ("Check the disk and the permissions of this folder.")
        )
        raise DurabilityError(f"cannot {action} {path}: {error.strerror}", hint=hint) from error


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable. A no-op where directories cannot be opened."""
    with _named("sync", path):
        posix.sync_directory(path)


def sync_file(path: Path) -> None:
    """Make a file that someone else wrote (a checkpoint of the worker) durable."""
    with _named("sync", path):
        handle = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def write_file(path: Path, data: bytes, *, staging: Path | None = None) -> None:
    """Write `data` to `path` atomically and durably, replacing what was there.

    Until it is whole it lies in `staging` (default: beside `path`), a folder of the same disk.
    """
    partial = (staging or path.parent) / f".{path.name}.partial"
    with _named("write", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(path)
    sync_directory(path.parent)


def publish(staged: Path, target: Path) -> None:
    """The commit point: one rename makes a directory appear under its final name.

    Raises DurabilityError when `target` exists: a sealed pack is never overwritten.
    """
    if target.exists():
        raise DurabilityError(f"{target} exists already; a sealed pack is never overwritten")
    sync_directory(staged)
    with _named("publish", target):
        staged.rename(target)
    sync_directory(target.parent)
    sync_directory(staged.parent)


class LineWriter:
    """Appends whole lines to a file; `sync` makes all of them durable.

    Lines are handed to the system at once, so a kill of this process loses none; `sync` guards
    against the machine stopping.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with _named("open", path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self._stream = path.open("ab", buffering=0)
        sync_directory(path.parent)

    def append(self, line: bytes) -> None:
        """Append one line, LF included."""
        with _named("append to", self.path):
            view = memoryview(line)
            while view:  # an unbuffered write may be short
                view = view[self._stream.write(view) :]

    def sync(self) -> None:
        """Return only when every appended line is on disk."""
        with _named("sync", self.path):
            os.fsync(self._stream.fileno())

    def close(self) -> None:
        """Sync and close."""
        if not self._stream.closed:
            self.sync()
            self._stream.close()

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
