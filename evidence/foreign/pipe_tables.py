"""Tables of pipes in a log, as lm-eval and others print their results.

Responsible for one fact a cell with a number, under its column and the row that it stands in. A
page that has such tables is no log, and is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from evidence.foreign import numbers
from evidence.foreign.facts import MAX_NAME_CHARS, Fact, Place
from evidence.foreign.lines import Line

MAX_CHARS: Final = 4_000
_RULE: Final = re.compile(r"[|:\s+-]{3,4000}\Z")
_METRIC, _VALUE, _ERROR = "metric", "value", "stderr"
_OF: Final = ("tasks", "task", "groups", "filter")
"""Columns of lm-eval that say what a value is of; an empty cell repeats the one above."""


class PipeTable:
    """The table that the lines are in, if they are in one."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._names: list[str] = []
        self._above: list[str] = []
        self._last = 0

    def takes(self, line: Line) -> bool:
        """Whether a line is of a table: of one that goes on, or a header."""
        if not line.text.rstrip().endswith("|"):
            return False
        goes_on = self._names and line.number <= self._last + 1
        cells = _cells(line.text)
        if goes_on and len(cells) == len(self._names):
            self._last = line.number
            return True
        is_header = len(cells) > 1 and sum(map(bool, cells)) * 2 > len(cells)
        is_header = is_header and not any(_is_number(cell) for cell in cells)
        self._names = [cell[:MAX_NAME_CHARS] for cell in cells] if is_header else []
        self._above, self._last = [""] * len(cells), line.number
        return bool(self._names)

    def facts(self, line: Line) -> Iterator[Fact]:
        """The numbers of a row; none of a header or a rule."""
        cells = _cells(line.text)
        if _RULE.match(line.text[:MAX_CHARS]) or cells == self._names:
            return
        names = [name.lower() for name in self._names]
        if _METRIC in names and _VALUE in names:
            yield from self._of_evaluation(cells, names, Place(self._file, line.number))
            return
        scope = (cells[0][:MAX_NAME_CHARS],)
        for name, cell in zip(self._names[1:], cells[1:], strict=True):
            if _is_number(cell) and name:
                place = Place(self._file, line.number, name)
                yield Fact(name, numbers.with_unit(cell), cell, place, scope=scope)

    def _of_evaluation(self, cells: list[str], names: list[str], place: Place) -> Iterator[Fact]:
        """A row of lm-eval: the metric has a column of its own."""
        said = dict(zip(names, cells, strict=True))
        self._above = [
            above if name in _OF and not cell else cell
            for name, cell, above in zip(names, cells, self._above, strict=True)
        ]
        of = dict(zip(names, self._above, strict=True))
        scope = tuple(of[name].lstrip(" -")[:MAX_NAME_CHARS] for name in _OF if of.get(name))
        metric, _, filtered = said[_METRIC][:MAX_NAME_CHARS].partition(",")
        scope = (*scope, filtered) if filtered else scope
        for column, name in ((_VALUE, metric), (_ERROR, f"{metric}_stderr")):
            text = said.get(column, "")
            if metric and _is_number(text):
                yield Fact(name, numbers.read(text), text, place, scope=scope)


def _cells(text: str) -> list[str]:
    return [cell.strip(" *`") for cell in text[:MAX_CHARS].strip().strip("|").split("|")]


def _is_number(text: str) -> bool:
    value = numbers.with_unit(text)
    return isinstance(value, (int, float)) and not isinstance(value, bool)
