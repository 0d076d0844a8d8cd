"""Single rows of a pack that withholds them, with what proves that they are the sealed ones.

Responsible for taking them from a pack whose rows and salts are at hand. Whether what is shown
holds, `verification.origin.disclosed` says, to whoever has the published copy.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from evidence import layout, limits
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError, PackBrokenError, UsageError
from evidence.pack.commitments import leaves_of, lines_of, read_salts
from evidence.pack.documents import Documents
from evidence.records.commitments import CommitmentRecord, DisclosedRow, DisclosureRecord
from evidence.rules import merkle
from evidence.system.entries import read_regular
from evidence.verification.verification import open_verified


def disclose(
    pack: Path, indices: Collection[int], path: str = layout.PREDICTIONS
) -> DisclosureRecord:
    """These rows (from 0) of a file whose rows the pack withholds, in order.

    Raises UsageError where the pack commits to no such file, where a row is not there, or where the
    rows or their salts are not at hand; PackBrokenError as `open_verified` does.
    """
    verified = open_verified(pack)
    one = _committed(pack, verified.documents, path)
    rows = lines_of(_sealed(pack, one.path, verified.documents))
    salts = read_salts(_sealed(pack, one.salts, verified.documents), one.salts)
    leaves = leaves_of(salts, rows)
    try:
        paths = merkle.audit_paths(leaves, indices)
    except IndexError as error:
        raise UsageError(f"{pack}: {one.path}: {error}") from error
    return DisclosureRecord(
        schema="disclosure.v1",
        pack_sha256=verified.root_sha256,
        path=one.path,
        num_rows=one.num_rows,
        rows=tuple(
            DisclosedRow(
                index=index,
                row=rows[index].decode("utf-8"),
                salt=salts[index].hex(),
                audit_path=tuple(part.hex() for part in paths[index]),
            )
            for index in sorted(paths)
        ),
    )


def disclosed_bytes(record: DisclosureRecord) -> bytes:
    """The file. Raises UsageError where nobody would read one so large."""
    data = jsonio.dump_document(encode(record))
    try:
        jsonio.load_document(data)
        is_read = len(data) <= limits.MAX_JSON_BYTES
    except MalformedError:
        is_read = False
    if not is_read:
        raise UsageError(
            f"{len(record.rows)} rows are more than one such file holds",
            hint="Show them in several files, or hand over the withheld files themselves.",
        )
    return data


def _committed(pack: Path, documents: Documents, path: str) -> CommitmentRecord:
    files: Sequence[CommitmentRecord] = ()
    if documents.commitments is not None:
        files = documents.commitments.files
    for one in files:
        if one.path == path:
            return one
    if not files:
        raise UsageError(
            f"{pack} withholds no rows: there is nothing to show that it does not show already",
            hint='Rows are withheld by [publish] withhold_rows = ["predictions"].',
        )
    known = ", ".join(one.path for one in files)
    raise UsageError(f"{pack} commits to no rows of {path}; it does to those of {known}")


def _sealed(pack: Path, path: str, documents: Documents) -> bytes:
    """Bytes of a withheld file, which are those that verify has just seen."""
    try:
        data = read_regular(pack / path)
    except OSError as error:
        raise UsageError(
            f"{pack / path} cannot be read: {error.strerror}",
            hint="Rows and salts are withheld from published copies: ask the author's own pack.",
        ) from error
    if sha256_hex(data) != documents.digests[path]:
        raise PackBrokenError(f"{pack / path} changed while it was read")
    return data
