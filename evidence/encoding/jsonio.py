"""JSON as this project writes and reads it: canonical out, strict in.

Canonical: keys sorted, UTF-8, LF, no NaN, two-space indent for documents, one line a row for
JSON lines. Strict: valid UTF-8 without BOM, no duplicate keys, no NaN or infinity, no lone
surrogates, bounded depth, bounded numbers. Leaves meaning to schemas and records.

Bytes that are canonical are strict too, and told so quickly: what orjson reads and writes again
to the very same bytes. Anything else is read by the exact reader, which names what is wrong.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from math import isfinite
from typing import Any, Final, NoReturn

import orjson

from evidence import limits
from evidence.errors import MalformedError, PastLimitError

_DOCUMENT: Final = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
_LINE: Final = orjson.OPT_SORT_KEYS
_ROW: Final = _LINE | orjson.OPT_APPEND_NEWLINE
_STRICT: Final = orjson.OPT_STRICT_INTEGER
_ODD: Final = object()
"""Stands for bytes that only the exact reader can judge."""
# Possessive, and an unterminated string ends with the data: time stays linear in any input.
_BRACKETS: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[{]|[\]}]', re.DOTALL)
_MAX_INT: Final = 2**63 - 1


def dump_document(value: object) -> bytes:
    """Canonical bytes of a JSON document. Floats keep full precision."""
    return _dumps(value, _DOCUMENT)


def dump_row(value: object) -> bytes:
    """Canonical bytes of one JSON line, LF included."""
    return _dumps(value, _ROW)


def dump_text(value: object) -> str:
    """The same as text, without its LF: a number in full precision, for a place of another form."""
    return dump_row(value)[:-1].decode("utf-8")


def _dumps(value: object, option: int) -> bytes:
    data = orjson.dumps(value, option=option)
    if b"null" in data:
        _refuse_non_finite(value)
    return data


def _refuse_non_finite(value: object) -> None:
    # orjson writes NaN as null, which would turn 'diverged' into 'not measured'.
    if isinstance(value, float) and not isfinite(value):
        raise MalformedError(f"{value} is not a JSON number; record a reason instead")
    if isinstance(value, (dict, list, tuple)):
        for part in value.values() if isinstance(value, dict) else value:
            if type(part) is not str and (type(part) is not float or not isfinite(part)):
                _refuse_non_finite(part)


def load_document(data: bytes) -> Any:
    """Parse one strict JSON document. Raises MalformedError."""
    return read_document(data)[0]


def read_document(data: bytes) -> tuple[Any, bool]:
    """The same, and whether the bytes are canonical."""
    if len(data) > limits.MAX_JSON_BYTES:
        raise PastLimitError(f"larger than {limits.MAX_JSON_BYTES} bytes")
    value = _canonical(data, _DOCUMENT | _STRICT) if _is_harmless_document(data) else _ODD
    if value is not _ODD:
        return value, True
    value = _parse(data, 0)
    return value, _dumps(value, _DOCUMENT) == data


def iter_rows(data: bytes) -> Iterator[tuple[int, Any]]:
    """Rows of a JSON lines file with their line numbers from 1. Raises MalformedError.

    Lines end with LF only; the last line must end too; empty lines are refused.
    """
    for number, line in iter_lines(data):
        yield number, load_row(line, number)


def load_row(line: bytes, number: int) -> Any:
    """Parse one line, its LF left out. Raises MalformedError with the line's number."""
    return read_row(line, number)[0]


def read_row(line: bytes, number: int) -> tuple[Any, bool]:
    """The same, and whether the bytes are canonical."""
    if line.count(b"[") + line.count(b"{") <= limits.MAX_JSON_DEPTH:
        value = _canonical(line, _LINE | _STRICT)
        if value is not _ODD:
            return value, True
    value = _parse(line, number)
    return value, _dumps(value, _LINE) == line


def iter_lines(data: bytes, most: int | None = None) -> Iterator[tuple[int, bytes]]:
    """Lines without their LF, numbered from 1, bounded in length and count.

    `most` is what a file of a pack may have, where not given.
    """
    most = limits.MAX_JSONL_LINES if most is None else most
    if data.count(b"\n") > most:
        raise PastLimitError(f"more than {most} lines")
    start, number = 0, 0
    while start < len(data):
        number += 1
        end = data.find(b"\n", start)
        if end < 0:
            raise MalformedError("the last line does not end with LF: cut off?", line=number)
        if not 0 < end - start <= limits.MAX_JSONL_LINE_BYTES:
            raise _odd_line(end - start, number)
        yield number, data[start:end]
        start = end + 1


