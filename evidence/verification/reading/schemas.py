"""Form of every document: strict JSON, canonical bytes, our own schema, line by line.

Responsible for the three checks on form and for addresses of what they find. Meaning is left to
`consistency`.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from mmap import mmap
from typing import Any, Final

from msgspec import Struct, field

from evidence import layout
from evidence.encoding import jsonio, schema
from evidence.errors import MalformedError, PastLimitError
from evidence.milestone.parse import parse_milestone
from evidence.pack import journal
from evidence.pack.documents import Documents, parse_documents, rows_of
from evidence.records.finding import Severity
from evidence.stages.registry import schema_for
from evidence.verification.problem import Problem

_REMEMBERED_BYTES: Final = 128 << 10
_FORMAT: Final = re.compile(r"([a-z-]+)\.v([0-9]{1,6})")


def document_problems(path: str, data: bytes) -> Iterator[Problem]:
    """Everything wrong with the form of one JSON document or JSON lines file.

    What was found in a small one is remembered: who verifies many packs, or one pack many times,
    meets the same bytes again.
    """
    if len(data) <= _REMEMBERED_BYTES:
        yield from _remembered(path, data)
    else:
        yield from _document_problems(path, data)


class RowsRead(Struct):
    """What was read of long JSON lines files, whose bytes are not kept."""

    records: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    misfits: dict[str, Problem] = field(default_factory=dict)
    """The first row of a file that is no record."""


def rows_problems(path: str, pieces: deque[mmap], read: RowsRead) -> Iterator[Problem]:
    """The same of a JSON lines file in pieces, which are let go on the way.

    Its records are in `read` afterwards; not so where a line could not be read or does not fit, or
    where more is wrong than anybody asked for.
    """
    name, records = str(schema_for(path)), rows_of(path)
    try:
        for line, text in jsonio.iter_lines_of(_let_go(pieces)):
            value, canonical = jsonio.read_row(text, line)
            errors = schema.validate(name, value)
            if errors or not canonical:
                yield from _value_problems(name, f"{path}#L{line}", value, errors, canonical)
            if path not in read.misfits:
                try:
                    records.take(value)
                except MalformedError as error:
                    read.misfits[path] = _record_invalid(path, error.message, line)
    except MalformedError as error:
        yield _malformed(path, error)
        return
    if path not in read.misfits:
        read.records[path] = records.taken()


def _let_go(pieces: deque[mmap]) -> Iterator[bytes]:
    """Their bytes, each piece back with the system once its lines are given."""
    while pieces:
        yield pieces.popleft()[:]


@lru_cache(maxsize=64)
def _remembered(path: str, data: bytes) -> tuple[Problem, ...]:
    return tuple(_document_problems(path, data))


def _document_problems(path: str, data: bytes) -> Iterator[Problem]:
    name = schema_for(path)
    if name is None:
        return
    try:
        for line, value, canonical in _values(path, data):
            where, errors = f"{path}#L{line}" if line else path, schema.validate(name, value)
            yield from _value_problems(name, where, value, errors, canonical)
    except MalformedError as error:
        yield _malformed(path, error)


def _value_problems(
    name: str, where: str, value: Any, errors: Sequence[schema.SchemaError], canonical: bool
) -> Iterator[Problem]:
    if not canonical:
        text = "says the same in other bytes than the canonical form (keys sorted, LF)"
        yield Problem(where, text, code="not-canonical")
    if errors:
        yield from _schema_problems(name, value, where, errors)


def _values(path: str, data: bytes) -> Iterator[tuple[int, Any, bool]]:
    """Line (0: the whole file is one document), value, and whether the bytes are canonical."""
    if not path.endswith(".jsonl"):
        yield 0, *jsonio.read_document(data)
        return
    for number, line in jsonio.iter_lines(data):
        yield number, *jsonio.read_row(line, number)


def text_problems(contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """milestone.toml as a milestone, notes.md as UTF-8, the journal as one unbroken chain."""
    yield from _parsed(layout.MILESTONE, contents, parse_milestone)
    yield from _parsed(layout.NOTES, contents, _utf8)


def chain_problems(contents: Mapping[str, bytes], read: RowsRead) -> Iterator[Problem]:
    """The journal's numbers and its hash chain: each event carries the digest of the one before.

    Its events are in `read` afterwards if all is well.
    """

    def keep(data: bytes) -> None:
        read.records[layout.JOURNAL] = tuple(journal.read(data))

    yield from _parsed(layout.JOURNAL, contents, keep)


def build_documents(
    contents: Mapping[str, bytes],
    sizes: Mapping[str, int],
    digests: Mapping[str, str],
    read: RowsRead,
) -> Documents | Problem:
    """The typed records of the pack, or the first place where they do not fit."""
    try:
        return parse_documents(contents, sizes, digests, read.records)
    except MalformedError as error:
        path = max(
            (path for path in contents if error.message.startswith(path)),
            key=len,
            default=error.message.partition(":")[0],
        )
        where = f"{path}#L{error.line}" if error.line else path
        return Problem(where, error.message, severity=_severity(error), code="record-invalid")
    except UnicodeDecodeError as error:
        text = f"not UTF-8 at byte {error.start}"
        return Problem(layout.NOTES, text, code="record-invalid")


def _schema_problems(
    name: str, value: Any, where: str, errors: Sequence[schema.SchemaError]
) -> Iterator[Problem]:
    newer = _newer_format(name, value)
    if newer is not None:
        text = f"is of the format {newer}, newer than this evidence-pack knows: install a newer one"
        yield Problem(where, text, name, newer, "refused", "newer-format")
        return
    for error in errors:
        pointer = "" if error.pointer == "/" else error.pointer
        address = f"{where}{pointer}" if "#" in where else f"{where}#{pointer}"
        yield Problem(address, error.message, code="schema")


def _newer_format(name: str, value: Any) -> str | None:
    found = value.get("schema") if isinstance(value, dict) else None
    kind, _, version = name.rpartition(".v")
    match = _FORMAT.fullmatch(found) if isinstance(found, str) else None
    if match and match[1] == kind and int(match[2]) > int(version):
        return found
    return None


def _parsed(
    path: str, contents: Mapping[str, bytes], parse: Callable[[bytes], object]
) -> Iterator[Problem]:
    if path not in contents:
        return
    try:
        parse(contents[path])
    except MalformedError as error:
        yield _malformed(path, error)


def _utf8(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from error


def _malformed(path: str, error: MalformedError) -> Problem:
    where = f"{path}#L{error.line}" if error.line else path
    return Problem(where, error.message, severity=_severity(error), code=_code(error))


def _record_invalid(path: str, message: str, line: int) -> Problem:
    return Problem(f"{path}#L{line}", f"{path}:{line}: {message}", code="record-invalid")


def _severity(error: MalformedError) -> Severity:
    return "refused" if isinstance(error, PastLimitError) else "error"


def _code(error: MalformedError) -> str:
    return "past-limit" if isinstance(error, PastLimitError) else "malformed"
