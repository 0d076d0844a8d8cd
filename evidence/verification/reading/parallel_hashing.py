"""Hashing thousands of small files side by side, in copies of our own process.

Responsible for sharing the files out and for what comes back: a digest or nothing. Threads do not
help with small files, since Python itself is what takes the time. Whatever a copy could not read,
or not finish, is left to the caller, who reads it again and says what is wrong. Nothing is
written: the digests come back in memory that both processes see. Where a process cannot be copied
safely (another system, other threads running) nothing is shared out.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from evidence.system import posix
from evidence.system.processes import ended

MIN_FILES: Final = 2_000
"""For fewer, copying the process takes longer than it saves."""
_DIGEST_BYTES: Final = 32
_RECORD_BYTES: Final = 1 + _DIGEST_BYTES
"""Whether the file was hashed, and its SHA-256."""

Hash = Callable[[str], bytes | None]
"""SHA-256 of a file as the walk saw it; None where anything is odd."""


def can_share(num_files: int, num_processes: int) -> bool:
    """Whether sharing out is possible here and worth it."""
    return num_processes > 1 and num_files >= MIN_FILES and posix.can_copy_process()


def hash_apart(paths: Sequence[str], hash_one: Hash, num_processes: int) -> dict[str, bytes]:
    """SHA-256 of every file that could be hashed without anything odd about it."""
    with mmap.mmap(-1, _RECORD_BYTES * len(paths)) as shared, ended() as children:
        for share in range(1, num_processes):
            child = posix.copy_process()
            if child == 0:
                _work_and_leave(paths, hash_one, shared, slice(share, None, num_processes))
            children.append(child)
        _work(paths, hash_one, shared, slice(0, None, num_processes))
        while children:
            os.waitpid(children[-1], 0)
            children.pop()
        return dict(_found(paths, shared))


def _work(paths: Sequence[str], hash_one: Hash, shared: mmap.mmap, share: slice) -> None:
    for index in range(len(paths))[share]:
        digest = hash_one(paths[index])
        if digest is not None:
            place = index * _RECORD_BYTES
            shared[place : place + _RECORD_BYTES] = b"\1" + digest


def _work_and_leave(paths: Sequence[str], hash_one: Hash, shared: mmap.mmap, share: slice) -> None:
    # Nothing of the caller may run here: no handler, no `finally`, no flush of what it printed.
    try:
        _work(paths, hash_one, shared, share)
    finally:
        os._exit(0)


def _found(paths: Sequence[str], shared: mmap.mmap) -> Iterator[tuple[str, bytes]]:
    for index, path in enumerate(paths):
        place = index * _RECORD_BYTES
        if shared[place]:
            yield path, shared[place + 1 : place + _RECORD_BYTES]
