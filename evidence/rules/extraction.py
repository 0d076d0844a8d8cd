"""A number in a file that a program wrote: the same bytes give the same number to everybody. Pure.

Responsible for `[[metric]]` by JSON pointer, column and pattern, and for the words that say where
a number was found. Which file it is, and whether the pack holds its bytes, is the callers'.
"""

from __future__ import annotations

import bisect
import csv
import io
import math
import re
from collections.abc import Iterator
from typing import Any, Final

from evidence.encoding import jsonio
from evidence.encoding.pointer import parts_of
from evidence.errors import MalformedError
from evidence.records.milestone import MetricSpec
from evidence.records.record import Number, Record
from evidence.rules import patterns

MAX_TEXT_CHARS: Final = 100
MAX_LINES: Final = 1_000_000
MOST_ZEROS: Final = 300
"""Of the unit of a last digit: a larger one is no float."""
_NUMBER: Final = re.compile(r"[+-]?(?:\d[\d_]*+\.?\d*+|\.\d++)(?:[eE][+-]?\d{1,4})?")
_WORD: Final = re.compile(r"(?<![\w.])[+-]?[\w.]++(?:(?<=[eE])[+-]\d++)?")
"""What may be a number: possessive, so that time stays linear in any line."""
MAX_LINE_CHARS: Final = 4_096
"""Of a line that a pattern is looked for in."""


class Extracted(Record):
    """A number, as it stands in the file, and where."""

    value: Number
    text: str
    place: str


def extract(data: bytes, name: str, spec: MetricSpec) -> Extracted:
    """The number that `spec` means in the bytes of a file called `name`.

    Raises MalformedError with what is not there.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise MalformedError(f"is not UTF-8 (byte {error.start})") from error
    if spec.pointer is not None:
        return _by_pointer(text, name, spec.pointer, spec.row)
    if spec.column is not None:
        return _by_column(text, spec.column, spec.row)
    return _by_pattern(text, str(spec.pattern), spec.row)


def _by_pointer(text: str, name: str, pointer: str, row: int) -> Extracted:
    where = ""
    if name.endswith((".jsonl", ".ndjson")):
        lines = [(number, line) for number, line in _lines(text) if line.strip()]
        number, text = _chosen(lines, row, "line")
        where = f"line {number}, "
    value: Any = jsonio.load_document(text.encode("utf-8"))
    for key in parts_of(pointer):
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and re.fullmatch(r"-?[0-9]{1,9}", key):
            try:
                value = value[int(key)]
            except IndexError:
                raise MalformedError(f"{pointer} goes past the end of a list") from None
        else:
            raise MalformedError(f"has no {pointer}: there is no {key[:MAX_TEXT_CHARS]!r}")
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise MalformedError(f"{pointer} is no number")
    shown = value.strip() if isinstance(value, str) else jsonio.dump_text(value)
    return Extracted(number_of(shown), shown, f"{where}{pointer or '(all of it)'}")


def _by_column(text: str, column: str, row: int) -> Extracted:
    header = text.partition("\n")[0]
    delimiter = max(",\t;", key=header.count)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise MalformedError(f"is no table: {error}") from error
    names = [one.strip() for one in rows[0]] if rows else []
    if column not in names:
        known = ", ".join(names[:20])[: 2 * MAX_TEXT_CHARS]
        raise MalformedError(f"has no column {column!r}; there are: {known or 'none'}")
    filled = [(number, one) for number, one in enumerate(rows[1:], 2) if any(one)]
    number, cells = _chosen(filled, row, "row")
    place = names.index(column)
    shown = cells[place].strip() if place < len(cells) else ""
    return Extracted(number_of(shown), shown, f"row {number}, column {column}")


def _by_pattern(text: str, pattern: str, row: int) -> Extracted:
    found: list[tuple[int, str]] = []
    for number, whole in _lines(text):
        line = whole[:MAX_LINE_CHARS]
        if patterns.found(pattern, line):
            shown = _number_at(pattern, line)
            if shown is not None:
                found.append((number, shown))
    number, shown = _chosen(found, row, "match with a number")
    return Extracted(number_of(shown), shown, f"line {number}")


def _number_at(pattern: str, line: str) -> str | None:
    """The first number of a line that the match reaches into, or that follows it."""
    words = [(one, one[0].rstrip(".")) for one in _WORD.finditer(line)]
    tokens = [(one.start() + len(text), text) for one, text in words if _is_number(text)]
    first = bisect.bisect_left(
        tokens, True, key=lambda one: patterns.found(pattern, line[: one[0]])
    )
    return tokens[first][1] if first < len(tokens) else None


def _is_number(text: str) -> bool:
    return len(text) <= MAX_TEXT_CHARS and _NUMBER.fullmatch(text) is not None


def _lines(text: str) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(text.split("\n"), 1):
        if number > MAX_LINES:
            return
        yield number, line.rstrip("\r")


def _chosen(found: list[tuple[int, Any]], row: int, what: str) -> tuple[int, Any]:
    if not -len(found) <= row < len(found):
        raise MalformedError(f"has {len(found)} {what}{'' if len(found) == 1 else 's'}, not {row}")
    return found[row]


def number_of(text: str) -> Number:
    """A number as people write it in files. Raises MalformedError."""
    if not _is_number(text) or not math.isfinite(float(text.replace("_", ""))):
        raise MalformedError(f"{text[:MAX_TEXT_CHARS]!r} is no number")
    plain = text.replace("_", "")
    return int(plain) if re.fullmatch(r"[+-]?\d{1,18}", plain) else float(plain)


def agrees(told: str, value: float, relative: float = 1e-12) -> bool:
    """Whether a number, rounded to the digits that were told, is what was told: within half a unit
    of the last digit, and a relative difference more."""
    try:
        number = float(told.replace("_", ""))
    except ValueError:
        return False
    mantissa, _, exponent = told.lower().partition("e")
    decimals = len(mantissa.partition(".")[2]) - (int(exponent) if exponent else 0)
    if not math.isfinite(number) or decimals < -MOST_ZEROS:
        return number == value
    half = max(0.5 * 10.0**-decimals, 5e-324)
    return abs(number - value) <= half * (1 + 1e-9) + relative * abs(value)
