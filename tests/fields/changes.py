"""Another plausible value for each place of a pack's documents, put there as a forger would.

Responsible for which places there are, for what stands in each of them instead, and for the pack
being sealed and rendered wholly anew with it. What must come of it is the table's.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256
from typing import Any, Final

from evidence import layout
from evidence.records.record import Record
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from tests.fields.schemas import DOCUMENTS, REASON, Parts, field_of, words_at

_HEX: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_UTC: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")


class Place(Record):
    """One leaf of one document: the line of a JSON lines file (else 0) and the keys to it."""

    document: str
    field: str
    path: str
    line: int
    parts: Parts

    def __str__(self) -> str:
        """Its address."""
        line = f"L{self.line}" if self.line else ""
        return f"{self.path}#{line}/" + "/".join(map(str, self.parts))


def places(pack: ForgedPack) -> Iterator[Place]:
    """Every leaf of every document that has a value; a reason for having none is one too."""
    for path in pack.names:
        alike = (name for name in DOCUMENTS if name.count("/") == path.count("/"))
        document = next((name for name in alike if fnmatchcase(path, name)), None)
        if document is None:
            continue
        if path == layout.MILESTONE:
            rows = [(0, tomllib.loads(pack.file(path).decode("utf-8")))]
        else:
            value = pack.doc(path)
            rows = list(enumerate(value, 1)) if path.endswith(".jsonl") else [(0, value)]
        for line, row in rows:
            for parts in _leaves(row):
                known = parts[:-1] if parts[-1:] == (REASON,) else parts
                if parts[-1:] == (REASON,) and document != layout.RESULTS:
                    name = f"{field_of(document, known, row)}/{REASON}"
                else:
                    name = field_of(document, parts, row)
                yield Place(document, name, path, line, parts)


def changed(bench: Bench, place: Place) -> dict[str, bytes | None]:
    """Every file of the pack with another value at this place, and all that follows from it.

    What would follow differently is left as the forger wrote it.
    """
    pack = ForgedPack(bench)
    if place.path == layout.MILESTONE:
        document = tomllib.loads(pack.file(place.path).decode("utf-8"))
        _put(document, place, document)
        pack.replace(place.path, _toml(document).encode("utf-8"))
        pack.journal_milestone()
        return pack.seal().all_bytes()
    wanted = _put(_row(pack, place), place, _row(pack, place))
    pack.seal()
    if _get(_row(pack, place), place.parts) != wanted:
        _put(_row(pack, place), place, _row(pack, place), wanted)
        if place.field == "files/*/size_bytes" or place.field == "files/*/path":
            return pack.all_bytes()  # the manifest's own list
        pack.list_files()
    return pack.all_bytes()


def _row(pack: ForgedPack, place: Place) -> Any:
    value = pack.doc(place.path)
    return value[place.line - 1] if place.line else value


def _get(row: Any, parts: Parts) -> Any:
    for part in parts:
        row = row[part]
    return row


def _put(row: Any, place: Place, whole: Any, wanted: Any = None) -> Any:
    inner = _get(row, place.parts[:-1])
    if wanted is None:
        words: tuple[Any, ...] = ()
        if place.parts[-1] != REASON or place.document == layout.RESULTS:
            words = words_at(place.document, place.parts, whole)
        wanted = another(inner[place.parts[-1]], words)
    inner[place.parts[-1]] = wanted
    return wanted


def another(value: Any, words: tuple[Any, ...] = ()) -> Any:
    """A value of the same kind that could as well stand there."""
    if isinstance(value, bool):
        return not value
    if words:
        others = [one for one in words if one != value and one is not None]
        return others[0] if others else f"{value}x"
    if isinstance(value, int):
        return value + max(1, value // 10)
    if isinstance(value, float):
        return value * 1.1 or 0.5
    text = str(value)
    if _HEX.fullmatch(text):
        return sha256(text.encode()).hexdigest()[: len(text)]
    if _UTC.fullmatch(text):
        fraction = "%Y-%m-%dT%H:%M:%S.%fZ" if "." in text else "%Y-%m-%dT%H:%M:%SZ"
        return (
            datetime.strptime(text, fraction).replace(tzinfo=UTC) + timedelta(hours=1)
        ).strftime(fraction)
    return f"{text}x"


def _leaves(value: Any) -> Iterator[Parts]:
    pairs: Any = ()
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list):
        pairs = enumerate(value)
    elif value is not None:
        yield ()
    for key, inner in pairs:
        for parts in _leaves(inner):
            yield (key, *parts)


def _toml(value: Any, *, top: bool = True) -> str:
    if isinstance(value, dict):
        if top:
            return "".join(f"{_key(k)} = {_toml(v, top=False)}\n" for k, v in value.items())
        return "{" + ", ".join(f"{_key(k)} = {_toml(v, top=False)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_toml(one, top=False) for one in value) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        return f'"{escaped}"'
    return repr(value)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else f'"{name}"'
