"""What an audit says, in the form in which it is printed and read by programs."""

from __future__ import annotations

from typing import Literal

from evidence.audit.claims import Judged, Kind, Verdict
from evidence.foreign.facts import Place
from evidence.markers.page import MarkerRecord
from evidence.records.record import Record

VERDICTS: tuple[Verdict, ...] = (
    "contradicted",
    "mislabelled",
    "unsupported",
    "not-checked",
    "supported",
)
"""Those that a reader must look at come first."""


class PlaceRecord(Record):
    """Where something stands in the evidence."""

    file: str
    line: int | None
    address: str


class ClaimRecord(Record):
    """One claim, with its verdict."""

    document: str
    line: int
    column: int
    text: str
    value: str
    verdict: Verdict
    kind: Kind
    evidence: tuple[PlaceRecord, ...]
    expected: str | None
    message: str


class FindingRecord(Record):
    """What the files say among themselves, whatever the document says."""

    code: str
    severity: Literal["note", "warning", "contradiction"]
    message: str
    evidence: tuple[PlaceRecord, ...]


class SourceRecord(Record):
    """A file that was read as evidence."""

    path: str
    sha256: str | None
    """None for what was not read."""
    size_bytes: int
    format: str
    encoding: str | None
    num_values: int
    notes: tuple[str, ...]


class AuditRecord(Record):
    """One audit."""

    schema: Literal["audit.v1"]
    documents: tuple[str, ...]
    evidence: str
    counts: dict[str, int]
    claims: tuple[ClaimRecord, ...]
    findings: tuple[FindingRecord, ...]
    sources: tuple[SourceRecord, ...]
    notes: tuple[str, ...]
    """What the audit could not look at."""
    markers: tuple[MarkerRecord, ...] = ()
    """Marked values of the documents, held against the packs that they name."""


def place_record(place: Place) -> PlaceRecord:
    """A place as it is printed."""
    return PlaceRecord(place.file, place.line, place.address)


def claim_record(judged: Judged) -> ClaimRecord:
    """A judged claim as it is printed."""
    claim = judged.claim
    return ClaimRecord(
        document=claim.document,
        line=claim.line,
        column=claim.column,
        text=claim.text,
        value=claim.value,
        verdict=judged.verdict,
        kind=claim.kind,
        evidence=tuple(place_record(place) for place in judged.places),
        expected=judged.expected or None,
        message=judged.message,
    )
