"""What the index holds of one pack, and reading it.

Responsible for reading as verify reads: within its limits, the sealed set whole and by its digests,
nothing of it run. Checks of what documents say together, of the summary and of the origin are not
made here: an entry says when it was read and at what root digest, and is no verdict.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence.errors import UnsafePackError
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.records.finding import PackState
from evidence.records.inputs import InputsRecord, ModelRecord
from evidence.records.record import Number, Record
from evidence.records.run import ValueRecord
from evidence.text.escape import one_line
from evidence.text.package_name import normalised
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import walk
from evidence.verification.several import Unread, sealed_or_why

MAX_WORDS_CHARS: Final = 1000
"""Of a value that is a text; a longer one is held up to here."""


class ValueEntry(Record):
    """A value of results.json. Neither number nor words: it was not measured."""

    name: str
    number: Number | None
    words: str | None
    level: str


class Entry(Record):
    """One pack as it was read at one moment. What it does not say is None or empty."""

    stamp: str
    """Changes with any name, size or time of its files; empty where that could not be told."""
    state: PackState
    reason: str
    """Why it is not `read`."""
    read_utc: str
    root_sha256: str | None = None
    milestone: str | None = None
    status: str | None = None
    origin: str | None = None
    stand_in: bool | None = None
    attempt: str | None = None
    commit: str | None = None
    packages: tuple[tuple[str, str], ...] = ()
    """Normalised name and version, of the Python that its workers ran under."""
    data: tuple[tuple[str, str], ...] = ()
    """SHA-256 and name of each data set, and of each file of one."""
    models: tuple[str, ...] = ()
    values: tuple[ValueEntry, ...] = ()


def read_unless(asked: tuple[Path, str]) -> Entry | None:
    """The entry of a pack; None where its files are those of the stamp it was read at before."""
    path, known_stamp = asked
    stamp = stamp_of(path)
    if stamp and stamp == known_stamp:
        return None
    return entry_of(path, stamp)


def stamp_of(path: Path) -> str:
    """A digest of names, sizes and times of all files of a pack; no file is opened."""
    state = hashlib.sha256()
    try:
        with SafeDirectory(path) as root:
            tree = walk(root)
    except (OSError, UnsafePackError):
        return ""
    for name, status in sorted(tree.files.items()):
        line = f"{name}\0{status.size_bytes}\0{status.modified_ns}\n"
        state.update(line.encode("utf-8", "surrogateescape"))
    for problem in tree.problems:
        state.update(f"{problem.address}\0{problem.code}\n".encode("utf-8", "surrogateescape"))
    return state.hexdigest()


def entry_of(path: Path, stamp: str) -> Entry:
    """Read a pack, or why it cannot be."""
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    sealed = sealed_or_why(path)
    if isinstance(sealed, Unread):
        return Entry(stamp, sealed.state, one_line(sealed.reason, MAX_WORDS_CHARS), now)
    return _entry(Entry(stamp, "read", "", now, sealed.root_sha256), sealed.documents)


def _entry(begun: Entry, documents: PackDocuments) -> Entry:
    manifest, results = documents.manifest, documents.results
    told = {} if results is None else results.values
    begun = replace(begun, values=tuple(_value(name, one) for name, one in told.items()))
    if manifest is not None:
        begun = replace(
            begun,
            milestone=manifest.milestone,
            status=manifest.status,
            origin=manifest.origin,
            stand_in=manifest.stand_in if isinstance(documents, Documents) else None,
            attempt=manifest.attempt,
            commit=manifest.commit if isinstance(manifest.commit, str) else None,
        )
    return _of_a_run(begun, documents) if isinstance(documents, Documents) else begun


def _of_a_run(begun: Entry, documents: Documents) -> Entry:
    installed = documents.packages_used[1].packages
    inputs = list(_inputs(documents))
    return replace(
        begun,
        packages=tuple(
            sorted({(normalised(one.name), one.version) for one in installed if not one.shadowed})
        )
        if isinstance(installed, tuple)
        else (),
        data=tuple(sorted({one for record in inputs for one in _data(record)})),
        models=tuple(
            sorted({one.model.id for one in inputs if isinstance(one.model, ModelRecord)})
        ),
    )


def _inputs(documents: Documents) -> Iterator[InputsRecord]:
    yield documents.inputs
    yield from (one for one in documents.of_stages.values() if isinstance(one, InputsRecord))


def _data(record: InputsRecord) -> Iterator[tuple[str, str]]:
    for name, one in record.data.items():
        yield one.sha256, name
        yield from ((file.sha256, name) for file in one.files)


def _value(name: str, record: ValueRecord) -> ValueEntry:
    value = record.value
    if isinstance(value, bool):
        return ValueEntry(name, None, str(value).lower(), record.level)
    if isinstance(value, str):
        return ValueEntry(name, None, value[:MAX_WORDS_CHARS], record.level)
    return ValueEntry(name, value, None, record.level)
