"""What is known of a data set as bytes: digests, size, line ends.

Responsible for one pass over bytes that need not fit into memory (two, since git's name of a file
begins with its size). What rows are in them is `read`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import BinaryIO, Literal

from evidence.data.formats import is_binary
from evidence.encoding.digest import CHUNK_BYTES, git_blob_state, with_lf
from evidence.records.record import Record

Pieces = Callable[[], Iterable[bytes]]
"""The bytes from their beginning on, each time it is called."""


class Content(Record):
    """Facts about the bytes of a data set (as on disk, or canonical rows)."""

    sha256: str
    sha256_lf: str
    """With CRLF turned into LF; of what is no text the same as `sha256`."""
    git_blob: str
    size_bytes: int
    line_ends: Literal["lf", "crlf", "mixed", "none"]
    is_text: bool


def content_of(pieces: Pieces) -> Content:
    """The facts about these bytes."""
    whole, plain = hashlib.sha256(), hashlib.sha256()
    size_bytes = num_crlf = num_lf = 0
    is_text, held_back = True, b""
    for piece in pieces():
        if not size_bytes:
            is_text = not is_binary(piece)
        size_bytes += len(piece)
        whole.update(piece)
        if not is_text:
            continue
        text = held_back + piece  # CR and LF may be in two pieces
        held_back = b"\r" if text.endswith(b"\r") else b""
        text = text.removesuffix(held_back)
        num_crlf += text.count(b"\r\n")
        num_lf += text.count(b"\n")
        plain.update(with_lf(text))
    plain.update(held_back)
    blob = git_blob_state(size_bytes)
    for piece in pieces():
        blob.update(piece)
    return Content(
        sha256=whole.hexdigest(),
        sha256_lf=plain.hexdigest() if is_text else whole.hexdigest(),
        git_blob=blob.hexdigest(),
        size_bytes=size_bytes,
        line_ends=_line_ends(num_crlf, num_lf),
        is_text=is_text,
    )


def content_of_file(file: BinaryIO) -> Content:
    """The same of a file, which is read from its beginning."""
    return content_of(lambda: pieces_of(file))


def sha256_of_file(file: BinaryIO) -> str:
    """The digest alone."""
    state = hashlib.sha256()
    for piece in pieces_of(file):
        state.update(piece)
    return state.hexdigest()


def pieces_of(file: BinaryIO) -> Iterable[bytes]:
    """The bytes of a file from its beginning, few at once."""
    file.seek(0)
    return iter(lambda: file.read(CHUNK_BYTES), b"")


def _line_ends(num_crlf: int, num_lf: int) -> Literal["lf", "crlf", "mixed", "none"]:
    if num_lf == 0:
        return "none"
    return "lf" if num_crlf == 0 else "crlf" if num_crlf == num_lf else "mixed"
