"""A pack as it lies, to be copied into an export that holds it.

Responsible for which files are copied, and which digest each must still have. `writing` copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.export.facts import Account
from evidence.pack.commitments import tells_of_rows
from evidence.pack.imported import Imported
from evidence.records.milestone import PublishSpec
from evidence.records.record import Record
from evidence.system.entries import read_regular, type_of, walk


class Copy(Record):
    """A file of an export that is a copy of one of the pack."""

    source: Path
    sha256: str
    """As sealed; of what is rendered or attached, as it was when this was made."""
    size_bytes: int


Content: TypeAlias = bytes | Copy
"""What a file of an export holds."""


def copies_of(account: Account) -> dict[str, Copy]:
    """Every file of the pack by its path there: what is sealed, the list of it, and what was
    rendered and attached, so that the copy verifies as the pack does. Withheld files that are not
    there are left out."""
    return dict(sorted(_copies(account)))


def absent(account: Account) -> tuple[str, ...]:
    """Sealed files that a copy of the pack lacks, as it may: those that are not there, and rows
    that the milestone withholds, which no copy is to hold by chance."""
    documents = account.documents
    kept_back = PublishSpec() if isinstance(documents, Imported) else documents.milestone.publish
    return tuple(
        path
        for path in sorted(documents.digests)
        if tells_of_rows(path, kept_back) or type_of(account.path / path) is None
    )


def _copies(account: Account) -> Iterator[tuple[str, Copy]]:
    lacking, documents = absent(account), account.documents
    for path, digest in documents.digests.items():
        if path not in lacking:
            size_bytes = documents.sizes.get(path) or _size_bytes(account.path / path)
            yield path, Copy(account.path / path, digest, size_bytes)
    sums = account.path / layout.SUMS
    yield layout.SUMS, Copy(sums, account.root_sha256, _size_bytes(sums))
    beside = (layout.SIGNATURE, layout.RENDERED_SIGNATURE)
    for entry in walk(account.path):
        if entry.type == "file" and (entry.name in beside or layout.is_rendered(entry.name)):
            data = read_regular(account.path / entry.name)
            yield entry.name, Copy(account.path / entry.name, sha256_hex(data), len(data))


def _size_bytes(path: Path) -> int:
    return path.stat().st_size
