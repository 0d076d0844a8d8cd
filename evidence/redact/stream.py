"""Text with its secrets cut out: single strings, and logs as they grow.

Responsible for the replacement (`[redacted:hf-token]`), for counting, and for secrets that come
in pieces: split across writes, or a private key over many lines.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Final

from evidence.redact.identity import Identity
from evidence.redact.known import Secrets
from evidence.redact.search import OVERLAP_BYTES, find_spans
from evidence.redact.shapes import PEM_BEGIN, PEM_END

MAX_LINE_CHARS: Final = 1 << 16
"""A longer line is broken here, never inside of a secret: a log must not need memory for ever."""
MAX_HEADER_LINES: Final = 4
"""Of a private key, before its body: `Proc-Type: …`, blank lines."""
MAX_KEY_LINES: Final = 500
"""Of a private key that never ends."""

_KEY_BEGINS: Final = re.compile(PEM_BEGIN.decode() + r"\s*$")
_KEY_ENDS: Final = re.compile(PEM_END.decode())
_KEY_BODY: Final = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}|^\s*[A-Za-z0-9+/=]{1,76}\s*$")
_KEY_MARK: Final = "PRIVATE KEY"
_INSIDE: Final = 0x80
"""Upper two bits of a byte inside of a character."""
_KEY: Final = "[redacted:private-key]"


class Redactor:
    """Cuts secrets out of text and counts them by kind."""

    def __init__(self, secrets: Secrets, identity: Identity | None = None) -> None:
        self._secrets = secrets
        self._identity = identity or Identity()
        self._pending = ""
        self._key_lines = 0
        self.counts: Counter[str] = Counter()
        """Secrets replaced so far, by kind. Pseudonyms are not counted: they hide no secret."""

    def text(self, text: str) -> str:
        """A whole text without its secrets and names."""
        data = text.encode("utf-8", "surrogatepass")
        clean, end = [], 0
        for kind, first, last in _merged(data, self._secrets):
            clean += [data[end:first], f"[redacted:{kind}]".encode()]
            self.counts[kind] += 1
            end = last
        if end:
            text = b"".join([*clean, data[end:]]).decode("utf-8", "surrogatepass")
        return self._identity.anonymous(text)

    def feed(self, text: str) -> str:
        """Take more of a log, in any pieces; return the lines that are complete by now."""
        whole, end, self._pending = (self._pending + text).rpartition("\n")
        clean = [self._lines(whole), "\n"] if end else []
        while len(self._pending) > MAX_LINE_CHARS + OVERLAP_BYTES:
            cut = self._safe_cut(self._pending, MAX_LINE_CHARS)
            clean += [self._line(self._pending[:cut]), "\n"]
            self._pending = self._pending[cut:]
        return "".join(clean)

    def close(self) -> str:
        """The last line, if it had no end."""
        last, self._pending = self._pending, ""
        return f"{self._line(last)}\n" if last else ""

    def _safe_cut(self, text: str, cut: int) -> int:
        """A place at or before `cut` that is not inside of a secret."""
        encoded = text[: cut + OVERLAP_BYTES].encode("utf-8", "surrogatepass")
        for _, first, last in _merged(encoded, self._secrets):
            start = len(encoded[:first].decode("utf-8", "surrogatepass"))
            end = len(encoded[:last].decode("utf-8", "surrogatepass"))
            if start < cut < end:
                return start or end
        return cut

    def _lines(self, whole: str) -> str:
        if self._key_lines or _KEY_MARK in whole:
            return "\n".join(self._line(line) for line in whole.split("\n"))
        return self.text(whole)  # all at once: many times faster than line by line

    def _line(self, line: str) -> str:
        if self._key_lines:
            return self._line_of_key(line)
        begins = _KEY_BEGINS.search(line)
        if begins is None:
            return self.text(line)
        self._key_lines = 1
        self.counts["private-key"] += 1
        return self.text(line[: begins.start()]) + _KEY

    def _line_of_key(self, line: str) -> str:
        """A line after -----BEGIN, which may carry a prefix of the logger's."""
        ends = _KEY_ENDS.search(line)
        if ends:
            self._key_lines = 0
            return self.text(line[: ends.start()]) + _KEY + self.text(line[ends.end() :])
        is_body = _KEY_BODY.search(line) is not None
        if self._key_lines > (MAX_KEY_LINES if is_body else MAX_HEADER_LINES):
            self._key_lines = 0
            return self._line(line)
        self._key_lines += 1
        return self.text(_KEY_BODY.sub(_KEY, line))


def _merged(data: bytes, secrets: Secrets) -> list[tuple[str, int, int]]:
    """Secrets in `data` in order, overlapping ones as one with the kind of the longest."""
    merged: list[tuple[str, int, int]] = []
    longest = 0
    for span in sorted(find_spans(data, secrets)):
        kind, first, last = span.kind, *_whole_letters(data, span.start, span.end)
        if merged and first < merged[-1][2]:
            before, begin, end = merged[-1]
            merged[-1] = (kind if last - first > longest else before, begin, max(end, last))
            longest = max(longest, last - first)
        else:
            merged.append((kind, first, last))
            longest = last - first
    return merged


def _whole_letters(data: bytes, first: int, last: int) -> tuple[int, int]:
    """A stretch of UTF-8 that begins and ends between two characters."""
    while first > 0 and data[first] & 0xC0 == _INSIDE:
        first -= 1
    while last < len(data) and data[last] & 0xC0 == _INSIDE:
        last += 1
    return first, last
