"""A bag of BagIt 1.0 (RFC 8493) around a copy of the pack, for an archive.

Responsible for the manifests and for bag-info.txt. The day of bagging, which BagIt has a label for,
is left out: the same pack gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence.encoding.digest import sha256_hex
from evidence.export.facts import LIMITS, Account, line, said_levels
from evidence.export.tree import Content, absent, copies_of

_DECLARATION: Final = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
DECLARATION: Final = "bagit.txt"
INFO: Final = "bag-info.txt"
MANIFEST: Final = "manifest-sha256.txt"
TAG_MANIFEST: Final = "tagmanifest-sha256.txt"
_PAYLOAD: Final = "data"


def files(account: Account) -> Mapping[str, Content]:
    """The payload, what lists it, and what lists that."""
    inside = f"{_PAYLOAD}/{account.milestone}"
    payload = {f"{inside}/{path}": one for path, one in copies_of(account).items()}
    size_bytes = sum(one.size_bytes for one in payload.values())
    tags = {
        DECLARATION: _DECLARATION,
        INFO: _info(account, f"{size_bytes}.{len(payload)}"),
        MANIFEST: _list({path: one.sha256 for path, one in payload.items()}),
    }
    digests = {path: sha256_hex(data) for path, data in tags.items()}
    return {**tags, TAG_MANIFEST: _list(digests), **payload}


def _list(digests: Mapping[str, str]) -> bytes:
    rows = (f"{digest}  {path}\n" for path, digest in sorted(digests.items()))
    return "".join(rows).encode("ascii")


def _info(account: Account, oxum: str) -> bytes:
    """Labels that RFC 8493 reserves; the description says what the pack is."""
    about = [
        f"{account.title} ({account.manifest.status}).",
        *account.standing,
        f"Values: {said_levels(account.measured)}.",
        *LIMITS,
    ]
    lacking = absent(account)
    if lacking:
        about.append(f"Withheld, and not in this copy: {', '.join(lacking)}.")
    labels = [
        *(("External-Description", line(one)) for one in about),
        ("External-Identifier", f"sha256:{account.root_sha256}"),
        ("Internal-Sender-Identifier", account.milestone),
        ("Payload-Oxum", oxum),
    ]
    return "".join(f"{label}: {value}\n" for label, value in labels).encode("utf-8")
