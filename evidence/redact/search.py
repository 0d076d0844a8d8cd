"""Where secrets are in bytes, in any spelling.

Responsible for places; never for showing what was found there. Memory is bounded: long input is
read in windows that overlap.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from typing import IO, Final

from evidence.encoding.digest import sha256_hex
from evidence.records.record import Record
from evidence.redact.known import Secrets
from evidence.redact.shapes import shaped
from evidence.redact.sieve import stretches
from evidence.redact.views import views

WINDOW_BYTES: Final = 1 << 22
OVERLAP_BYTES: Final = 1 << 14
"""Longest secret in its longest spelling that is found whole across two windows."""
MAX_MATCHES: Final = 20


class SecretMatch(Record):
    """A secret in a file: what kind, and where. Never the secret."""

    kind: str
    offset: int
    """Bytes before it."""
    line: int
    """From 1, counted by LF."""
    sha256: str
    """Of its plain bytes: by this an author can say that it is none."""


class SecretSpan(Record, order=True):
    """Everything from `start` to `end` spells one secret."""

    start: int
    end: int
    kind: str
    plain: bytes
    """The secret itself, as it is without its encoding. Never shown."""


def find_spans(data: bytes, secrets: Secrets) -> Iterator[SecretSpan]:
    """Everything secret in `data`, overlapping ones included; not what is allowed.

    Read in all its views is only what the sieve lets through.
    """
    for at, until in stretches(data, secrets):
        for span in spans_in(data[at:until], secrets):
            yield SecretSpan(at + span.start, at + span.end, span.kind, span.plain)


def spans_in(data: bytes, secrets: Secrets) -> Iterator[SecretSpan]:
    """The same, all of it read in all its views."""
    for kind, start, end in _found(data, secrets):
        yield SecretSpan(start, end, kind, data[start:end])
    for decoded, place in views(data):
        for kind, start, end in _found(decoded, secrets):
            yield SecretSpan(*place(start, end), kind, decoded[start:end])


def _found(data: bytes, secrets: Secrets) -> Iterator[tuple[str, int, int]]:
    for kind, start, end in itertools.chain(shaped(data), secrets.within(data)):
        if not secrets.allows(data[start:end]):
            yield kind, start, end


def scan(data: bytes, secrets: Secrets) -> tuple[SecretMatch, ...]:
    """The first matches in `data`, one a line and kind, in order. Linear in time."""
    return scan_stream(io.BytesIO(data), secrets)


def scan_stream(stream: IO[bytes], secrets: Secrets) -> tuple[SecretMatch, ...]:
    """The same, of a stream read in bounded memory."""
    found: dict[tuple[str, int], SecretMatch] = {}
    window, at, line = b"", 0, 1
    while more := stream.read(WINDOW_BYTES):
        window += more
        for span in sorted(find_spans(window, secrets)):
            number = line + window.count(b"\n", 0, span.start)
            one = SecretMatch(span.kind, at + span.start, number, sha256_hex(span.plain))
            found.setdefault((span.kind, number), one)
            if len(found) >= MAX_MATCHES:
                break
        if len(found) >= MAX_MATCHES:
            break
        done = max(len(window) - OVERLAP_BYTES, 0)
        line += window.count(b"\n", 0, done)
        window, at = window[done:], at + done
    return tuple(sorted(found.values(), key=lambda match: match.offset))
