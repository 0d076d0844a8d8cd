"""Rows that Trainer and its kin print: a Python dictionary a line, flat, numbers bare or quoted.

Of transformers 4 (`{'loss': 0.66, 'epoch': 1.5}`) and 5 (every value a quoted string), TRL,
axolotl, Unsloth. A console may have wrapped a row at its width: it is joined again. An object of
JSON in a line of a log is one too, nested or not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, TypeAlias

from evidence.foreign import numbers
from evidence.foreign.facts import MAX_TEXT_CHARS, Fact, Place, Value
from evidence.foreign.lines import Line
from evidence.foreign.tables import fact, json_of, leaves, step_of
from evidence.records.record import Number

MAX_ROW_CHARS: Final = 20_000
MAX_ROW_LINES: Final = 60
MAX_BROKEN_CHARS: Final = 400
"""Of a pair that a console may have broken: its name and its value are shorter."""
MAX_SPENT: Final = 20_000_000
"""Characters of lines that were joined: what breaks off in every line is no log of rows."""
COST_OF_A_JOIN: Final = 100
_OPEN: Final = re.compile(r"\{\s*['\"]")
_PAIR: Final = re.compile(
    r"\s*(['\"])(?P<name>[^'\"]{1,120})\1\s*:\s*"
    r"(?:(['\"])(?P<quoted>[^'\"]{0,200})\3|(?:tensor|array|(?:np|numpy)\.\w{1,20})\((?P<held>[^\s,)]{1,40})[^)]{0,80}\)"
    r"|(?P<bare>[^\s,}{\[\]'\"]{1,60}))\s*(?P<end>,\s*\}?|\})"
)
Pair: TypeAlias = tuple[str, Value, str]
Found: TypeAlias = tuple[Line, list[Fact]]
"""A line with the row that begins in it; a line without one has no facts."""


class Rows:
    """Takes lines in order, gives them back with the rows that were found in them."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._waiting: list[Line] = []
        self._number = 0
        self._spent = 0

    def take(self, line: Line) -> Iterator[Found]:
        """What is settled by one more line."""
        if not self._waiting and "{" not in line.text:
            yield line, []
            return
        self._waiting.append(line)
        while self._waiting:
            found = self._row()
            if found is None:  # it may go on in the next line
                return
            yield found

    @property
    def notes(self) -> Iterator[str]:
        """What was given up."""
        if self._spent > MAX_SPENT:
            yield "holds too many rows that break off: those that a console wrapped are not joined"

    def end(self) -> Iterator[Found]:
        """What was waited for in vain."""
        yield from ((line, []) for line in self._waiting)

    def _row(self) -> Found | None:
        """The row that begins in the first line; None where more lines are needed to tell."""
        first = self._waiting[0]
        start = _OPEN.search(first.text)
        if start is None:
            del self._waiting[0]
            return first, []
        joined = first.text[start.start() :]
        if len(self._waiting) > 1:
            joined += "".join(line.text for line in self._waiting[1:])
            self._spent += len(joined) + COST_OF_A_JOIN
        pairs, end, is_whole = _pairs(joined)
        if not is_whole:
            left = joined[end:]
            if self._may_go_on(joined, left):
                return None
            return self._nested(first, start.start())
        last = self._waiting[-1]
        rest = joined[end:].strip()
        self._waiting = [Line(last.number, rest)] if _OPEN.search(rest) else []
        return first, self._facts(pairs, first)

    def _may_go_on(self, joined: str, left: str) -> bool:
        """Whether the next line may complete what is left of a row."""
        return (
            self._spent <= MAX_SPENT
            and len(joined) <= MAX_ROW_CHARS
            and len(self._waiting) <= MAX_ROW_LINES
            and len(left) <= MAX_BROKEN_CHARS
            and not any(mark in left[1:] for mark in "}{[")
            and left.lstrip()[:1] in ("", "'", '"')
        )

    def _nested(self, first: Line, start: int) -> Found:
        """What begins like a row and is none that is flat: an object of JSON, or nothing."""
        del self._waiting[0]
        text = first.text[start:].rstrip()
        if not text.endswith("}") or first.is_cut or text.startswith("{'"):
            return first, []
        try:
            value = json_of(text)
        except (ValueError, RecursionError):
            return first, []
        step = step_of(value)
        self._number += 1
        place = Place(self._file, first.number)
        row = self._number - 1
        return first, [_leaf(name, leaf, place, row, step) for name, leaf in leaves(value)]

    def _facts(self, pairs: list[Pair], first: Line) -> list[Fact]:
        if not pairs:
            return []
        named = {name: value for name, value, _ in reversed(pairs)}
        step = step_of(named)
        place, row = Place(self._file, first.number), self._number
        self._number += 1
        return [Fact(name, value, text, place, row, step) for name, value, text in pairs]


def _leaf(name: str, leaf: object, place: Place, row: int, step: Number | None) -> Fact:
    if isinstance(leaf, str):  # fairseq quotes its numbers
        return Fact(name, numbers.read(leaf), leaf[:MAX_TEXT_CHARS], place, row, step)
    return fact(name, leaf, place, row, step)


def _pairs(text: str) -> tuple[list[Pair], int, bool]:
    """Names and values from an opening brace; where they end, and whether with a closing one."""
    at, found = 1, []
    while pair := _PAIR.match(text, at):
        said = pair["quoted"] or pair["held"] or pair["bare"] or ""
        found.append((pair["name"], numbers.read(said), said))
        at = pair.end()
        if pair["end"].endswith("}"):
            return found, at, True
    return found, at, False
