"""Rows of a text file: JSON lines, a JSON array, CSV and TSV, each with the line that it begins at.

Responsible for strictness and for exactness: what does not parse or convert is told, row by row,
and nothing is guessed. Which format a file is in is `formats`' to say, what a row has to have
`read`'s.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from evidence import limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.milestone import FileFormat
from evidence.records.record import Record

BOM: Final = b"\xef\xbb\xbf"
_SIGNS: Final[Mapping[FileFormat, str]] = {"csv": ",", "tsv": "\t"}
_INTEGER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)")
_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_BOOLEANS: Final = {"true": True, "false": False}
_MAX_INTEGER: Final = (1 << 63) - 1
_TOKEN: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"?+|[{}\[\]]', re.DOTALL)


class Unread(Record):
    """What stands in the place of a row that could not be read."""

    texts: tuple[str, ...]


Lines = Iterator[tuple[int, Any]]
"""Line at which a row begins, from 1, and its value, or Unread."""


def rows_of(data: bytes, kind: FileFormat, fields: Mapping[str, str]) -> Lines:
    """The rows of a JSON array or a table, unpacked. `fields`: the declared types, by which the
    text of a table is converted."""
    return _of_array(data) if kind == "json" else _of_table(data, _SIGNS[kind], fields)


def rows_of_lines(pieces: Iterable[bytes]) -> Lines:
    """The rows of JSON lines, unpacked, piece by piece."""
    try:
        for line, row in jsonio.iter_lines_of(_ended(pieces), limits.MAX_DATA_ROWS):
            try:
                yield line, jsonio.load_document(row.rstrip(b"\r"))
            except MalformedError as error:
                yield line, Unread((error.message,))
    except MalformedError as error:
        if not error.line:  # of all lines together
            raise
        yield error.line, Unread((error.message,))


def _ended(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """The same with a line end behind the last line, which people leave out."""
    last = b"\n"
    for piece in pieces:
        yield piece
        last = piece[-1:] or last
    if last != b"\n":
        yield b"\n"


def _of_array(data: bytes) -> Lines:
    """Row by row, so that a limit of one document is one of a row, as in JSON lines."""
    if data.startswith(BOM):
        yield 1, Unread(("starts with a byte order mark; write plain UTF-8",))
        return
    start = len(data) - len(data.lstrip())
    if data[start : start + 1] != b"[":
        text = "is not a JSON array: rows stand as objects between [ and ]"
        yield 1 + data.count(b"\n", 0, start), Unread((text,))
        return
    end, reached, is_closed = start + 1, start, False
    line = 1 + data.count(b"\n", 0, start)
    for num_before, (begin, stop) in enumerate(_top_level(data, start + 1)):
        between = data[end:begin].strip()
        line, reached = line + data.count(b"\n", reached, begin), begin
        is_closed = stop == begin + 1 and data[begin:stop] == b"]"
        wanted = b"" if is_closed or not num_before else b","
        if between != wanted:
            yield line, Unread((f"has {_short(between)} where {_wanted(wanted)}",))
            return
        end = stop
        if is_closed:
            break
        if num_before >= limits.MAX_DATA_ROWS:
            yield line, Unread((f"more than {limits.MAX_DATA_ROWS} rows",))
            return
        yield line, _element(data[begin:stop])
    if not is_closed or data[end:].strip():
        text = "goes on behind its ]" if is_closed else "its array does not end with ]: cut off?"
        yield line + data.count(b"\n", reached, len(data.rstrip())), Unread((text,))


def _top_level(data: bytes, start: int) -> Iterator[tuple[int, int]]:
    """Where each object or list of the array begins and ends, and at last its own bracket."""
    depth, begin = 0, 0
    for match in _TOKEN.finditer(data, start):
        sign = match.group()
        if sign in (b"{", b"["):
            begin = match.start() if depth == 0 else begin
            depth += 1
        elif sign in (b"}", b"]"):
            depth -= 1
            if depth <= 0:
                yield (begin, match.end()) if depth == 0 else (match.start(), match.end())
            if depth < 0:
                return


def _element(row: bytes) -> Any:
    if len(row) > limits.MAX_JSONL_LINE_BYTES:
        return Unread((f"longer than {limits.MAX_JSONL_LINE_BYTES} bytes",))
    try:
        return jsonio.load_document(row)
    except MalformedError as error:
        return Unread((error.message,))


def _short(between: bytes) -> str:
    said = between.decode("utf-8", "replace")
    return repr(said[:20] + ("…" if len(said) > 20 else "")) if said else "nothing"


def _wanted(sign: bytes) -> str:
    return "a comma has to stand" if sign else "a row, an object in braces, has to begin"


def _of_table(data: bytes, sign: str, fields: Mapping[str, str]) -> Lines:
    data = data.removeprefix(BOM)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        said = "not UTF-8; `iconv -f WINDOWS-1252 -t UTF-8` rewrites what Windows often writes"
        yield 1 + data.count(b"\n", 0, error.start), Unread((said,))
        return
    header: list[str] | None = None
    for line, cells in _records(text, sign):
        if isinstance(cells, Unread):
            yield line, cells
        elif header is None:
            wrong = tuple(_header_problems(cells, sign))
            if wrong:
                yield line, Unread(wrong)
                return
            header = cells
        elif not cells:
            yield line, Unread(("empty line",))
        elif len(cells) != len(header):
            said = f"has {len(cells)} fields, and the header names {len(header)}"
            yield line, Unread((said,))
        elif line - 1 > limits.MAX_DATA_ROWS:
            yield line, Unread((f"more than {limits.MAX_DATA_ROWS} lines",))
            return
        else:
            yield line, _converted(dict(zip(header, cells, strict=True)), fields)


def _records(text: str, sign: str) -> Iterator[tuple[int, list[str] | Unread]]:
    """Cells with the line at which they begin: a quoted cell may hold line ends."""
    reader = csv.reader(io.StringIO(text, newline="\n"), delimiter=sign, strict=True)
    while True:
        begins = reader.line_num + 1
        before = csv.field_size_limit(limits.MAX_JSONL_LINE_BYTES)
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            said = "its quotes do not end" if "unexpected end" in str(error) else str(error)
            yield begins, Unread((f"cannot be read as a row of fields: {said}",))
            return
        finally:
            csv.field_size_limit(before)
        yield begins, cells


def _header_problems(names: Sequence[str], sign: str) -> Iterator[str]:
    for number, name in enumerate(names, 1):
        if not name.strip():
            yield f"the header has no name for field {number}"
        elif name in names[: number - 1]:
            yield f"the header names {name!r} twice"
    other = next((one for one in (";", "\t", "|", ",") if one != sign and one in names[0]), None)
    if len(names) == 1 and other is not None:
        called = "a comma" if sign == "," else "a tab"
        yield f"the header is one field, {names[0][:60]!r}: {called} has to separate fields"


def _converted(row: dict[str, str], fields: Mapping[str, str]) -> dict[str, Any] | Unread:
    """Text as the types that are declared; what is not declared stays text."""
    made: dict[str, Any] = {}
    wrong: list[str] = []
    for name, text in row.items():
        declared = fields.get(name, "string")
        kind = declared.removesuffix("?")
        try:
            empty = not text and declared.endswith("?") and kind != "string"
            made[name] = None if empty else _value(text, kind)
        except ValueError as error:
            wrong.append(f"field {name!r} is {text[:60]!r}, {error}")
    return Unread(tuple(wrong)) if wrong else made


def _value(text: str, kind: str) -> Any:
    """Raises ValueError that says what was expected."""
    if kind == "boolean":
        if text.lower() not in _BOOLEANS:
            raise ValueError("declared as boolean: write true or false")
        return _BOOLEANS[text.lower()]
    if kind in ("integer", "number"):
        if _INTEGER.fullmatch(text) and len(text) <= limits.MAX_NUMBER_CHARS:
            if abs(int(text)) > _MAX_INTEGER:
                raise ValueError("outside the 64-bit range")
            return int(text)
        if kind == "number" and _NUMBER.fullmatch(text) and len(text) <= limits.MAX_NUMBER_CHARS:
            if not math.isfinite(float(text)):
                raise ValueError("too large for a number")
            return float(text)
        raise ValueError(f"declared as {kind}: no such number as JSON writes it")
    if kind in ("array", "object"):
        raise ValueError(f"declared as {kind}: the fields of a table are text")
    return text
