"""Rows of JSON lines, CSV and TSV, and the leaves of JSON, YAML and TOML documents.

Responsible for one fact a cell or leaf, under its column or its path. Limits are met by cutting,
never by refusing the rest of a file that can be read.
"""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import Any, Final

from evidence.foreign import numbers
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Mark, Place, Value
from evidence.foreign.lines import Line
from evidence.records.record import Number

MAX_COLUMNS: Final = 2_000
MAX_DEPTH: Final = 12
MAX_LEAVES: Final = 5_000
"""Of one line; predictions and their token ids may be longer than what anyone claims of them."""
STEPS: Final = ("step", "global_step", "_step", "iter", "iteration", "current_steps", "steps")
_DECIMAL_COMMA: Final = re.compile(r"-?\d{1,15},\d{1,20}\Z")


class Written(float):
    """A number with the text it was written as."""

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> Written:
        """From its digits."""
        number = super().__new__(cls, text)
        number.text = text
        return number


def json_of(text: str) -> Any:
    """The value, with the digits of its numbers. Raises ValueError, RecursionError."""
    return json.loads(text, parse_float=Written, parse_constant=str)


class JsonRows:
    """Each line an object; other lines are passed over and counted."""

    marks: tuple[Mark, ...] = ()

    def __init__(self, lines: Iterable[Line], file: str) -> None:
        self._lines, self._file = lines, file
        self._num_broken = 0
        self._first_broken = 0

    @property
    def notes(self) -> Iterator[str]:
        """What was passed over."""
        if self._num_broken:
            yield (
                f"{self._num_broken} of its lines are no whole JSON objects (the first: line "
                f"{self._first_broken}), and are not read"
            )

    def facts(self) -> Iterator[Fact]:
        """In the order of the lines."""
        for row, line in enumerate(self._lines):
            text = line.text.strip().removeprefix("\ufeff")
            if not text:
                continue
            value = None
            if text.startswith("{") and not line.is_cut:
                try:
                    value = json_of(text)
                except (ValueError, RecursionError):
                    value = None
            if not isinstance(value, dict):
                self._num_broken += 1
                self._first_broken = self._first_broken or line.number
                continue
            step, place = step_of(value), Place(self._file, line.number)
            for name, leaf in islice(leaves(value), MAX_LEAVES):
                yield fact(name, leaf, place, row, step)


class Cells:
    """Cells under the names of the first row. A cell that is empty says nothing."""

    marks: tuple[Mark, ...] = ()

    def __init__(self, lines: Iterable[Line], file: str, delimiter: str) -> None:
        self._lines, self._file, self._delimiter = iter(lines), file, delimiter
        self._broken = ""

    @property
    def notes(self) -> Iterator[str]:
        """Where reading stopped."""
        if self._broken:
            yield self._broken

    def facts(self) -> Iterator[Fact]:
        """Row by row."""
        at = [0]

        def told() -> Iterator[str]:
            for line in self._lines:
                at[0] = line.number
                yield line.text

        first = next((text for text in told() if text.strip(" #\t")), "")
        delimiter = self._delimiter
        if delimiter == "," and first.count(";") > first.count(","):
            delimiter = ";"
        try:
            names, rows = _header(first, delimiter), _reader(told(), delimiter)
            rest: Iterable[list[str]] = rows
            if names and all(isinstance(numbers.read(name), (int, float)) for name in names):
                rest = chain([names], rows)
                names = [f"column {number}" for number in range(1, len(names) + 1)]
            for row, values in enumerate(rest):
                yield from self._row(names, values, row, at[0], delimiter)
        except csv.Error as error:
            self._broken = f"line {at[0]} is no row of a table ({error}): what follows is not read"

    def _row(
        self, names: list[str], values: list[str], row: int, line: int, delimiter: str
    ) -> Iterator[Fact]:
        pairs = [(k, v.strip()) for k, v in zip(names, values, strict=False) if k and v.strip()]
        steps = {k.lower(): numbers.read(v) for k, v in pairs if k.lower() in STEPS}
        step, place = step_of(steps), Place(self._file, line)
        for name, text in pairs:
            said = text[:MAX_TEXT_CHARS]
            yield Fact(name, _cell(said, delimiter), said, place, row, step)


def _header(text: str, delimiter: str) -> list[str]:
    shown = next(csv.reader([text.lstrip("\ufeff# ")], delimiter=delimiter), [])
    return [name.strip()[:MAX_NAME_CHARS] for name in shown][:MAX_COLUMNS]


def _reader(lines: Iterable[str], delimiter: str) -> Iterator[list[str]]:
    """Cells of lines. A quotation mark in a TSV is one that somebody typed."""
    if delimiter == "\t":
        return csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(lines, delimiter=delimiter)


def _cell(text: str, delimiter: str) -> Value:
    if delimiter == ";" and _DECIMAL_COMMA.match(text):
        return numbers.read(text.replace(",", "."))
    return numbers.with_unit(text)


def leaves(value: Any, name: str = "", depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Leaves with their paths, joined by dots: `model.layers.0`."""
    if isinstance(value, (dict, list)) and depth < MAX_DEPTH:
        items = value.items() if isinstance(value, dict) else enumerate(value)
        for key, item in items:
            yield from leaves(item, f"{name}.{key}" if name else str(key), depth + 1)
    elif not isinstance(value, (dict, list)):
        yield whole(name[-MAX_NAME_CHARS:]), value


def fact(
    name: str,
    value: Any,
    place: Place,
    row: int | None = None,
    step: Number | None = None,
    scope: tuple[str, ...] = (),
) -> Fact:
    """Of a parsed value."""
    name, scope = whole(name), tuple(map(whole, scope))
    if isinstance(value, Written):
        known = float(value) if math.isfinite(value) else value.text
        return Fact(name, known, value.text, place, row, step, scope)
    if value is None or isinstance(value, (bool, int, float)):
        return Fact(name, value, json.dumps(value), place, row, step, scope)
    text = whole(str(value)[:MAX_TEXT_CHARS])
    return Fact(name, numbers.lasting(name, text), text, place, row, step, scope)


def whole(text: str) -> str:
    """A text that can be written: JSON may spell half a character."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def step_of(value: Any) -> Number | None:
    """The step that a row says it is of."""
    if not isinstance(value, dict):
        return None
    for name in STEPS:
        found = value.get(name)
        if isinstance(found, (int, float)) and not isinstance(found, bool):
            return float(found) if isinstance(found, Written) else found
    return None
