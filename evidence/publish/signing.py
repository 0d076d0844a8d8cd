"""The signing use case: only a pack without errors gets a signature, over the bytes verified.

Responsible for that order. How a signature is made is `evidence.pack.sign`'s.
"""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.errors import PackBrokenError, UsageError
from evidence.pack.sign import sign_files
from evidence.pack.sshsig import Signature
from evidence.publish.summaries import (
    being_attached,
    has_report,
    held,
    read_attached,
    rendered_files,
    rerender_held,
)
from evidence.records.record import Record
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import open_checked, verify_pack


class Signed(Record):
    """A pack that has its signatures."""

    pack: Path
    root_sha256: str
    signature: Signature


def sign_pack(pack: Path, key: Path | None) -> Signed:
    """Sign the evidence and the summary of a pack. Existing signatures are replaced.

    An honestly failed pack may be signed too: its verdict stays UNFINISHED. Raises
    PackBrokenError or UnsafePackError when verify finds an error, UsageError for keys and tools.
    """
    with held(pack):
        return _sign(pack, key)


def _sign(pack: Path, key: Path | None) -> Signed:
    if being_attached(pack):
        rerender_held(pack)  # what a command before left half done
    verified = open_checked(pack)
    if not pack.is_dir():
        raise UsageError(f"{pack} is no pack")
    sums = (pack / layout.SUMS).read_bytes()
    documents, root = verified.documents, verified.root_sha256
    files = rendered_files(documents, root, read_attached(pack), with_report=has_report(pack))
    rendered = files[layout.RENDERED]
    if sha256_hex(sums) != root or (pack / layout.RENDERED).read_bytes() != rendered:
        raise PackBrokenError(f"{pack} changed while it was being signed; nothing was written")
    messages = {layout.SUMS: sums, layout.RENDERED: rendered}
    signature = sign_files(pack, messages, key)
    if verify_pack(pack, VerifyOptions(expect=root)).exit_code not in (0, 4):
        raise PackBrokenError(f"{pack} changed while it was being signed")
    return Signed(pack, root, signature)
