"""Form of every document: strict JSON, canonical bytes, our own schema, line by line.

Responsible for the three checks on form and for addresses of what they find. Meaning is left to
`consistency`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio, schema
from evidence.errors import MalformedError, PastLimitError
from evidence.milestone.parse import parse_milestone
from evidence.pack import journal
from evidence.pack.documents import Documents, parse_documents
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


@lru_cache(maxsize=64)
def _remembered(path: str, data: bytes) -> tuple[Problem, ...]:
    return tuple(_document_problems(path, data))


def _document_problems(path: str, data: bytes) -> Iterator[Problem]:
    name = schema_for(path)
    if name is None:
        return
    try:
        for line, value, canonical in _values(path, data):
            errors = schema.validate(name, value)
            if canonical and not errors:
                continue
            where = f"{path}#L{line}" if line else path
            if not canonical:
                text = "says the same in other bytes than the canonical form (keys sorted, LF)"
                yield Problem(where, text, code="not-canonical")
            if errors:
                yield from _schema_problems(name, value, where, errors)
    except MalformedError as error:
        where = f"{path}#L{error.line}" if error.line else path
        yield Problem(where, error.message, severity=_severity(error), code=_code(error))


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


def chain_problems(contents: Mapping[str, bytes]) -> Iterator[Problem]:
    """The journal's numbers and its hash chain: each event carries the digest of the one before."""
    yield from _parsed(layout.JOURNAL, contents, lambda data: list(journal.read(data)))


def build_documents(
    contents: Mapping[str, bytes], sizes: Mapping[str, int], digests: Mapping[str, str]
) -> Documents | Problem:
    """The typed records of the pack, or the first place where they do not fit."""
    try:
        return parse_documents(contents, sizes, digests)
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
        where = f"{path}#L{error.line}" if error.line else path
        yield Problem(where, error.message, severity=_severity(error), code=_code(error))


def _utf8(data: bytes) -> None:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalformedError(f"not UTF-8 at byte {error.start}") from error


def _severity(error: MalformedError) -> Severity:
    return "refused" if isinstance(error, PastLimitError) else "error"


def _code(error: MalformedError) -> str:
    return "past-limit" if isinstance(error, PastLimitError) else "malformed"
