"""The documents of an imported pack: bytes in, typed records out.

Responsible for the other kind of pack than `documents` is about: one made from files that existed
already. It has no journal, no environment and no attempt, since nothing of the run was observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeAlias

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import MalformedError, UsageError
from evidence.milestone.parse import parse_milestone
from evidence.pack.documents import Documents, RowsRead, parsed_at, required
from evidence.records.imported import (
    FindingRecord,
    FindingsRecord,
    ImportedRow,
    SourcesRecord,
)
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import ManifestRecord, ResultsRecord, WithheldRecord

_NONE_READ: Final[Mapping[str, RowsRead]] = {}


class Imported(Record):
    """Everything a summary or a check of an imported pack may look at, but the originals."""

    sizes: Mapping[str, int]
    digests: Mapping[str, str]
    """SHA-256 of every file in SHA256SUMS; empty while it is not sealed yet."""
    manifest: ManifestRecord
    sources: SourcesRecord
    rows: tuple[ImportedRow, ...]
    results: ResultsRecord
    findings: tuple[FindingRecord, ...]
    withheld: WithheldRecord
    milestone: Milestone | None
    """What it was imported with (`--milestone`): declared, and held against the files."""
    milestone_bytes: bytes | None = None


PackDocuments: TypeAlias = Documents | Imported
"""The documents of any pack."""


def parse_imported(
    contents: Mapping[str, bytes],
    sizes: Mapping[str, int],
    digests: Mapping[str, str],
    rows: Mapping[str, RowsRead] = _NONE_READ,
) -> Imported:
    """Records of an imported pack. Raises MalformedError as `parse_documents` does."""
    return Imported(
        sizes=dict(sizes),
        digests=dict(digests),
        manifest=required(ManifestRecord, layout.MANIFEST, contents),
        sources=required(SourcesRecord, layout.SOURCES, contents),
        rows=rows[layout.LOGGED] if layout.LOGGED in rows else _logged(contents),
        results=required(ResultsRecord, layout.RESULTS, contents),
        findings=required(FindingsRecord, layout.FINDINGS, contents).findings,
        withheld=required(WithheldRecord, layout.WITHHELD, contents),
        milestone=parsed_at(layout.MILESTONE, contents, parse_milestone)
        if layout.MILESTONE in contents
        else None,
        milestone_bytes=contents.get(layout.MILESTONE),
    )


def is_imported(manifest: bytes | None) -> bool:
    """Whether manifest.json says that the pack was imported; not so where it cannot be read."""
    try:
        value = None if manifest is None else jsonio.load_document(manifest)
    except MalformedError:
        return False
    return isinstance(value, dict) and value.get("origin") == "imported"


def error_of(documents: Imported | None) -> str:
    """What imported files say that their run ended in; empty where that was no error."""
    if documents is None or documents.manifest.status != "failed":
        return ""
    error = documents.results.values.get("run.error")
    return f"its log ends in an error{'' if error is None else f': {error.value}'}"


def of_a_run(documents: PackDocuments, what: str) -> Documents:
    """The documents of a run. Raises UsageError, saying what cannot be done, of an imported one."""
    if isinstance(documents, Imported):
        name = documents.manifest.milestone
        raise UsageError(
            f"{name} was imported, not observed: {what}",
            hint="Its values, each with file and line: `evidence explain`, and its summary.",
        )
    return documents


def _logged(contents: Mapping[str, bytes]) -> tuple[ImportedRow, ...]:
    def parse(data: bytes) -> tuple[ImportedRow, ...]:
        return tuple(decode(ImportedRow, row) for _, row in jsonio.iter_rows(data))

    rows: tuple[ImportedRow, ...] = parsed_at(layout.LOGGED, contents, parse)
    return rows
