"""OMS: the signature of a model's folder as `model_signing verify key` reads it.

Responsible for the statement (OpenSSF Model Signing, predicate signature/v1.0) of each folder with
a final model, and for its bundle. There is no unsigned form of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import UsageError
from evidence.export.envelope import Key, bundle
from evidence.export.facts import Account, weights_of
from evidence.export.in_toto import STATEMENT_TYPE

PREDICATE_TYPE: Final = "https://model_signing/signature/v1.0"
_ENDING: Final = ".sig"


def files(account: Account) -> Mapping[str, bytes]:
    """Raises UsageError: nothing of it is without a signature."""
    raise UsageError(
        f"the form oms is a signature: {account.milestone} cannot be written in it without a key",
        hint="Give a key: --key key.pem",
    )


def signed_files(account: Account, key: Key) -> Mapping[str, bytes]:
    """A bundle for each folder with a final model. Raises UsageError where there is none."""
    folders = _folders(account)
    if not folders:
        raise UsageError(
            f"{account.milestone} has no final model that could be signed",
            hint="`evidence export in-toto` signs the pack itself.",
        )
    return {
        f"{folder.replace('/', '.')}{_ENDING}": bundle(_payload(account, folder, digests), key)
        for folder, digests in folders.items()
    }


def _folders(account: Account) -> dict[str, dict[str, str]]:
    """Digests of the files of each final model, by their names in its folder."""
    found: dict[str, dict[str, str]] = {}
    for path, digest in weights_of(account).items():
        before, mark, name = path.partition(f"{layout.FINAL_MODEL}/")
        found.setdefault(f"{before}{mark}".rstrip("/"), {})[name] = digest
    return found


def _payload(account: Account, folder: str, digests: Mapping[str, str]) -> bytes:
    of_all = sha256(b"".join(bytes.fromhex(one) for _, one in sorted(digests.items()))).hexdigest()
    predicate: dict[str, Any] = {
        "serialization": {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": [],
        },
        "resources": [
            {"name": name, "algorithm": "sha256", "digest": digest}
            for name, digest in sorted(digests.items())
        ],
        # Verifiers leave out what they do not know; whoever reads it learns what the model is.
        "evidence": {
            "milestone": account.milestone,
            "folder": folder,
            "root_sha256": account.root_sha256,
            "status": account.manifest.status,
            "standing": list(account.standing),
        },
    }
    return jsonio.dump_document(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": folder.rpartition("/")[2], "digest": {"sha256": of_all}}],
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
    )
