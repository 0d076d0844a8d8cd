"""DSSE envelopes and Sigstore bundles: statements signed with an elliptic-curve key of the user's.

Responsible for the bytes that are signed (DSSE v1: PAE of type and payload) and for the two forms
around the signature. The only importer of cryptography, which is asked for when a key is given.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from evidence.encoding import jsonio
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.system.entries import read_regular

if TYPE_CHECKING:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey

PAYLOAD_TYPE: Final = "application/vnd.in-toto+json"
BUNDLE_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_MAKE_ONE: Final = (
    "One is made by: openssl ecparam -genkey -noout -name prime256v1 -out key.pem; its public half "
    "by: openssl ec -in key.pem -pubout -out key.pub"
)


class Key:
    """A private key that signs. Its digest names it: that of its public half, as PEM."""

    def __init__(self, private: EllipticCurvePrivateKey) -> None:
        from cryptography.hazmat.primitives import hashes, serialization

        self._private = private
        found = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}
        self._hash: hashes.HashAlgorithm = found[private.key_size]
        self.public_pem: bytes = private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    @property
    def identifier(self) -> str:
        """What bundles and envelopes call it."""
        return sha256_hex(self.public_pem)

    def sign(self, data: bytes) -> bytes:
        """The ECDSA signature of some bytes; another one each time."""
        from cryptography.hazmat.primitives.asymmetric import ec

        return self._private.sign(data, ec.ECDSA(self._hash))


def read_key(path: Path) -> Key:
    """The key in a PEM file. Raises UsageError for what is none, and where cryptography is not."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise UsageError(
            "signing an export needs the package cryptography",
            hint="pip install 'evidence-pack[export]'",
        ) from error
    try:
        found = serialization.load_pem_private_key(read_regular(path, follow=True), None)
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}", hint=_MAKE_ONE) from error
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        text = f"{path} is no private key in PEM without a password"
        raise UsageError(text, hint=_MAKE_ONE) from error
    names = ("secp256r1", "secp384r1", "secp521r1")
    if not isinstance(found, ec.EllipticCurvePrivateKey) or found.curve.name not in names:
        raise UsageError(f"{path} is no key on P-256, P-384 or P-521", hint=_MAKE_ONE)
    return Key(found)


def envelope(payload: bytes, key: Key) -> dict[str, Any]:
    """A DSSE envelope around a statement."""
    signature = base64.b64encode(key.sign(pae(payload))).decode("ascii")
    return {
        "payload": base64.b64encode(payload).decode("ascii"),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key.identifier, "sig": signature}],
    }


def bundle(payload: bytes, key: Key) -> bytes:
    """A Sigstore bundle of such an envelope, with the key named and no log."""
    return jsonio.dump_document(
        {
            "mediaType": BUNDLE_TYPE,
            "verificationMaterial": {
                "publicKey": {"hint": key.identifier},
                "tlogEntries": [],
            },
            "dsseEnvelope": envelope(payload, key),
        }
    )


def pae(payload: bytes) -> bytes:
    """What is signed: DSSE's pre-authentication encoding."""
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
