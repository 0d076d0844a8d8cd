"""Comments of a page that speak of evidence, read as CommonMark reads them.

Responsible for where they stand, and which of them stand in code. None begins in another comment or
behind a backslash; code between backticks is looked for within a line, or a cell of a table. Time
is linear in the text. What a comment means is `marker`'s.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from typing import Final, Literal

from evidence.records.record import Record

Kind = Literal["markdown", "html"]
_OPEN: Final = re.compile(r"[ \t\r\n]*evidence[ \t\r\n]+(\S.*)", re.DOTALL)
_CLOSE: Final = re.compile(r"[ \t\r\n]*/evidence[ \t\r\n]*")
_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_TICKS: Final = re.compile(r"`+")
_BEGIN: Final = re.compile(r"<!--")
_SIGNS: Final = re.compile(r"\\.|`+|<!--")
_CELL: Final = re.compile(r"(?:\\.|[^|\\\r\n])+")
_END: Final = "-->"


class Comment(Record):
    """A comment that opens or closes a marker. `end` is behind it."""

    start: int
    end: int
    words: str
    """Of one that opens; empty for one that closes."""
    line: int
    column: int
    in_code: bool


def comments_in(text: str, kind: Kind) -> Iterator[Comment]:
    """Every comment of a page that opens or closes a marker, in order."""
    starts = [0, *(match.end() for match in _LINE_END.finditer(text))]
    for start, end, in_code in _Scanner(text, kind, starts).comments():
        words = _words_of(text[start + len("<!--") : end - len(_END)])
        if words is not None:
            line = bisect_right(starts, start)
            yield Comment(start, end, words, line, start - starts[line - 1] + 1, in_code)


def _words_of(body: str) -> str | None:
    """What an opening comment names; empty for a closing one; None for any other."""
    if _CLOSE.fullmatch(body):
        return ""
    match = _OPEN.fullmatch(body)
    return None if match is None else match[1].strip()


Span = tuple[int, int, bool]
"""Where a comment begins, where it has ended, and whether it stands in code."""


class _Scanner:
    """Goes through a page once, line by line; `_behind` is the end of the last comment."""

    def __init__(self, text: str, kind: Kind, starts: list[int]) -> None:
        self._text = text
        self._starts = starts
        self._behind = 0
        self._last_end = text.rfind(_END)
        """Behind it no comment is closed, and none is looked for: else each would go to the end."""
        self._code: set[int] = set()
        self._tables: set[int] = set()
        self._raw = set(range(len(starts))) if kind == "html" else set()
        if kind == "markdown":
            self._read_blocks()

    def _read_blocks(self) -> None:
        from markdown_it import MarkdownIt  # when a page is read only

        into = {
            "fence": self._code,
            "code_block": self._code,
            "html_block": self._raw,
            "table_open": self._tables,
        }
        parser = MarkdownIt("commonmark", {"maxNesting": 20}).enable("table")
        for token in parser.parse(self._text):
            if token.map is not None and token.type in into:
                into[token.type].update(range(*token.map))

    def comments(self) -> Iterator[Span]:
        """Every comment."""
        for number, start in enumerate(self._starts):
            last = number + 1 == len(self._starts)
            end = len(self._text) if last else self._starts[number + 1]
            start = max(start, self._behind)
            if number in self._code:
                yield from self._inside_code(start, end)
            elif number in self._raw:
                yield from self._plain(start, end, _BEGIN)
            elif number in self._tables:
                for cell in _CELL.finditer(self._text, start, end):
                    yield from self._plain(max(cell.start(), self._behind), cell.end(), _SIGNS)
            else:
                yield from self._plain(start, end, _SIGNS)

    def _inside_code(self, start: int, end: int) -> Iterator[Span]:
        while (start := self._text.find("<!--", start, end)) >= 0:
            closing = self._text.find(_END, start + 2, end)
            if closing < 0:
                return
            yield start, closing + len(_END), True
            start = closing + len(_END)

    def _plain(self, place: int, end: int, signs: re.Pattern[str]) -> Iterator[Span]:
        ticks = _Ticks(self._text, place, end)
        while place < end and (match := signs.search(self._text, place, end)) is not None:
            place = match.end()
            if match[0] == "<!--":
                # One that is not closed is text to its end; nor is any other behind it closed.
                if match.start() + 2 > self._last_end:
                    return
                closing = self._text.find(_END, match.start() + 2)
                place = self._behind = closing + len(_END)
                yield match.start(), place, False
            elif match[0].startswith("`"):
                behind = ticks.closing(place - match.start(), place)
                if behind is not None:
                    yield from self._inside_code(place, behind)
                    place = behind


class _Ticks:
    """Runs of backticks in a part of a line, by how many they are."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._ends: dict[int, list[int]] = {}
        for match in _TICKS.finditer(text, start, end):
            self._ends.setdefault(len(match[0]), []).append(match.end())
        for ends in self._ends.values():
            ends.reverse()

    def closing(self, count: int, place: int) -> int | None:
        """Behind the next run of so many from `place` on; None where there is none."""
        ends = self._ends.get(count, [])
        while ends and ends[-1] <= place:
            ends.pop()
        return ends[-1] if ends else None
