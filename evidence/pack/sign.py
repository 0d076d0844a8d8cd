"""Signing: SHA256SUMS.sig and rendered.json.sig, made by ssh-keygen and by nothing else.

Responsible for the two signature files and for writing them durably. Touches no other byte of
the pack. Whether the pack deserves a signature is asked by `publish.signing` before; private
keys stay with ssh-keygen or its agent.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.pack import sshsig
from evidence.pack.sshsig import Signature
from evidence.system.durable import staging_of, write_file

NAMESPACES: Final[Mapping[str, str]] = {
    layout.SUMS: sshsig.EVIDENCE_NAMESPACE,
    layout.RENDERED: sshsig.SUMMARY_NAMESPACE,
}
"""What is signed, and for which purpose: a signature of one can never pass for the other."""

SIGNATURES: Final[Mapping[str, str]] = {
    layout.SUMS: layout.SIGNATURE,
    layout.RENDERED: layout.RENDERED_SIGNATURE,
}

_DEFAULT_KEYS: Final = ("id_ed25519", "id_ed25519_sk", "id_ecdsa", "id_ecdsa_sk", "id_rsa")


def default_key() -> Path:
    """The first of ssh's own default keys that is in ~/.ssh. Raises UsageError."""
    folder = Path.home() / ".ssh"
    for name in _DEFAULT_KEYS:
        if (folder / f"{name}.pub").is_file() or (folder / name).is_file():
            return folder / name if (folder / name).is_file() else folder / f"{name}.pub"
    raise UsageError(
        f"there is no key in {folder}",
        hint="Give one: evidence sign PACK --key FILE   "
        "(make one: ssh-keygen -t ed25519 -f NEW-FILE)",
    )


def sign_files(pack: Path, messages: Mapping[str, bytes], key: Path | None) -> Signature:
    """Sign each message (SHA256SUMS, rendered.json) and write its signature beside it.

    All signatures are made before the first is written. `key` may be a public key whose private
    half is in the agent. Raises UsageError with what to do.
    """
    chosen = (key or default_key()).expanduser().absolute()
    if not chosen.is_file():
        raise UsageError(f"there is no key file {chosen}")
    made = {name: _signed(data, NAMESPACES[name], chosen) for name, data in messages.items()}
    for name, signature in made.items():
        write_file(pack / SIGNATURES[name], signature, staging=staging_of(pack))
    return sshsig.read_signature(made[layout.SUMS])


def _signed(message: bytes, namespace: str, key: Path) -> bytes:
    tool = sshsig.find_ssh_keygen()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "message"
        path.write_bytes(message)
        # Standard input stays the user's: ssh-keygen may have to ask for a passphrase.
        try:
            done = subprocess.run(
                [str(tool), "-Y", "sign", "-f", str(key), "-n", namespace, str(path)],
                stdin=None if _has_terminal() else subprocess.DEVNULL,
                capture_output=True,
                check=False,
                timeout=limits.SSH_SIGN_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C"},
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise sshsig.NoSshKeygenError(f"{tool} does not answer: {error}") from error
        made = path.with_name(f"{path.name}.sig")
        if done.returncode != 0 or not made.is_file():
            raise sshsig.explain_failure(done.stderr, tool, key)
        signature = made.read_bytes()
    _must_be(signature, namespace)
    return signature


def _must_be(signature: bytes, namespace: str) -> None:
    try:
        found = sshsig.read_signature(signature)
    except MalformedError as error:
        raise EvidenceError(f"ssh-keygen wrote something odd: it {error.message}") from error
    if found.namespace != namespace:
        raise EvidenceError(f"ssh-keygen signed for {found.namespace!r}, not {namespace!r}")


def _has_terminal() -> bool:
    try:
        return os.isatty(0)
    except OSError:
        return False
