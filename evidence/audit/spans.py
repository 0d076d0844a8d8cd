"""Pieces of a text with the line and column that they stand at in their file.

Responsible for places. A piece that cannot be found again (it was put together by markdown) has
its line, and column 1.
"""

from __future__ import annotations

import re
from typing import Final

_TRIM: Final = re.compile(r"\s+")


class Lines:
    """The lines of a document, to find columns in."""

    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self.left_out: list[str] = []
        """What of the document was not read, in words."""

    def column(self, line: int, piece: str, after: int = 0) -> int:
        """The column, from 1, of the first occurrence in a line behind `after`; else 1."""
        shown = self._lines[line - 1] if 0 < line <= len(self._lines) else ""
        found = shown.find(piece, after)
        return found + 1 if found >= 0 else shown.find(piece.split("\n")[0].split(" ")[0]) + 1 or 1

    def first_with(self, piece: str, line: int) -> int:
        """The first line from `line` on that has a piece; `line` where none has."""
        found = (at for at, text in enumerate(self._lines[line - 1 :], line) if piece in text)
        return next(found, line)

    def at(self, line: int, text: str, offset: int) -> int:
        """The line of an offset into a text that begins in `line`."""
        return line + text.count("\n", 0, offset)


def parts(value: str) -> list[tuple[int, str]]:
    """A cell's pieces, at commas, semicolons, bars and around brackets, each with its offset.

    A comma inside a number is none, nor one inside a code span.
    """
    found: list[tuple[int, str]] = []
    start = 0
    for match in re.finditer(r"`[^`]{0,400}`|[,;|](?!\d)|[()\[\]\n]|\s[·•–—+]\s", value):
        if match.group().startswith("`"):
            continue
        found.append((start, value[start : match.start()]))
        start = match.end()
    found.append((start, value[start:]))
    kept = [(at + len(text) - len(text.lstrip()), text.strip()) for at, text in found]
    return [(at, text) for at, text in kept if _says_something(text)]


def _says_something(text: str) -> bool:
    return any(letter.isalnum() for letter in text)


def stands_in(piece: str, text: str, joined_by: str = "") -> bool:
    """Whether a text has a piece that is no part of a longer word or path."""
    start = text.find(piece)
    while start >= 0:
        before, after = text[start - 1 : start], text[start + len(piece) :][:1]
        if not (_joins(before, joined_by) or _joins(after, joined_by)):
            return True
        start = text.find(piece, start + 1)
    return False


def _joins(letter: str, joined_by: str) -> bool:
    return letter.isalnum() or (letter != "" and letter in joined_by)


def squeezed(text: str) -> str:
    """With single blanks, for comparison of quotations."""
    return _TRIM.sub(" ", text).strip().casefold()
