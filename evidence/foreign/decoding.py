"""Which encoding a foreign text is in, by tests in a fixed order; no guess depends on a library.

Responsible for bytes to a digest and an encoding. The bytes themselves are never altered, and which
test decided is said. Order: a byte-order mark; zero bytes in every other place; strict UTF-8;
Windows' cp1252.
"""

from __future__ import annotations

import codecs
import hashlib
import io
import os
import re
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from evidence.records.record import Record

CHUNK_BYTES: Final = 1 << 20
HEAD_BYTES: Final = 1 << 18
"""By which it is told whether a file is text at all."""
ZERO_SHARE: Final = 0.3
"""Of the odd or even bytes: ASCII in UTF-16 has all of them zero, other scripts some."""
MAX_CONTROL_SHARE: Final = 0.02
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_HOLE: Final = re.compile(rb"\0{8,}")
"""What a crash of the system leaves where a block was never written."""
_CONTROLS: Final = bytes(code for code in range(1, 32) if code not in b"\a\b\t\n\v\f\r\x1b")


class Decoding(Record):
    """How a file is to be read as text."""

    encoding: str
    why: str
    is_exact: bool
    """Whether every byte has a meaning in it; else some are shown as U+FFFD."""


class Digest(Record):
    """A file looked at once, as bytes."""

    sha256: str
    size_bytes: int
    decoding: Decoding | None
    """None where it is no text."""
    text_sha256: str | None
    """Of the text as UTF-8 with LF line ends; None where it has to be decoded for that."""
    num_lines: int
    """Line feeds, and a last line without one."""
    head: bytes
    """Its first bytes."""


class _Text:
    """The digest of bytes as if their line ends were LF."""

    def __init__(self) -> None:
        self._plain = hashlib.sha256()
        self._waits = b""

    def update(self, chunk: bytes) -> None:
        chunk = self._waits + chunk
        self._waits = b"\r" if chunk.endswith(b"\r") else b""
        chunk = chunk[:-1] if self._waits else chunk
        self._plain.update(chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk)

    def hexdigest(self) -> str:
        whole = self._plain.copy()
        whole.update(self._waits)
        return whole.hexdigest()


def digest(stream: BinaryIO) -> Digest:
    """Read a file once: its digest, and the encoding that its text is in."""
    whole, text, size_bytes, head = hashlib.sha256(), _Text(), 0, b""
    num_lines, last = 0, b""
    utf8, is_utf8 = codecs.getincrementaldecoder("utf-8")("strict"), True
    while chunk := stream.read(CHUNK_BYTES):
        whole.update(chunk)
        num_lines += chunk.count(b"\n")
        last = chunk[-1:]
        if not head:
            head = chunk[:HEAD_BYTES]
            chunk = chunk.removeprefix(codecs.BOM_UTF8)
        size_bytes += len(chunk)
        if is_utf8:
            try:
                utf8.decode(chunk)
                text.update(chunk)
            except UnicodeDecodeError:
                is_utf8 = False
    size_bytes += len(codecs.BOM_UTF8) if head.startswith(codecs.BOM_UTF8) else 0
    known = _decoding(head, is_utf8, size_bytes)
    as_is = known is not None and known.encoding in ("utf-8", "utf-8-sig") and is_utf8
    is_whole = as_is and not utf8.getstate()[0]
    return Digest(
        sha256=whole.hexdigest(),
        size_bytes=size_bytes,
        decoding=known,
        text_sha256=text.hexdigest() if is_whole else None,
        num_lines=num_lines + (last not in (b"", b"\n")),
        head=head,
    )


def _decoding(head: bytes, is_utf8: bool, size_bytes: int) -> Decoding | None:
    for mark, name in _MARKS:
        if head.startswith(mark):
            exact = is_utf8 if name == "utf-8-sig" else size_bytes % 2 == 0
            return Decoding(name, "a byte-order mark", exact)
    written = _HOLE.sub(b"", head)
    half = max(1, len(written) // 2)
    even, odd = written[0::2].count(0) / half, written[1::2].count(0) / half
    if max(even, odd) > ZERO_SHARE and min(even, odd) < ZERO_SHARE / 3:
        name = "utf-16-le" if odd > even else "utf-16-be"
        return Decoding(name, "zero bytes in every other place", size_bytes % 2 == 0)
    controls = len(written) - len(written.translate(None, _CONTROLS))
    if even + odd > MAX_CONTROL_SHARE or controls > MAX_CONTROL_SHARE * len(written):
        return None
    if not written and head:
        return None
    if is_utf8:
        return Decoding("utf-8", "every byte is UTF-8", is_exact=True)
    return Decoding("cp1252", "bytes that are no UTF-8", is_exact=False)


def opened(path: Path, decoding: Decoding) -> TextIO:
    """The text of a file, to be closed; line ends stay as they are."""
    return path.open(encoding=decoding.encoding, errors="replace", newline="\n")


def again(stream: BinaryIO, decoding: Decoding) -> TextIO:
    """The text of an open file from its beginning, to be closed. The stream stays open, and has its
    place with this text: only one of them is read at a time."""
    descriptor = os.dup(stream.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    return io.TextIOWrapper(
        os.fdopen(descriptor, "rb"), encoding=decoding.encoding, errors="replace", newline="\n"
    )


def text_digest(text: TextIO) -> tuple[str, int]:
    """SHA-256 of the text as UTF-8 with LF line ends, and how many lines it has."""
    whole, num_lines, last = _Text(), 0, ""
    while part := text.read(CHUNK_BYTES):
        whole.update(part.encode("utf-8", "surrogatepass"))
        num_lines += part.count("\n")
        last = part[-1]
    return whole.hexdigest(), num_lines + (last not in ("", "\n"))
