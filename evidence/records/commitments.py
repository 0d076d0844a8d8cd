"""What a pack commits to instead of showing it, and what is shown of it later."""

from __future__ import annotations

from typing import Literal

from evidence.records.record import Record


class CommitmentRecord(Record):
    """One file of rows that is withheld."""

    path: str
    num_rows: int
    root_sha256: str
    """Root of the tree over its salted rows (`rules.merkle`)."""
    salts: str
    """The file with their salts, which is withheld too."""


class CommitmentsRecord(Record):
    """commitments.json"""

    schema: Literal["commitments.v1"]
    algorithm: str
    files: tuple[CommitmentRecord, ...]


class DisclosedRow(Record):
    """One row, shown: with its salt and the hashes that lead to the root, all in hex."""

    index: int
    """Its place in the file, from 0."""
    row: str
    """The line, without its line end."""
    salt: str
    audit_path: tuple[str, ...]
    """Lowest first."""


class DisclosureRecord(Record):
    """A file that shows rows of a pack: it goes from hand to hand, and is part of no pack."""

    schema: Literal["disclosure.v1"]
    pack_sha256: str
    """Root digest of the pack that commits to them."""
    path: str
    num_rows: int
    rows: tuple[DisclosedRow, ...]
