"""Laws of what a key signs: the very statement, and nothing without a signature that holds."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from evidence.export.formats import FORMATS, SIGNED
from tests.command import evidence
from tests.export.packs import exported

pytest.importorskip("cryptography", reason="it signs, and judges a signature")

VALIDATED = """
import pathlib, sys
import model_signing
folder, signature, public = map(pathlib.Path, sys.argv[1:])
verifier = model_signing.verifying.Config().use_elliptic_key_verifier(public_key=public)
verifier.verify(folder, signature)
"""
CURVES = ("SECP256R1", "SECP384R1", "SECP521R1")


def pem(private: Any, password: bytes | None = None) -> bytes:
    from cryptography.hazmat.primitives import serialization as form

    hidden = form.NoEncryption() if password is None else form.BestAvailableEncryption(password)
    found: bytes = private.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, hidden)
    return found


def make_key(folder: Path, curve: str = "SECP256R1") -> Path:
    """A key, and its public half beside it."""
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec

    private = ec.generate_private_key(getattr(ec, curve)())
    public = private.public_key().public_bytes(
        form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "key.pub").write_bytes(public)
    (folder / "key.pem").write_bytes(pem(private))
    return folder / "key.pem"


def signed(name: str, pack: Path, key: Path, folder: Path) -> dict[str, Any]:
    words = ("export", name, str(pack), "--key", str(key), "--output", str(folder / "o"))
    ended = evidence(*words)
    assert ended.exit == 0, ended
    return {path.name: json.loads(path.read_bytes()) for path in (folder / "o").iterdir()}


def opened(envelope: dict[str, Any], public: Path) -> bytes:
    """The payload of an envelope whose signature holds, by DSSE's own words. Raises
    InvalidSignature."""
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = serialization.load_pem_public_key(public.read_bytes())
    assert isinstance(key, ec.EllipticCurvePublicKey)
    kind = envelope["payloadType"]
    payload = base64.b64decode(envelope["payload"])
    (one,) = envelope["signatures"]
    said = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    found = {256: hashes.SHA256(), 384: hashes.SHA384(), 521: hashes.SHA512()}[key.key_size]
    key.verify(base64.b64decode(one["sig"]), said, ec.ECDSA(found))
    return payload


@pytest.mark.parametrize("curve", CURVES)
def test_an_envelope_holds_the_very_statement(curve: str, complete: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path, curve)
    found = signed("in-toto", complete, key, tmp_path)
    assert set(found) == {"provenance.dsse.json", "test-result.dsse.json"}
    for name, envelope in found.items():
        assert (
            opened(envelope, tmp_path / "key.pub")
            == exported("in-toto", complete)[name.replace(".dsse.", ".intoto.")]
        )


def test_another_word_or_another_key_is_found(complete: Path, tmp_path: Path) -> None:
    from cryptography.exceptions import InvalidSignature

    found = signed("in-toto", complete, make_key(tmp_path), tmp_path)["provenance.dsse.json"]
    other = base64.b64encode(base64.b64decode(found["payload"]).replace(b"M90", b"M91"))
    with pytest.raises(InvalidSignature):
        opened({**found, "payload": other.decode()}, tmp_path / "key.pub")
    make_key(tmp_path)
    with pytest.raises(InvalidSignature):
        opened(found, tmp_path / "key.pub")


def test_a_model_is_signed_file_by_file_with_what_it_is(complete: Path, tmp_path: Path) -> None:
    ((name, bundle),) = signed("oms", complete, make_key(tmp_path), tmp_path).items()
    assert name == "training_output.final_model.sig"
    statement = json.loads(opened(bundle["dsseEnvelope"], tmp_path / "key.pub"))
    lines = (complete / "SHA256SUMS").read_text("ascii").splitlines()
    listed = {line[66:]: line[:64] for line in lines}
    resources = {
        f"training_output/final_model/{one['name']}": one["digest"]
        for one in statement["predicate"]["resources"]
    }
    assert resources == {
        path: digest for path, digest in listed.items() if path.startswith("training_output/final")
    }
    assert "stand-in" in statement["predicate"]["evidence"]["standing"][0]


@pytest.mark.parametrize("curve", CURVES)
def test_model_signing_takes_its_signature(curve: str, complete: Path, tmp_path: Path) -> None:
    if find_spec("model_signing") is None:
        pytest.skip("model_signing is not here: make test-tools")
    signed("oms", complete, make_key(tmp_path, curve), tmp_path)
    words = [
        *(sys.executable, "-c", VALIDATED, str(complete / "training_output/final_model")),
        *(str(tmp_path / "o/training_output.final_model.sig"), str(tmp_path / "key.pub")),
    ]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr


def test_what_has_no_model_is_not_signed_as_one(pack: Path, tmp_path: Path) -> None:
    key = make_key(tmp_path)
    words = ("export", "oms", str(pack), "--key", str(key), "--output", str(tmp_path / "o"))
    ended = evidence(*words)
    assert ended.exit == (0 if "complete" in pack.parts else 2), ended
    assert (tmp_path / "o").exists() == ("complete" in pack.parts)


def test_without_a_key_there_is_no_signature(complete: Path, tmp_path: Path) -> None:
    ended = evidence("export", "oms", str(complete), "--output", str(tmp_path / "o"))
    assert (ended.exit, list(tmp_path.iterdir())) == (2, [])
    assert "--key" in ended.err


@pytest.mark.parametrize("name", [name for name in FORMATS if name not in SIGNED])
def test_a_format_that_nothing_signs_takes_no_key(
    name: str, complete: Path, tmp_path: Path
) -> None:
    key = make_key(tmp_path)
    words = ("export", name, str(complete), "--key", str(key), "--output", str(tmp_path / "o"))
    ended = evidence(*words)
    assert (ended.exit, (tmp_path / "o").exists()) == (2, False)
    assert "evidence sign" in ended.err


@pytest.mark.parametrize("kind", ["gone", "garbage", "rsa", "ed25519", "encrypted", "other curve"])
def test_what_is_no_such_key_is_refused_in_a_sentence(
    kind: str, complete: Path, tmp_path: Path
) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    path = tmp_path / "key.pem"
    made = {
        "garbage": lambda: b"-----BEGIN\xff",
        "rsa": lambda: pem(rsa.generate_private_key(65537, 2048)),
        "ed25519": lambda: pem(ed25519.Ed25519PrivateKey.generate()),
        "encrypted": lambda: pem(ec.generate_private_key(ec.SECP256R1()), b"word"),
        "other curve": lambda: pem(ec.generate_private_key(ec.SECP256K1())),
    }
    if kind in made:
        path.write_bytes(made[kind]())
    words = ("export", "in-toto", str(complete), "--key", str(path))
    ended = evidence(*words, "--output", str(tmp_path / "o"))
    assert (ended.exit, (tmp_path / "o").exists()) == (2, False)
    assert "openssl ecparam" in ended.err
    assert "Traceback" not in ended.err


def test_where_cryptography_is_not_it_is_said_how_to_get_it(
    complete: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = make_key(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    ended = evidence("export", "in-toto", str(complete), "--key", str(key))
    assert ended.exit == 2
    assert "evidence-pack[export]" in ended.err
