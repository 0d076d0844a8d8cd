"""Reading every sealed file once: its digest, and the bytes that later stages parse.

Responsible for reading within the sizes that the manifest states, for noticing a file that
changes meanwhile, and for naming how bytes differ. What the bytes mean is left to `schemas` and
`consistency`, which see exactly what was hashed here.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from hashlib import sha256
from io import FileIO
from mmap import mmap
from typing import Final, NamedTuple

from msgspec import Struct, field

from evidence import limits
from evidence.encoding.digest import (
    CHUNK_BYTES,
    HASHING_THREADS,
    in_pages_of_its_own,
    reading_buffer,
    sha256_hex,
    with_crlf,
    with_lf,
)
from evidence.errors import UnsafePackError
from evidence.pack.documents import has_rows
from evidence.records.record import Record
from evidence.system import processes, threads
from evidence.verification.problem import Problem
from evidence.verification.reading.counts import HeadCount, LineCount
from evidence.verification.reading.directory import NotPlainError, SafeDirectory
from evidence.verification.reading.sets import Entries
from evidence.verification.reading.structure import FileStatus, Tree, is_read_into_memory
from evidence.verification.reading.sums import LINE_ENDS_HINT, Sums

POOL_FROM_BYTES: Final = 8 * limits.MIB
"""Files from this size on are hashed side by side; for small ones threads only cost time."""
MAX_PROCESSES: Final = min(4, processes.num_processors())
"""Copies of this process that hash small files. More only wait for each other at the disk."""
MIN_FILES: Final = 2_000
"""Small files for which copies are made: for fewer, making them takes longer than it saves. Threads
do not help, since Python itself is what takes the time."""

_TEXT_SUFFIXES: Final = (".txt", ".md", ".json", ".jsonl", ".toml", ".patch", ".jinja", ".svg")
_LENGTH_BYTES: Final = 8
LONG_ROWS_BYTES: Final = 128 * limits.KIB
"""JSON lines files longer than this are parsed piece by piece, and let go on the way."""


class Reading(NamedTuple):
    """What one pass over one file gave. A tuple: there may be 20,000."""

    sha256: str
    size_bytes: int
    content: bytes | None
    pieces: deque[mmap]
    """Instead of `content`, of a long file that is parsed line by line."""
    head: bytes
    """Length and header of a safetensors file, as far as the cap; empty for others."""
    changed: bool
    """The file was another one, or changed, between the walk and the end of reading."""


class Contents(Struct):
    """The sealed files as read."""

    documents: dict[str, bytes] = field(default_factory=dict)
    long_rows: dict[str, deque[mmap]] = field(default_factory=dict)
    """JSON lines files in pieces: whoever parses them lets go of what is parsed."""
    headers: dict[str, bytes] = field(default_factory=dict)
    present: set[str] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)


class Claims(Record):
    """What the pack says of its files before they are read."""

    sums: Sums
    manifest: Entries
    sizes: Mapping[str, int]
    """From manifest.json; empty when that cannot be read."""
    withheld: frozenset[str]


def read_sealed(
    root: SafeDirectory,
    tree: Tree,
    claims: Claims,
    done: Mapping[str, Reading],
    num_threads: int = 0,
) -> Contents:
    """Read every listed file (those in `done` were read before) and compare with the claims.

    Large files are hashed side by side, largest first, by `num_threads` (0: by the machine).
    `Contents.problems` is in order of path, whatever order the files were read in.
    """
    contents = Contents()
    said = {problem.address for problem in tree.problems}
    wanted: list[str] = []
    for path in sorted(claims.sums.digests):
        status = tree.files.get(path)
        if status is None:
            if path not in said:  # there, but unsafe
                contents.problems.extend(_absence(path, claims))
        elif path not in done:
            problem = size_problem(path, status, claims)
            if problem is None or _worth_reading(path, status):
                wanted.append(path)
            else:
                contents.problems.append(problem)
    readings = dict(done)
    for path, outcome in _read_all(root, tree, wanted, num_threads):
        if isinstance(outcome, Reading):
            readings[path] = outcome
        else:
            contents.problems.append(outcome)
    for path, reading in readings.items():
        contents.problems.extend(_compare(root, path, reading, claims, contents))
    contents.problems.sort(key=lambda problem: (problem.address, problem.code))
    return contents


def read_file(root: SafeDirectory, path: str, status: FileStatus, *, into_memory: bool) -> Reading:
    """Hash one file in constant memory; `into_memory` returns its bytes too.

    Raises OSError, and UnsafePackError for JSON lines past a limit: they are never read whole.
    """
    state = sha256()
    size_bytes = 0
    pieces: list[bytes] = []
    pieces_apart: deque[mmap] = deque()
    head = bytearray()
    head_bytes = _LENGTH_BYTES if path.endswith(".safetensors") else 0
    lines = LineCount(path) if into_memory and path.endswith(".jsonl") else None
    is_long = into_memory and status.size_bytes > LONG_ROWS_BYTES and has_rows(path)
    descriptor, opened = root.open_file(path)
    try:
        before = FileStatus.of(opened)
        read = _reader(descriptor, status.size_bytes, into_memory=into_memory)
        # One byte past the expected end is enough to see that a file grew.
        while size_bytes <= status.size_bytes:
            threads.leave_off_if_told()
            asked_bytes = min(CHUNK_BYTES, status.size_bytes + 1 - size_bytes)
            piece = read(asked_bytes)
            if not piece:
                break
            state.update(piece)
            size_bytes += len(piece)
            if is_long:
                pieces_apart.append(in_pages_of_its_own(bytes(piece)))
            elif into_memory:
                pieces.append(bytes(piece))
            if lines is not None:
                lines.feed(bytes(piece))
            if len(head) < head_bytes:
                head += piece[: head_bytes - len(head)]
                if head_bytes == _LENGTH_BYTES == len(head):
                    head_bytes += _header_bytes(head)
                    head += piece[_LENGTH_BYTES:head_bytes]
            if len(piece) < asked_bytes and size_bytes == status.size_bytes:
                break  # as long as expected, and the byte asked for beyond is not there
        after = FileStatus.of(os.fstat(descriptor))
    finally:
        os.close(descriptor)
    return Reading(
        sha256=state.hexdigest(),
        size_bytes=size_bytes,
        content=b"".join(pieces) if into_memory and not is_long else None,
        pieces=pieces_apart,
        head=bytes(head),
        changed=not before == after == status or size_bytes != status.size_bytes,
    )


def _reader(
    descriptor: int, size_bytes: int, *, into_memory: bool
) -> Callable[[int], bytes | memoryview]:
    """How the next bytes of a file are read.

    Those of a large file that is not read into memory share one buffer, overwritten each time.
    """
    if into_memory or size_bytes < CHUNK_BYTES:
        return partial(os.read, descriptor)
    file, lent = FileIO(descriptor, closefd=False), reading_buffer()
    return lambda asked_bytes: lent[: file.readinto(lent[:asked_bytes])]


def size_problem(path: str, status: FileStatus, claims: Claims) -> Problem | None:
    """A size other than the manifest states, or one that nothing states."""
    stated = claims.sizes.get(path)
    if stated is None:
        if status.size_bytes <= limits.MAX_TEXT_BYTES:
            return None
        text = "no readable manifest states its size, so it is not read"
        return Problem(path, text, None, f"{status.size_bytes} bytes", code="size-unknown")
    if status.size_bytes == stated:
        return None
    return Problem(
        path,
        "has another size than the manifest states",
        expected=f"{stated} bytes",
        actual=f"{status.size_bytes} bytes",
        code="size-mismatch",
    )


def _header_bytes(head: bytearray) -> int:
    length = int.from_bytes(head[:_LENGTH_BYTES], "little")
    return length if length <= limits.MAX_SAFETENSORS_HEADER_BYTES else 0


def _worth_reading(path: str, status: FileStatus) -> bool:
    # Another size may be other line ends only, which must be said; and documents are parsed even
    # when they changed, so that the report can name the very value.
    return status.size_bytes <= limits.MAX_TEXT_BYTES and path.endswith(_TEXT_SUFFIXES)


def _absence(path: str, claims: Claims) -> Iterator[Problem]:
    if path in claims.withheld:
        return  # `withheld-files` says so
    yield Problem(path, "is listed in SHA256SUMS but not there", code="missing")


def _read_all(
    root: SafeDirectory, tree: Tree, wanted: Sequence[str], num_threads: int
) -> Iterator[tuple[str, Reading | Problem]]:
    heads = HeadCount()

    def read(path: str) -> tuple[str, Reading | Problem]:
        problem = heads.problem(path)
        outcome = problem or attempt_read(root, path, tree.files[path])
        if isinstance(outcome, Reading):
            heads.add(len(outcome.head))
        return path, outcome

    large = [path for path in wanted if tree.files[path].size_bytes >= POOL_FROM_BYTES]
    small = [path for path in wanted if tree.files[path].size_bytes < POOL_FROM_BYTES]
    hashed = _hash_in_processes(root, tree, small, num_threads or MAX_PROCESSES)
    if hashed:
        yield from hashed.items()
        small = [path for path in small if path not in hashed]
    if not large:
        yield from map(read, small)
        return
    large.sort(key=lambda path: -tree.files[path].size_bytes)
    with threads.pool(num_threads or HASHING_THREADS) as pool:
        hashing = [pool.submit(read, path) for path in large]
        yield from map(read, small)  # meanwhile, in the order of their folders
        for one in hashing:
            yield one.result()


def _hash_in_processes(
    root: SafeDirectory, tree: Tree, small: Sequence[str], num_processes: int
) -> dict[str, Reading]:
    """Files of which nothing but the digest is wanted, as far as all is well with them."""
    paths = [
        path
        for path in small
        if not is_read_into_memory(path) and not path.endswith(".safetensors")
    ]
    if num_processes < 2 or len(paths) < MIN_FILES:
        return {}

    def hash_one(path: str) -> bytes | None:
        try:
            reading = read_file(root, path, tree.files[path], into_memory=False)
        except OSError:
            return None
        return None if reading.changed else bytes.fromhex(reading.sha256)

    digests = processes.each(hash_one, paths, num_processes)
    return {
        path: Reading(digest.hex(), tree.files[path].size_bytes, None, deque(), b"", changed=False)
        for path, digest in zip(paths, digests, strict=True)
        if digest is not None
    }


def attempt_read(root: SafeDirectory, path: str, status: FileStatus) -> Reading | Problem:
    """The reading of a file, or why it could not be read."""
    try:
        return read_file(
            root, path, status, into_memory=is_read_into_memory(path, status.size_bytes)
        )
    except UnsafePackError as error:
        return Problem(error.address, error.message, severity="refused", code=error.code)
    except NotPlainError as error:
        text = f"{error.strerror}: replaced while it was verified"
        return Problem(path, text, severity="refused", code="not-a-plain-file")
    except OSError as error:
        return Problem(path, f"cannot be read: {error.strerror}", code="cannot-read")


def _compare(
    root: SafeDirectory, path: str, reading: Reading, claims: Claims, contents: Contents
) -> Iterator[Problem]:
    contents.present.add(path)
    if reading.content is not None:
        contents.documents[path] = reading.content
    if reading.pieces:
        contents.long_rows[path] = reading.pieces
    if path.endswith(".safetensors"):
        contents.headers[path] = reading.head
    if reading.changed:
        yield Problem(path, "changed while it was read", code="changed-while-reading")
    expected = claims.sums.digests[path]
    stated = claims.sizes.get(path)
    if reading.sha256 == expected:
        if stated is not None and stated != reading.size_bytes:
            text = "has another size than the manifest states"
            sizes = (f"{stated} bytes", f"{reading.size_bytes} bytes")
            yield Problem(path, text, *sizes, code="size-mismatch")
        return
    original = _with_other_line_ends(root, path, reading, expected)
    if original is not None:
        # From here on the sealed text is judged: the line ends are the one thing to report.
        if reading.content is not None:
            contents.documents[path] = original
        if reading.pieces:
            contents.long_rows[path] = deque([in_pages_of_its_own(original)])
        yield Problem(path, LINE_ENDS_HINT, expected, reading.sha256, code="line-ends")
        return
    text = "its bytes are not those that were sealed"
    yield Problem(path, text, expected, reading.sha256, code="digest-mismatch")


def _with_other_line_ends(
    root: SafeDirectory, path: str, reading: Reading, expected: str
) -> bytes | None:
    if not path.endswith(_TEXT_SUFFIXES) or reading.size_bytes > limits.MAX_TEXT_BYTES:
        return None
    data = (
        reading.content
        if reading.content is not None
        else _read_again(root, path, reading.size_bytes)
    )
    for candidate in (with_lf(data), with_crlf(data)):
        if candidate != data and sha256_hex(candidate) == expected:
            return candidate
    return None


def _read_again(root: SafeDirectory, path: str, size_bytes: int) -> bytes:
    # Only to explain a mismatch that stands already; nothing is concluded from these bytes.
    try:
        with root.open(path) as descriptor:
            pieces, left_bytes = [], size_bytes
            while left_bytes > 0 and (piece := os.read(descriptor, min(left_bytes, CHUNK_BYTES))):
                pieces.append(piece)
                left_bytes -= len(piece)
            return b"".join(pieces)
    except OSError:
        return b""
