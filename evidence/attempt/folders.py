"""Digests of the folders that a worker leaves, made while it goes on.

Responsible for hashing checkpoints and the final model beside the loop that hears the worker: a
checkpoint of gigabytes takes seconds, and no row may wait for it. What is done with the digests
is the caller's, in its own thread and in the order of the folders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evidence.encoding.digest import sha256_stream
from evidence.errors import DurabilityError
from evidence.records.inputs import FileDigest
from evidence.system import threads
from evidence.system.durable import remove, sync_directory, sync_file, sync_folders

SOON_BYTES: Final = 32 << 20
"""A folder up to this size is hashed before the loop goes on: it takes a blink, and what is
recorded of a small run keeps its order."""

MAX_WAITING: Final = 3
"""Beyond it the loop waits, and the worker with it: none of these can be removed yet, and a worker
that writes faster than a disk is read would fill it."""

_LOOK_EVERY_S: Final = 0.1

Files = tuple[FileDigest, ...]
Then = Callable[[Files], None]


class FolderDigests:
    """Folders that are hashed one after the other, by a thread of their own."""

    def __init__(self, pool: threads.Pool, stops_now: Callable[[], bool]) -> None:
        self._pool = pool
        self._stops_now = stops_now
        self._waiting: deque[tuple[Future[Files], Then]] = deque()

    def begin(self, folder: Path, relative_to: Path, then: Then) -> None:
        """Hash `folder`; its digests go to `then` by a later call of this object."""
        self._waiting.append((self._pool.submit(digest_folder, folder, relative_to), then))
        if _size_bytes(folder) <= SOON_BYTES:
            self.finish()
        self.finish(but=MAX_WAITING)

    def hand_over(self) -> None:
        """What is hashed by now. Raises what went wrong with it, a DurabilityError."""
        while self._waiting and self._waiting[0][0].done():
            hashed, then = self._waiting.popleft()
            then(hashed.result())

    def finish(self, but: int = 0) -> bool:
        """Wait until at most `but` folders are waiting, or until everything is to stop now:
        then False, and what is left nobody hashes."""
        self.hand_over()
        while len(self._waiting) > but and not self._stops_now():
            wait([self._waiting[0][0]], _LOOK_EVERY_S)
            self.hand_over()
        return len(self._waiting) <= but


@contextmanager
def folder_digests(stops_now: Callable[[], bool]) -> Iterator[FolderDigests]:
    """For one stage. What is not hashed when the block ends is left off."""
    with threads.pool(1) as pool:
        yield FolderDigests(pool, stops_now)


def digest_folder(folder: Path, relative_to: Path) -> Files:
    """Digests of every file below `folder`, sorted by path; all of it is made durable."""
    found: list[FileDigest] = []
    for path in _files(folder):
        sync_file(path)
        try:
            with path.open("rb", buffering=0) as stream:
                sha256, size_bytes = sha256_stream(stream)
        except OSError as error:
            raise DurabilityError(
                f"cannot read {path}: {error.strerror}",
                hint="Check the disk and the permissions of this folder.",
            ) from error
        found.append(FileDigest(path.relative_to(relative_to).as_posix(), sha256, size_bytes))
    sync_folders(folder)
    sync_directory(folder.parent)
    return tuple(found)


def drop_checkpoints(scratch: Path, older_than: int, spared: Collection[int] = ()) -> None:
    """Keep two that the journal has: the newest, and one more in case it is damaged. And those of
    the steps that are `spared`.

    No worker removes any: it does not know which are in the journal already.
    """
    for folder in sorted(scratch.glob("checkpoint-*")):
        step = folder.name.removeprefix("checkpoint-")
        if step.isdecimal() and int(step) < older_than and int(step) not in spared:
            remove(folder)


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in _files(folder))
