"""A stranger's directory, opened without following anything.

Responsible for listing and opening below one root so that no link, device or FIFO is ever
followed or waited for: by directory descriptors where the system has them, by checked paths
elsewhere (Windows). Which names and sizes are acceptable is `structure`'s to judge.
"""

from __future__ import annotations

import os
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final

HAS_DIRECTORY_DESCRIPTORS: Final = (
    os.open in os.supports_dir_fd and os.scandir in os.supports_fd and hasattr(os, "O_NOFOLLOW")
)

# By name, since a platform lacks those that it does not need.
_BASE: Final = (
    os.O_RDONLY
    | getattr(os, "O_CLOEXEC", 0)
    | getattr(os, "O_NOFOLLOW", 0)
    | getattr(os, "O_NONBLOCK", 0)
    | getattr(os, "O_NOCTTY", 0)
    | getattr(os, "O_BINARY", 0)
)
_FOLDER: Final = _BASE | getattr(os, "O_DIRECTORY", 0)
_REPARSE_POINT: Final = 0x400
_MAX_OPEN_FOLDERS: Final = 64
"""Kept open, since opening name by name costs more than reading a small file."""


class NotPlainError(OSError):
    """What was opened is not the plain file or folder that was listed."""


class SafeDirectory:
    """Lists and opens below one directory. `path` arguments are relative, with forward slashes.

    The directory itself is the caller's own choice, and may be reached through a link.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor = -1
        self._folders: dict[str, int] = {}
        self._lock = threading.Lock()
        if HAS_DIRECTORY_DESCRIPTORS:
            flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
            self._descriptor = os.open(path, flags)
        elif not path.is_dir():
            raise NotADirectoryError(20, "not a directory", str(path))

    def __enter__(self) -> SafeDirectory:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for descriptor in self._folders.values():
            os.close(descriptor)
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def entries(self, folder: str) -> Iterator[tuple[str, os.stat_result]]:
        """Names in a folder ("" is the root) with what lstat says of each, in no order."""
        with self._listing(folder) as listing:
            for entry in listing:
                # Windows leaves inode and link count out of what a listing knows.
                yield (
                    entry.name,
                    (
                        entry.stat(follow_symlinks=False)
                        if HAS_DIRECTORY_DESCRIPTORS
                        else (self._path / folder / entry.name).lstat()
                    ),
                )

    @contextmanager
    def open(self, path: str) -> Iterator[int]:
        """A descriptor of a regular file. Raises OSError; never blocks on a FIFO."""
        descriptor = self.open_file(path)[0]
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def open_file(self, path: str) -> tuple[int, os.stat_result]:
        """The same with what fstat says of it, for the caller to close."""
        descriptor = self._open_file(path)
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            os.close(descriptor)
            raise NotPlainError(22, "not a regular file", path)
        return descriptor, status

    @contextmanager
    def _listing(self, folder: str) -> Iterator[Iterator[os.DirEntry[str]]]:
        if not HAS_DIRECTORY_DESCRIPTORS:
            with os.scandir(self._path / folder) as entries:
                yield entries
            return
        descriptor = self._open_folder(folder)
        try:
            with os.scandir(descriptor) as entries:
                yield entries
        finally:
            os.close(descriptor)

    def _open_folder(self, folder: str) -> int:
        current = os.dup(self._descriptor) if not folder else -1
        for part in folder.split("/") if folder else ():
            above = self._descriptor if current < 0 else current
            try:
                deeper = os.open(part, _FOLDER, dir_fd=above)
            finally:
                if current >= 0:
                    os.close(current)
            current = deeper
        return current

    def _open_file(self, path: str) -> int:
        if not HAS_DIRECTORY_DESCRIPTORS:
            return _open_checked(self._path / path)
        folder, _, name = path.rpartition("/")
        if not folder:
            return os.open(name, _BASE, dir_fd=self._descriptor)
        descriptor_of_folder = self._cached_folder(folder)
        if descriptor_of_folder is not None:
            return os.open(name, _BASE, dir_fd=descriptor_of_folder)
        descriptor = self._open_folder(folder)
        try:
            return os.open(name, _BASE, dir_fd=descriptor)
        finally:
            os.close(descriptor)

    def _cached_folder(self, folder: str) -> int | None:
        """Its descriptor, open until the end; None where enough folders are open already."""
        with self._lock:
            if folder not in self._folders and len(self._folders) < _MAX_OPEN_FOLDERS:
                self._folders[folder] = self._open_folder(folder)
            return self._folders.get(folder)


def is_link(status: os.stat_result) -> bool:
    """Whether lstat shows a symbolic link or, on Windows, a junction or other reparse point."""
    attributes = getattr(status, "st_file_attributes", 0)
    return stat.S_ISLNK(status.st_mode) or bool(attributes & _REPARSE_POINT)


def _open_checked(path: Path) -> int:
    before = path.lstat()
    if is_link(before) or not stat.S_ISREG(before.st_mode):
        raise NotPlainError(22, "not a regular file", str(path))
    descriptor = os.open(path, _BASE)
    after = os.fstat(descriptor)
    if (before.st_dev, before.st_ino) != (after.st_dev, after.st_ino):
        os.close(descriptor)
        raise NotPlainError(22, "replaced while it was opened", str(path))
    return descriptor
