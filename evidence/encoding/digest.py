"""SHA-256 in the forms this project needs: bytes, text with LF ends, git blobs, streams.

Responsible for digests only; reading files safely belongs to the callers (`verification.reading`
for a stranger's pack, `system.durable` for our own).
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterable
from io import BufferedIOBase, RawIOBase
from typing import Final

from evidence.system.threads import leave_off_if_told

CHUNK_BYTES: Final = 1 << 18
HASHING_THREADS: Final = max(4, os.cpu_count() or 1)
"""Threads that hash large files. More than two processors, since a model comes in few files, and
one that is left alone at the end would leave all other processors idle."""


def sha256_hex(data: bytes) -> str:
    """Lower-case hex SHA-256 of `data`."""
    return hashlib.sha256(data).hexdigest()


def sha256_bytes(data: bytes) -> bytes:
    """The same as 32 bytes."""
    return hashlib.sha256(data).digest()


def sha256_stream(stream: RawIOBase | BufferedIOBase) -> tuple[str, int]:
    """Digest and size in bytes of everything left in `stream`, in constant memory."""
    state = hashlib.sha256()
    lent = reading_buffer()
    size_bytes = 0
    while count := stream.readinto(lent):
        state.update(lent[:count])
        size_bytes += count
        leave_off_if_told()
    return state.hexdigest(), size_bytes


def reading_buffer() -> memoryview:
    """CHUNK_BYTES to read into, from the beginning of a page on.

    Into memory that begins elsewhere (a bytearray does) some processors copy so slowly that
    reading and hashing together take half as long again.
    """
    return memoryview(mmap.mmap(-1, CHUNK_BYTES))


def in_pages_of_its_own(data: bytes) -> mmap.mmap:
    """The same bytes, not empty, in memory that goes back to the system once they are let go of.

    What lies between thousands of small objects stays with the process when it is free.
    """
    pages = mmap.mmap(-1, len(data))
    pages.write(data)
    return pages


def with_lf(data: bytes) -> bytes:
    """The same text with CRLF line ends turned into LF; lone CR is left alone."""
    return data.replace(b"\r\n", b"\n")


def with_crlf(data: bytes) -> bytes:
    """The same text with every line end as CRLF."""
    return with_lf(data).replace(b"\n", b"\r\n")


def git_blob_sha1(data: bytes) -> str:
    """Object id that git (SHA-1 format) gives a blob of these bytes."""
    state = git_blob_state(len(data))
    state.update(data)
    return state.hexdigest()


def git_blob_state(size_bytes: int) -> hashlib._Hash:
    """What gives that id once it was fed bytes of this size."""
    return hashlib.sha1(b"blob %d\0" % size_bytes, usedforsecurity=False)


def chain(previous: str, *parts: bytes) -> str:
    """Next link of a hash chain: sha256 over the previous hex digest and length-framed parts.

    Framing by length makes the chain injective: no two different lists of parts give the same
    input.
    """
    state = hashlib.sha256(previous.encode("ascii"))
    for part in parts:
        state.update(len(part).to_bytes(8, "little"))
        state.update(part)
    return state.hexdigest()


def combine(digests: Iterable[tuple[str, str]]) -> str:
    """One digest of named digests, independent of their order."""
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(digests))
    return sha256_hex(lines.encode("utf-8"))
