"""Sealing: manifest.json and SHA256SUMS over a finished staging folder.

Responsible for the sealed set and its digests, one pass over the bytes. Leaves the journal's
last record and the results to `running`, signatures to `sign`, publishing to `durable`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import HASHING_THREADS, sha256_hex, sha256_stream
from evidence.errors import EvidenceError
from evidence.pack.commitments import WHY, tells_of_rows
from evidence.records.milestone import PublishSpec
from evidence.records.record import Record
from evidence.records.run import FileEntry, ManifestRecord, WithheldEntry, WithheldRecord
from evidence.system import threads
from evidence.system.durable import sync_file, write_file

NOT_IN_GIT: Final = "weights are too large for git: runs/.gitignore leaves them out"


class Seal(Record):
    """What sealing gives: the name of the pack and the digest of each sealed file."""

    root_sha256: str
    digests: Mapping[str, str]


def staged_files(staging: Path) -> tuple[FileEntry, ...]:
    """Every file of a staging folder by pack-relative path, sorted bytewise.

    Raises EvidenceError for anything that a pack cannot hold (a link, an odd name).
    """
    found: list[FileEntry] = []
    for folder, _, names in os.walk(staging):
        for name in names:
            path = Path(folder) / name
            relative = path.relative_to(staging).as_posix()
            if path.is_symlink() or not path.is_file():
                raise EvidenceError(f"{relative} is not a regular file and cannot be sealed")
            if not layout.SEALED_PATH.fullmatch(relative):
                raise EvidenceError(f"{relative!r} is no name a pack can hold")
            found.append(FileEntry(path=relative, size_bytes=path.stat().st_size))
    return tuple(sorted(found, key=lambda entry: entry.path.encode()))


def withheld_record(files: Iterable[FileEntry], publish: PublishSpec) -> WithheldRecord:
    """withheld.json: the staged files that the milestone, or our own .gitignore, leaves out."""
    reasons = ((entry, _why_withheld(entry.path, publish)) for entry in files)
    return WithheldRecord(
        schema="withheld.v1",
        files=tuple(
            WithheldEntry(entry.path, entry.size_bytes, reason)
            for entry, reason in reasons
            if reason is not None
        ),
    )


def _why_withheld(path: str, publish: PublishSpec) -> str | None:
    """Why a copy may lack a file; None where it may not."""
    if any(fnmatchcase(path, pattern) for pattern in publish.withhold):
        return publish.reason or "withheld"
    if tells_of_rows(path, publish):
        return publish.reason or WHY
    if any(fnmatchcase(path, pattern) for pattern in layout.LEFT_OUT):
        return NOT_IN_GIT
    return None


def digest_files(staging: Path, files: Iterable[FileEntry]) -> dict[str, str]:
    """SHA-256 of each file, largest first side by side, in constant memory.

    Each file is made durable too: a seal over bytes that a power cut can take back is none.
    """
    largest_first = sorted(files, key=lambda entry: -entry.size_bytes)
    with threads.pool(HASHING_THREADS) as pool:
        digests = pool.each(lambda entry: _digest(staging / entry.path), largest_first)
        return {entry.path: value for entry, value in zip(largest_first, digests, strict=True)}


def seal(staging: Path, manifest: ManifestRecord) -> Seal:
    """Write manifest.json and, last, SHA256SUMS. `manifest.files` is filled in here."""
    files = staged_files(staging)
    digests = digest_files(staging, files)
    complete = encode(manifest) | {"files": encode(files)}
    data = jsonio.dump_document(complete)
    write_file(staging / layout.MANIFEST, data)
    digests[layout.MANIFEST] = sha256_hex(data)
    sums = format_sums(digests)
    write_file(staging / layout.SUMS, sums)
    return Seal(root_sha256=sha256_hex(sums), digests=digests)


def format_sums(digests: Mapping[str, str]) -> bytes:
    """SHA256SUMS as `sha256sum -c` reads it, sorted bytewise by path."""
    lines = sorted(digests.items(), key=lambda item: item[0].encode())
    return "".join(f"{value}  {path}\n" for path, value in lines).encode("utf-8")


def _digest(path: Path) -> str:
    sync_file(path)
    with path.open("rb", buffering=0) as stream:
        return sha256_stream(stream)[0]