def iter_lines_of(pieces: Iterable[bytes], most: int | None = None) -> Iterator[tuple[int, bytes]]:
    """The same of a file in pieces: one of them and a line are all that is held."""
    most = limits.MAX_JSONL_LINES if most is None else most
    number, open_line, longest = 0, b"", limits.MAX_JSONL_LINE_BYTES
    for piece in pieces:
        *ended, open_line = (open_line + piece).split(b"\n")
        for line in ended:
            number += 1
            if number > most:
                raise PastLimitError(f"more than {most} lines")
            if not 0 < len(line) <= longest:
                raise _odd_line(len(line), number)
            yield number, line
        if len(open_line) > longest:
            raise _odd_line(len(open_line), number + 1)
    if open_line:
        raise MalformedError("the last line does not end with LF: cut off?", line=number + 1)


def _odd_line(size_bytes: int, number: int) -> MalformedError:
    if size_bytes:
        return PastLimitError(f"longer than {limits.MAX_JSONL_LINE_BYTES} bytes", line=number)
    return MalformedError("empty line", line=number)


def _canonical(data: bytes, option: int) -> Any:
    """The value of canonical bytes; _ODD for all others, and for integers past 53 bits.

    Equal bytes leave no room for what is not strict: a key given twice, -0, 1e5, an escape that
    need not be one or a byte order mark would have been written otherwise, and orjson itself
    refuses NaN, infinity, overflow, lone surrogates and what is not UTF-8.
    """
    try:
        value = orjson.loads(data)
        same = orjson.dumps(value, option=option) == data
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return _ODD
    return value if same else _ODD


def _is_harmless_document(data: bytes) -> bool:
    """Whether it is bounded in values, and in depth if its bytes are canonical: two spaces a level.

    Two levels are left to the exact reader: an empty list takes no line of its own.
    """
    num_brackets = data.count(b"[") + data.count(b"{")
    return (
        num_brackets <= limits.MAX_JSON_BRACKETS
        and data.count(b",") <= limits.MAX_JSON_COMMAS
        and b"\n" + b"  " * (limits.MAX_JSON_DEPTH - 1) not in data
    )


def _parse(data: bytes, line: int) -> Any:
    if data.startswith(b"\xef\xbb\xbf"):
        raise MalformedError("starts with a byte order mark; write plain UTF-8", line=line)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}", line=line) from error
    _refuse_bombs(data, line)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_float,
            parse_int=_int,
        )
    except MalformedError as error:
        raise MalformedError(error.message, line=line) from error
    except json.JSONDecodeError as error:
        where = line or error.lineno
        raise MalformedError(f"not JSON: {error.msg} (column {error.colno})", line=where) from error
    if "\\u" in text:
        _refuse_surrogates(value, line)
    return value


def _refuse_bombs(data: bytes, line: int) -> None:
    num_brackets = data.count(b"[") + data.count(b"{")
    if num_brackets > limits.MAX_JSON_BRACKETS or data.count(b",") > limits.MAX_JSON_COMMAS:
        raise PastLimitError("more values than an honest document holds", line=line)
    if num_brackets <= limits.MAX_JSON_DEPTH:
        return
    depth = 0
    for match in _BRACKETS.finditer(data):
        token = match.group()
        if token in b"[{":
            depth += 1
            if depth > limits.MAX_JSON_DEPTH:
                raise PastLimitError(
                    f"nested deeper than {limits.MAX_JSON_DEPTH} levels", line=line
                )
        elif token in b"]}":
            depth -= 1


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        ((twice, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise MalformedError(f"key {twice[: limits.MAX_MESSAGE_CHARS]!r} appears twice")
    return value


def _no_constant(name: str) -> NoReturn:
    raise MalformedError(f"{name} is not a JSON number")


def _float(text: str) -> float:
    if len(text) > limits.MAX_NUMBER_CHARS:
        raise MalformedError(f"number longer than {limits.MAX_NUMBER_CHARS} characters")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise MalformedError(f"{text} is too large for a number")
    return value


def _int(text: str) -> int:
    if len(text) > limits.MAX_NUMBER_CHARS or abs(int(text)) > _MAX_INT:
        raise MalformedError("integer outside the 64-bit range")
    return int(text)


def _refuse_surrogates(value: Any, line: int) -> None:
    if isinstance(value, str):
        try:
            value.encode("utf-8")
        except UnicodeEncodeError as error:
            raise MalformedError("lone surrogate in a string", line=line) from error
    elif isinstance(value, dict):
        for key, part in value.items():
            _refuse_surrogates(key, line)
            _refuse_surrogates(part, line)
    elif isinstance(value, list):
        for part in value:
            _refuse_surrogates(part, line)
