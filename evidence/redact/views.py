r"""The same bytes read otherwise: unescaped, from hexadecimal, from base64.

Responsible for decoding whatever could be an encoding, wherever it begins, and for leading a
place in the decoded bytes back to where it is spelled. Escapes are undone up to three times (JSON
in JSON), hexadecimal and base64 once, inside of escapes too. Linear in time and memory.
"""

from __future__ import annotations

import binascii
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from msgspec import Struct, field

ESCAPE: Final = re.compile(
    rb"%([0-9A-Fa-f]{2})|\\x([0-9A-Fa-f]{2})"
    rb"|\\u([dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|[0-9A-Fa-f]{4})"
    rb"|\\([nrtbf\"'/\\])"
)
_LETTERS: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
HEX_RUN: Final = re.compile(rb"[0-9A-Fa-f]{24,}+")
_BASE64_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]{16,}+")
_HEX_ONLY: Final = re.compile(rb"[0-9a-f]+|[0-9A-F]+")
STANDARD: Final = bytes.maketrans(b"-_", b"+/")
MAX_LAYERS: Final = 3
_BETWEEN: Final = b"\0\n"
"""Between the decoded runs of one view; no secret has it inside."""


class View(Struct):
    """Decoded bytes, made of pieces that each stand for a stretch of the original."""

    per_group: int = 1
    """Decoded bytes in a group, the smallest part that is decoded by itself."""
    chars: int = 1
    """Characters of the original that such a group takes."""
    pieces: list[bytes] = field(default_factory=list)
    _starts: list[int] = field(default_factory=list)
    _origins: list[int] = field(default_factory=list)
    _untils: list[int] = field(default_factory=list)
    _size_bytes: int = 0

    @property
    def data(self) -> bytes:
        """Everything decoded."""
        return b"".join(self.pieces)

    def add(self, piece: bytes, origin: int, until: int = -1) -> None:
        """Append what was decoded from the original from `origin` on, `until` there in groups."""
        self.pieces.append(piece)
        self._starts.append(self._size_bytes)
        self._origins.append(origin)
        self._untils.append(until)
        self._size_bytes += len(piece)

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Where in the original the decoded bytes from `start` to `end` are spelled."""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end) - 1 if self.chars == 1 else first
        groups = (start - self._starts[first]) // self.per_group
        begin = self._origins[first] + groups * self.chars
        groups = -(-(end - self._starts[last]) // self.per_group)
        finish = self._origins[last] + groups * self.chars
        return begin, finish if self.chars == 1 else min(finish, self._untils[last])


Place = Callable[[int, int], tuple[int, int]]
"""Start and end in decoded bytes → start and end in the original."""


def views(data: bytes) -> Iterator[tuple[bytes, Place]]:
    """Every other reading of `data`, with the way back."""
    layers: tuple[View, ...] = ()
    while len(layers) < MAX_LAYERS and (b"%" in data or b"\\" in data):
        view = _unescaped(data)
        if len(view.pieces) == 1:
            break
        layers = (*layers, view)
        data = view.data
        yield data, partial(_through, layers)
    for view in _decoded(data):
        yield view.data, partial(_through, (*layers, view))


def _through(layers: tuple[View, ...], start: int, end: int) -> tuple[int, int]:
    for view in reversed(layers):
        start, end = view.span(start, end)
    return start, end


def _decoded(data: bytes) -> Iterator[View]:
    hexadecimal, base64 = HEX_RUN.finditer(data), _BASE64_RUN.finditer(data)
    yield from _of_hex([match.span() for match in hexadecimal], data)
    spans = [m.span() for m in base64 if not _HEX_ONLY.fullmatch(m[0])]
    yield from _of_base64(spans, data.translate(STANDARD) if spans else b"")


def _unescaped(data: bytes) -> View:
    """JSON's and Python's escapes and those of URLs undone, all at once."""
    view, end = View(), 0
    for match in ESCAPE.finditer(data):
        view.add(data[end : match.start()], end)
        view.add(letter(match), match.start())
        end = match.end()
    view.add(data[end:], end)
    return view


def letter(match: re.Match[bytes]) -> bytes:
    """What one escape stands for."""
    percent, byte, unit, letter = match.groups()
    if letter is not None:
        return _LETTERS.get(letter, letter)
    if unit is not None:
        units = bytes.fromhex(unit.replace(b"\\u", b"").decode("ascii"))
        return units.decode("utf-16-be", "replace").encode("utf-8")
    return bytes.fromhex((percent or byte).decode("ascii"))


def _of_hex(spans: list[tuple[int, int]], data: bytes) -> Iterator[View]:
    for shift in range(2 if spans else 0):
        view = View(per_group=1, chars=2)
        for start, end in spans:
            first = start + shift
            last = first + (end - first) // 2 * 2
            view.add(binascii.unhexlify(data[first:last]) + _BETWEEN, first, last)
        yield view


def _of_base64(spans: list[tuple[int, int]], data: bytes) -> Iterator[View]:
    # A run may begin anywhere before the secret, so each of the four places in a group is tried.
    for shift in range(4 if spans else 0):
        view = View(per_group=3, chars=4)
        for start, end in spans:
            first = start + shift
            last = end - ((end - first) % 4 == 1)
            padding = b"=" * (-(last - first) % 4)
            until = last + len(padding) if data.startswith(padding, last) else last
            view.add(binascii.a2b_base64(data[first:last] + padding) + _BETWEEN, first, until)
        yield view
