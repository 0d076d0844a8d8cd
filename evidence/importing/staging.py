"""The folder in which an imported pack is made: copies, digests, secrets, and the documents.

Responsible for every byte that is written before the pack is sealed. What lies here is no run: one
that is broken off leaves nothing that could be gone on with, and is typed again.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode, encode_rows
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.foreign.originals import originals
from evidence.importing.folder import Folder, Found, status_of
from evidence.records.imported import LeftOutRecord, SourcesRecord
from evidence.records.milestone import AllowSpec, Milestone
from evidence.records.record import Record
from evidence.records.run import WithheldRecord
from evidence.redact.privacy import Privacy
from evidence.redact.search import scan, scan_stream
from evidence.redact.this_process import TAKE_OUT, secrets_of_this_process
from evidence.results.imported.derive import Derived, derived, source_record
from evidence.system.durable import make_folder, remove, write_file
from evidence.system.threads import leave_off_if_told
from evidence.verification.imported.checks import outcome_of
from evidence.verification.imported.names import found_as

CHUNK_BYTES: Final = 1 << 20
MAX_NAMED: Final = 20


class Staged(Record):
    """What was written, but for manifest and list."""

    derived: Derived
    sources: SourcesRecord
    outcome_sha256: str


@contextmanager
def work_folder(runs: Path, name: str) -> Iterator[Path]:
    """An empty folder to make the pack in, gone at the end. One that a process left is removed."""
    work = runs / layout.WORK / f".import-{name}"
    remove(work)
    make_folder(work / name)
    try:
        yield work / name
    finally:
        remove(work)


def stage(
    root: Path,
    folder: Folder,
    staging: Path,
    name: str,
    milestone: tuple[bytes, Milestone] | None,
    allowed: tuple[str, ...],
) -> Staged:
    """Copy the originals, read them, and write every document but manifest.json.

    Raises UsageError where a file changed meanwhile, or holds a secret.
    """
    for one, path in folder.copied:
        _copy(root, one, staging / path)
    left = [LeftOutRecord(one.path, None, None, one.reason) for one in folder.left]
    left += [
        LeftOutRecord(one.path, one.size_bytes, _copy(root, one, None), reason)
        for one, reason in folder.digested
    ]
    known = {path: found_as(one.path, path) for one, path in folder.copied}
    recipe = None if milestone is None else milestone[1]
    _refuse_secrets(staging, folder, left, recipe, allowed)
    sources = originals(staging, ((path, found or path) for path, found in known.items()))
    given = derived(name, sources, None if milestone is None else milestone[0])
    record = SourcesRecord(
        schema="sources.v1",
        files=tuple(source_record(one, known[one.path]) for one in sources),
        left_out=tuple(sorted(left, key=lambda one: one.found_as)),
        allowed=allowed,
    )
    documents = _documents(given, record, milestone)
    for path, data in documents.items():
        write_file(staging / path, data)
    digests = {one.path: one.sha256 for one in sources}
    digests |= {path: sha256_hex(data) for path, data in documents.items()}
    return Staged(given, record, outcome_of(digests))


def _documents(
    given: Derived, sources: SourcesRecord, milestone: tuple[bytes, Milestone] | None
) -> dict[str, bytes]:
    rows = b"".join(jsonio.dump_row(row) for row in encode_rows(given.rows))
    documents = {
        layout.SOURCES: jsonio.dump_document(encode(sources)),
        layout.LOGGED: rows,
        layout.RESULTS: jsonio.dump_document(encode(given.results)),
        layout.FINDINGS: jsonio.dump_document(encode(given.findings)),
        layout.WITHHELD: jsonio.dump_document(encode(WithheldRecord("withheld.v1", ()))),
    }
    return documents if milestone is None else {**documents, layout.MILESTONE: milestone[0]}


def _copy(root: Path, one: Found, target: Path | None) -> str:
    """Copy a file, or only read it; its digest. Raises UsageError where it is another one now."""
    digest = hashlib.sha256()
    try:
        with _opened(root / one.path) as stream:
            before = status_of(os.fstat(stream.fileno()))
            if target is None:
                _pour(stream, digest, None)
            else:
                target.parent.mkdir(parents=True, exist_ok=True)
                with target.open("xb") as copy:
                    _pour(stream, digest, copy)
            after = status_of(os.fstat(stream.fileno()))
    except OSError as error:
        if error.filename is None or not Path(error.filename).is_relative_to(root):
            raise UsageError(
                f"{error.strerror or error}: {target}; nothing was imported",
                hint="Free some space, or give a folder on another disk: --runs DIR",
            ) from error
        raise UsageError(
            f"{root / one.path} cannot be read: {error.strerror}", hint="Nothing was imported."
        ) from error
    if not before == after == one.status:
        raise UsageError(
            f"{root / one.path} changed while it was read; nothing was imported",
            hint="Import when nothing writes into the folder any more.",
        )
    return digest.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    handle = os.open(path, flags | getattr(os, "O_BINARY", 0))
    with os.fdopen(handle, "rb") as stream:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise UsageError(f"{path} is no plain file any more; nothing was imported")
        yield stream


def _pour(stream: BinaryIO, digest: hashlib._Hash, copy: BinaryIO | None) -> None:
    while piece := stream.read(CHUNK_BYTES):
        leave_off_if_told()
        digest.update(piece)
        if copy is not None:
            copy.write(piece)


def _refuse_secrets(
    staging: Path,
    folder: Folder,
    left: Iterable[LeftOutRecord],
    milestone: Milestone | None,
    allowed: tuple[str, ...],
) -> None:
    """Raise UsageError for a secret in a file, or in any name, that is to be sealed."""
    allow = [*(() if milestone is None else milestone.secrets.allow)]
    allow += [AllowSpec(one, "said when it was imported") for one in allowed]
    secrets = secrets_of_this_process(allow)
    shown = Privacy(secrets).clean
    problems: dict[str, str] = {}
    for one, path in folder.copied:
        problems |= {f"{shown(one.path)}: {m.kind} in its name": m.sha256
                     for m in scan(one.path.encode(), secrets)}  # fmt: skip
        with (staging / path).open("rb") as stream:
            found = scan_stream(stream, secrets)
        problems |= {f"{shown(one.path)}:{m.line}: {m.kind}": m.sha256 for m in found}
    for other in left:
        problems |= {f"{shown(other.found_as)}: {m.kind} in its name": m.sha256
                     for m in scan(other.found_as.encode(), secrets)}  # fmt: skip
    if problems:
        named = [f"{place} ({digest})" for place, digest in problems.items()][:MAX_NAMED]
        more = len(problems) - len(named)
        rest = f"\nand {more} more" if more else ""
        raise UsageError(
            "a secret would be published with the pack; nothing was imported:\n"
            + "\n".join(named)
            + rest,
            hint=f"{TAKE_OUT}\n  What is no secret, say so by the digest behind it: "
            "--not-secret SHA256",
        )
