"""What the lines of an author's text are: paragraphs, items of lists, headings, code. Pure.

Responsible for reading a text once, line by line, into passages that end where the text ends,
whatever it opened. How a passage is shown is the `gate`'s.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, Literal

from evidence.records.record import Record

MAX_DEPTH: Final = 4
"""Lists in lists; what is deeper is an item of the deepest."""

_ITEM: Final = re.compile(r" *([-*+]|[0-9]{1,9}[.)])(?: +(\S.*)|)")
_RULE: Final = re.compile(r" *([-*_])(?: *\1){2,} *")
_FENCE: Final = re.compile(r" *+(`{3,}+(?=[^`]*$)|~{3,}+)(.*+)")
_HEADING: Final = re.compile(r" *+#{1,6}+(?: ++(.*+)|)")
_BROKEN: Final = re.compile(r"[|>]")
"""How lines of tables and quotations begin, which are shown line by line."""
_TAB: Final = 4


class Passage(Record):
    """A paragraph, a heading or some lines of code."""

    form: Literal["words", "heading", "code"]
    lines: tuple[str, ...]
    """Without the spaces before them. Two spaces at the end of one: the next stays a line."""
    depth: int = 0
    """In how many lists it is."""
    mark: str = ""
    """What begins its item; empty for what is no first passage of an item."""
    follows_at_once: bool = False
    """An item behind an item of the same kind and depth, without an empty line between."""


class _Reader:
    """Lines read so far: the passage under way, and the lists that it is in."""

    def __init__(self) -> None:
        self._open: Passage | None = None
        self._lines: list[str] = []
        self._lists: list[tuple[int, int]] = []
        self._last_item: tuple[int, bool] | None = None
        self.fence = ""
        self.after_blank = True

    @property
    def depth(self) -> int:
        return len(self._lists)

    def end(self) -> Iterator[Passage]:
        """The passage under way, if there is one."""
        if self._open is not None and self._lines:
            yield Passage(
                self._open.form,
                tuple(self._lines),
                self._open.depth,
                self._open.mark,
                self._open.follows_at_once,
            )
        self._open, self._lines = None, []

    def line(self, form: Literal["words", "heading", "code"], text: str) -> Iterator[Passage]:
        """A line that goes on with the passage, or begins another one."""
        if self._open is None or self._open.form != form:
            yield from self.end()
            self._open = Passage(form, (), self.depth)
            self._last_item = None
        elif self._lines and _BROKEN.match(text):
            self._lines[-1] = f"{self._lines[-1].rstrip()}  "
        self._lines.append(text)

    def item(self, indent: int, inside: int, mark: str, text: str) -> Iterator[Passage]:
        """A line that begins an item of the list that it is indented like."""
        yield from self.end()
        while self._lists and indent < self._lists[-1][0]:
            self._lists.pop()
        deeper = not self._lists or indent >= self._lists[-1][1]
        if deeper and self.depth < MAX_DEPTH:
            self._lists.append((indent, inside))
        else:
            self._lists[-1] = (self._lists[-1][0], inside)
        kind = (self.depth, mark in "-*+")
        at_once = kind == self._last_item and not self.after_blank
        self._open = Passage("words", (), self.depth, mark, at_once)
        self._last_item = kind
        self._lines.append(text)

    def leave_lists(self, indent: int = 0) -> None:
        """End the lists that a line with so many spaces before it is not in."""
        while self._lists and indent < self._lists[-1][1]:
            self._lists.pop()


def passages(text: str) -> Iterator[Passage]:
    """The passages of a text, in order."""
    reader = _Reader()
    for raw in text.split("\n"):
        line = raw.expandtabs(_TAB)
        if reader.fence:
            yield from _fenced(line, reader)
        elif not line.strip():
            yield from reader.end()
            reader.after_blank = True
        else:
            yield from _read(line, reader)
            reader.after_blank = False
    yield from reader.end()


def _fenced(line: str, reader: _Reader) -> Iterator[Passage]:
    closing = _FENCE.fullmatch(line)
    if closing and closing[1].startswith(reader.fence) and not closing[2].strip():
        yield from reader.end()
        reader.fence = ""
    elif line.strip():
        yield from reader.line("code", line.rstrip())
    else:
        yield from reader.end()


def _read(line: str, reader: _Reader) -> Iterator[Passage]:
    indent = len(line) - len(line.lstrip(" "))
    text = line.strip() + ("  " if line.endswith("  ") else "")
    item = None if _RULE.fullmatch(line) else _ITEM.fullmatch(line.rstrip())
    if reader.after_blank and item is None:
        reader.leave_lists(indent)
    opened, heading = _FENCE.fullmatch(line), _HEADING.fullmatch(line)
    if opened:
        yield from reader.end()
        reader.fence = opened[1]
    elif heading:
        yield from reader.end()
        reader.leave_lists()
        yield from reader.line("heading", (heading[1] or "").rstrip().rstrip("#").rstrip())
        yield from reader.end()
    elif item is not None and item[2]:
        end = "  " if line.endswith("  ") else ""
        yield from reader.item(indent, item.start(2), item[1], item[2] + end)
    else:
        yield from reader.line("words", text)
