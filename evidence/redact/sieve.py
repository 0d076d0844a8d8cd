"""Which bytes cannot hold a secret in any reading: nearly all, and they are told quickly.

Responsible for letting through to `search` whatever could be one: every line in which a reading
has an anchor of some shape, or a known value. A sieve may let too much through and never too
little. It decodes all runs of base64 and hexadecimal at once, put end to end: each of them is in
what comes out, at its own place in a group.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from typing import Final

from evidence.redact.known import Secrets
from evidence.redact.shapes import (
    AWS_KEY_BYTES,
    MIN_RUN_BYTES,
    PEM_MARK,
    RUN_BYTES,
    SHAPES,
    URL_WITH_AT,
)
from evidence.redact.views import ESCAPE, HEX_RUN, MAX_LAYERS, STANDARD, letter

PIECE_BYTES: Final = 1 << 11
"""Of lines that are looked at by themselves, where something is among them."""

_ANCHORS: Final = tuple(
    (anchor, shape.ignores_case) for shape in SHAPES if shape.is_in_run for anchor in shape.anchors
)
_RUN: Final = b"a" * MIN_RUN_BYTES
_IS_IN_RUN: Final = bytes(ord("a" if byte in RUN_BYTES else " ") for byte in range(256))
_PERCENT: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_BACKSLASH: Final = re.compile(rb"\\[xunrtbf\"'/\\]")


def stretches(data: bytes, secrets: Secrets) -> Iterator[tuple[int, int]]:
    """Start and end of whole lines of `data` outside of which there is no secret.

    All of it where a secret of more than one line could be: a stretch must hold it whole.
    """
    if not _may_hold(data, secrets):
        return
    if len(data) <= PIECE_BYTES or _may_hold_lines(data, secrets):
        yield 0, len(data)
        return
    start = 0
    while start < len(data):
        end = data.find(b"\n", start + PIECE_BYTES) + 1 or len(data)
        if _may_hold(data[start:end], secrets):
            yield start, end
        start = end


def _may_hold(data: bytes, secrets: Secrets) -> bool:
    return any(_shows(reading, runs, secrets) for reading, runs in _readings(data))


def _may_hold_lines(data: bytes, secrets: Secrets) -> bool:
    marks = (PEM_MARK, *secrets.marks_of_lines)
    return any(mark in reading for reading, _ in _readings(data) for mark in marks)


def _shows(reading: bytes, runs: tuple[bytes, ...], secrets: Secrets) -> bool:
    """Whether anything in these plain bytes could be a secret."""
    if PEM_MARK in reading or (b"@" in reading and URL_WITH_AT.search(reading)):
        return True
    if any(mark in reading for mark in secrets.marks):
        return True
    if not runs:
        return False
    joined = b"\n".join(runs)
    small_letters = joined.lower()
    return (
        any(anchor in (small_letters if any_case else joined) for anchor, any_case in _ANCHORS)
        or any(mark in joined for mark in secrets.marks_in_runs)
        or (max(map(len, runs)) >= AWS_KEY_BYTES and b"ecret" in reading.lower())
    )


def _readings(data: bytes) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    """`data` and whatever it could be the spelling of, with the runs of each."""
    runs = _runs(data)
    yield data, runs
    yield from _decoded(runs)
    escaped = _escaped(data)
    if not escaped:
        return
    for _ in range(MAX_LAYERS):
        escaped = ESCAPE.sub(letter, escaped)
        runs = _runs(escaped)
        yield escaped, runs
        if b"%" not in escaped and b"\\" not in escaped:
            break
    yield from _decoded(runs)


def _runs(data: bytes) -> tuple[bytes, ...]:
    """Every run that could be base64, hexadecimal or a token, each once."""
    where = data.translate(_IS_IN_RUN)
    found: dict[bytes, None] = {}
    start = where.find(_RUN)
    while start >= 0:
        end = where.find(b" ", start)
        end = len(data) if end < 0 else end
        found[data[start:end]] = None
        start = where.find(_RUN, end)
    return tuple(found)


def _decoded(runs: tuple[bytes, ...]) -> Iterator[tuple[bytes, tuple[bytes, ...]]]:
    if not runs:
        return
    joined = b"\n".join(runs)
    hexadecimal = b"".join(HEX_RUN.findall(joined))
    for shift in range(2 if hexadecimal else 0):
        last = shift + (len(hexadecimal) - shift) // 2 * 2
        decoded = binascii.unhexlify(hexadecimal[shift:last])
        yield decoded, _runs(decoded)
    base64 = joined.translate(STANDARD, b"\n.")
    for shift in range(4):
        decoded = binascii.a2b_base64(base64[shift:] + b"A" * ((shift - len(base64)) % 4))
        yield decoded, _runs(decoded)


def _escaped(data: bytes) -> bytes:
    """The lines with an escape in them."""
    lines = {}
    for pattern in (_PERCENT, _BACKSLASH):
        match = pattern.search(data)
        while match is not None:
            start = data.rfind(b"\n", 0, match.start()) + 1
            end = data.find(b"\n", match.end()) + 1 or len(data)
            lines[start] = data[start:end]
            match = pattern.search(data, end)
    return b"".join(lines.values())
