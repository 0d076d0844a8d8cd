"""The one place that changes evidence on disk: durable, atomic, and open to injected faults.

Responsible for a file that is either whole on disk or not there; lines that are on disk when the
call returns; folders, moves and removals that a power cut cannot take back by halves; one rename
that publishes. A call that fails raises DurabilityError and is never retried into success. Leaves
locking to `running` and content to its callers.

Every change goes through this module's name `os` and nothing else, call by call: tests put a
counting, recording or failing one in its place.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Final, NamedTuple

from evidence import layout
from evidence.errors import DurabilityError
from evidence.system import posix
from evidence.system.entries import OF_THIS_PROCESS, open_regular, type_of, walk

PARTIAL: Final = ".partial"
"""Suffix of a file that is not whole yet."""

_CREATE: Final = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
_MODE: Final = 0o666
_PIECE_BYTES: Final = 1 << 20
NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""Errors of a full disk, a quota, and a limit on the size of files."""
NO_ROOM_HINT: Final = "Free some space, or raise the quota or `ulimit -f` that forbids it."

OF_THIS_PROCESS_HINT: Final = "Free some memory, or raise the limit (ulimit -n, -v, -d)."


@contextmanager
def _named(action: str, path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        message = f"cannot {action} {path}: {error.strerror}"
        full = error.errno in NO_ROOM
        raise DurabilityError(message, hint=hint_of(error.errno), no_room=full) from error


def hint_of(number: int | None) -> str:
    """What can be done where the system gave this error."""
    if number in NO_ROOM:
        return NO_ROOM_HINT
    if number in OF_THIS_PROCESS:
        return OF_THIS_PROCESS_HINT
    return "Check the disk and the permissions of this folder."


def sync_directory(path: Path) -> None:
    """Make the entries of a directory durable. A no-op where directories cannot be opened."""
    if posix.DIRECTORY_FLAGS is not None:
        with _named("sync", path):
            _sync(path, posix.DIRECTORY_FLAGS)


def sync_file(path: Path) -> None:
    """Make a file that someone else wrote (a checkpoint of the worker) durable."""
    with _named("sync", path):
        _sync(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)


@contextmanager
def _taking_its_place(partial: Path, path: Path) -> Iterator[None]:
    """What the block writes into `partial` becomes `path` at once; nothing of it where it fails."""
    try:
        yield
        os.replace(partial, path)
    except OSError:
        with suppress(OSError):
            os.unlink(partial)
        raise


def unshare(path: Path) -> None:
    """Give a file bytes of its own, where another name (a hard link) leads to them too."""
    _copy(path, path, None)


def copy_file(source: Path, target: Path, *, sha256: str | None = None) -> None:
    """Copy a regular file to `target`, whole or not at all. Raises DurabilityError where its bytes
    are not those of the digest."""
    make_folder(target.parent)
    _copy(source, target, sha256)


def _copy(source: Path, target: Path, sha256: str | None) -> None:
    partial = target.with_name(f".{target.name}.{os.getpid()}{PARTIAL}")
    found = hashlib.sha256()
    with _named("copy", source), _taking_its_place(partial, target), open_regular(source) as stream:
        handle = os.open(partial, _CREATE | os.O_TRUNC, _MODE)
        try:
            while piece := stream.read(_PIECE_BYTES):
                found.update(piece)
                _write_all(handle, piece)
            os.fsync(handle)
        finally:
            os.close(handle)
        if sha256 is not None and found.hexdigest() != sha256:
            raise OSError(errno.ESTALE, "its bytes are no longer those that it was read with")
    sync_directory(target.parent)


def sync_folders(path: Path) -> None:
    """Make the entries of a folder and of every folder below durable, the deepest first."""
    for folder, _, _ in os.walk(path, topdown=False):
        sync_directory(Path(folder))


def make_folder(path: Path) -> None:
    """Make a folder, and those above that are missing, durably. One that is there is no error."""
    missing: list[Path] = []
    while not path.is_dir():
        missing.append(path)
        path = path.parent
    for folder in reversed(missing):
        with _named("make", folder):
            try:
                os.mkdir(folder)
            except FileExistsError:
                if not folder.is_dir():
                    raise
        sync_directory(folder.parent)


class Staging(NamedTuple):
    """Where files lie until they are whole, and whose they are: all of these begin alike."""

    folder: Path
    owner: str

    def partial(self, name: str) -> Path:
        """Of a file of this name, for this process alone."""
        return self.folder / f"{self._beginning()}{name}.{os.getpid()}{PARTIAL}"

    def left(self) -> list[Path]:
        """What processes left that died. Whoever asks holds what they would write into."""
        beginning = self._beginning()
        return sorted(
            one
            for one in self.folder.iterdir()
            if one.name.startswith(beginning) and one.name.endswith(PARTIAL)
        )

    def _beginning(self) -> str:
        return f".{self.owner}~"  # no pack that a run leaves has this sign in its name


def write_file(
    path: Path, data: bytes, *, staging: Staging | None = None, keep_mode: bool = False
) -> None:
    """Write `data` to `path` atomically and durably, replacing what was there.

    Until it is whole it lies in `staging` (default: beside `path`), on the same disk, under a name
    of this process alone. With `staging`, a folder that is missing appears with the file in it: a
    pack has no empty folders, not for a moment. `keep_mode`: with the permissions of the file that
    is there.
    """
    if staging is not None and not path.parent.exists():
        folder = staging.partial(path.parent.name)
        write_file(folder / path.name, data)
        move(folder, path.parent)
        return
    make_folder(path.parent)
    beside = path.with_name(f".{path.name}.{os.getpid()}{PARTIAL}")
    partial = beside if staging is None else staging.partial(path.name)
    with _named("write", path), _taking_its_place(partial, path):
        _write_new(partial, data)
        if keep_mode:
            os.chmod(partial, stat.S_IMODE(os.stat(path).st_mode))
    sync_directory(path.parent)


def reserve(path: Path, size_bytes: int) -> None:
    """Take blocks on disk now for what `write_reserved` writes when there may be none left."""
    with _named("reserve space in", path):
        handle = os.open(path, _CREATE | os.O_TRUNC, _MODE)
        try:
            _allocate(handle, size_bytes)
            os.fsync(handle)
        finally:
            os.close(handle)
    sync_directory(path.parent)


def write_reserved(reserved: Path, path: Path, data: bytes) -> None:
    """Write `data` to `path` into the blocks of `reserved`, which is used up: needs no others."""
    with _named("write", path):
        handle = os.open(reserved, os.O_WRONLY | getattr(os, "O_BINARY", 0))
        try:
            _write_all(handle, data)
            os.ftruncate(handle, len(data))
            os.fsync(handle)
        finally:
            os.close(handle)
        os.replace(reserved, path)
    sync_directory(path.parent)


def staging_of(pack: Path) -> Staging:
    """Where what goes into a sealed pack lies until it is whole: outside it, on the same disk."""
    whole = pack.resolve()
    work = whole.parent / layout.WORK
    return Staging(work if work.is_dir() else whole.parent, whole.name)


def remove_left(pack: Path) -> None:
    """Remove what processes left that died while they wrote into this pack, which is held."""
    for path in staging_of(pack).left():
        remove(path)


def move(source: Path, target: Path) -> None:
    """Rename, durably. `target` must not be there, or be an empty folder."""
    with _named("move", source):
        os.rename(source, target)
    sync_directory(target.parent)
    sync_directory(source.parent)


def publish(staged: Path, target: Path) -> None:
    """The commit point: one rename makes a directory appear under its final name.

    Raises DurabilityError when `target` exists: a sealed pack is never overwritten.
    """
    if target.exists():
        raise DurabilityError(f"{target} exists already; a sealed pack is never overwritten")
    sync_folders(staged)
    move(staged, target)


def remove(path: Path) -> None:
    """Remove a file or a folder with all that is in it. What is gone already is no error."""
    with _named("remove", path):
        folders = [path]
        for folder in folders:  # grows meanwhile: no folder is too deep for it
            if type_of(folder) == "folder":
                folders += sorted(folder.iterdir())
        for one in reversed(folders):
            with suppress(FileNotFoundError):
                os.rmdir(one) if type_of(one) == "folder" else os.unlink(one)


def remove_partials(folder: Path) -> None:
    """Remove what a process that died was writing, anywhere below a folder."""
    for entry in list(walk(folder)):
        if PurePosixPath(entry.name).match(f".*{PARTIAL}"):
            remove(folder / entry.name)


class Written(NamedTuple):
    """The first bytes of a file, or all of them, as they were written."""

    size_bytes: int
    sha256: str


class LineWriter:
    """Appends whole lines to a file; `sync` makes all of them durable.

    Lines are handed to the system at once, so a kill of this process loses none; `sync` guards
    against the machine stopping. After a failure nothing more is written: what an fsync that
    failed has lost, a second one would call safe.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._sound = True
        make_folder(path.parent)
        self._digest = hashlib.sha256()
        with _named("open", path):
            if path.exists():
                with path.open("rb", buffering=0) as before:
                    while piece := before.read(_PIECE_BYTES):
                        self._digest.update(piece)
            self._handle = os.open(path, _CREATE | os.O_APPEND, _MODE)
        self._size_bytes = os.fstat(self._handle).st_size
        sync_directory(path.parent)

    @property
    def size_bytes(self) -> int:
        """How much the file holds by now."""
        return self._size_bytes

    @property
    def written(self) -> Written:
        """What the file holds by now."""
        return Written(self._size_bytes, self._digest.hexdigest())

    def append(self, line: bytes) -> None:
        """Append one line, LF included: whole, or as far as the system allows not at all."""
        with self._failing_once("append to"):
            try:
                _write_all(self._handle, line)
            except OSError:
                with suppress(OSError):
                    os.ftruncate(self._handle, self._size_bytes)
                raise
            self._size_bytes += len(line)
            self._digest.update(line)

    def sync(self) -> None:
        """Return only when every appended line is on disk, under the name it was opened with."""
        with self._failing_once("sync"):
            os.fsync(self._handle)
            if not os.path.samestat(os.fstat(self._handle), os.stat(self.path)):
                raise OSError(errno.ESTALE, "another file is there now", str(self.path))

    def close(self) -> None:
        """Sync, unless something failed before, and close."""
        if self._handle < 0:
            return
        handle = self._handle
        try:
            if self._sound:
                self.sync()
        finally:
            self._handle = -1
            with _named("close", self.path):
                os.close(handle)

    @contextmanager
    def _failing_once(self, action: str) -> Iterator[None]:
        if not self._sound:
            raise DurabilityError(f"cannot {action} {self.path}: it failed before")
        self._sound = False
        with _named(action, self.path):
            yield
        self._sound = True

    def __enter__(self) -> LineWriter:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, _CREATE | os.O_TRUNC, _MODE)
    try:
        _write_all(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)


def _write_all(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:  # a write may be short
        view = view[os.write(handle, view) :]


def _allocate(handle: int, size_bytes: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(handle, 0, size_bytes)
    else:  # macOS, Windows
        _write_all(handle, bytes(size_bytes))
