"""What a worker hands over whole: documents of its kind of stage, and files that it collected.

Responsible for holding them against their form and writing them; which event brings one is
`stage`'s.
"""

from __future__ import annotations

from base64 import b64decode
from binascii import Error
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.cut import cut
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.stages.kind import Document, Kind, Rows
from evidence.system.durable import Written, write_file
from evidence.text.escape import visible

T = TypeVar("T", bound=Record)
Clean = Callable[[str], str]
"""Cuts secrets and names out of a text."""


def write_document(
    folder: Path, document: Document[Any], event: dict[str, Any], clean: Clean
) -> dict[Path, Written]:
    """Write the record of an event; where, and what. Raises MalformedError."""
    value = event["record"]
    if document.cleaned:
        exact = {key: value[key] for key in document.exact if key in value}
        value = {**cleaned(value, clean), **exact}
    record = decode(document.record, value)
    return _written(folder / document.path, jsonio.dump_document(encode(record)))


def row_of(rows: Rows[T], event: dict[str, Any], clean: Clean) -> T:
    """The record of a row that an event brings. Raises MalformedError."""
    value = event["row"]
    return decode(rows.record, cleaned(value, clean) if rows.cleaned else value)


def write_collected(folder: Path, kind: Kind, event: dict[str, Any]) -> dict[Path, Written]:
    """Write a file below the folder of a kind; where, and what. Raises MalformedError."""
    path = f"{kind.folder}/{event['path']}"
    fits = kind.folder and layout.SEALED_PATH.fullmatch(path) is not None
    if not fits or len(path.encode()) > limits.MAX_PATH_BYTES:
        raise MalformedError(f"no name for a file of this stage: {path!r}")
    try:
        data = b64decode(event["data"], validate=True)
    except (Error, ValueError) as error:
        raise MalformedError(f"{path}: {error}") from error
    return _written(folder / path, data)


def cleaned(value: Any, clean: Clean) -> Any:
    """A JSON value without secrets and names in its texts."""
    if isinstance(value, str):
        return visible(cut(clean(value), limits.MAX_CAPTURED_CHARS)) if value else value
    if isinstance(value, list):
        return [cleaned(one, clean) for one in value]
    if isinstance(value, dict):
        return {cleaned(key, clean): cleaned(one, clean) for key, one in value.items()}
    return value


def _written(path: Path, data: bytes) -> dict[Path, Written]:
    write_file(path, data)
    return {path: Written(len(data), sha256_hex(data))}
