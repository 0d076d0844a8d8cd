"""SSHSIG, OpenSSH's signature format: read by us to the letter, checked and made by ssh-keygen.

Responsible for the form of a signature file, for finding ssh-keygen, and for the one way in which
a signature is checked. Which bytes are signed, and who is trusted, is the callers' business.
Private keys are never opened here. Format: PROTOCOL.sshsig of OpenSSH.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Final

from evidence import limits
from evidence.errors import EvidenceError, MalformedError, UsageError
from evidence.records.record import Record

EVIDENCE_NAMESPACE: Final = "evidence-pack@v1"
SUMMARY_NAMESPACE: Final = "evidence-summary@v1"

_ARMOR: Final = re.compile(
    rb"-----BEGIN SSH SIGNATURE-----\n((?:[A-Za-z0-9+/=]{1,76}\n)+)-----END SSH SIGNATURE-----\n"
)
_MAGIC: Final = b"SSHSIG"
_VERSION: Final = 1
_HASHES: Final = ("sha256", "sha512")
_CERTIFICATE: Final = "-cert-v01@openssh.com"
# A principal as allowed_signers names it; what a pattern, a list or an option begins with is out.
_IDENTITY: Final = re.compile(r"[^\s\x00-\x20\x7f\",*?!-][^\s\x00-\x20\x7f\",*?!]{0,254}")


class NoSshKeygenError(UsageError):
    """ssh-keygen is not here, or too old, or does not answer."""


class Signature(Record):
    """What one signature file says of itself. Nothing of it is proven by reading it."""

    namespace: str
    key_type: str
    public_key: bytes
    hash_name: str

    @property
    def fingerprint(self) -> str:
        """SHA256:… of the key as ssh-keygen -l prints it."""
        return "SHA256:" + base64.b64encode(sha256(self.public_key).digest()).decode().rstrip("=")

    @property
    def public_line(self) -> str:
        """The key as a .pub file or an allowed_signers line names it."""
        return f"{self.key_type} {base64.b64encode(self.public_key).decode('ascii')}"


def read_signature(data: bytes) -> Signature:
    """The one armored SSHSIG that `data` is, and nothing besides. Raises MalformedError."""
    blob = _blob(data)
    fields = _Fields(blob)
    if fields.take(len(_MAGIC)) != _MAGIC:
        raise MalformedError("is no SSHSIG: the magic preamble is missing")
    version = int.from_bytes(fields.take(4), "big")
    if version != _VERSION:
        raise MalformedError(f"SSHSIG of version {version}; only {_VERSION} is known")
    public_key, namespace, reserved = fields.string(), fields.string(), fields.string()
    hash_name, signature = fields.string(), fields.string()
    if not fields.at_end:
        raise MalformedError("holds bytes after the signature")
    if reserved:
        raise MalformedError("its reserved field is not empty")
    if hash_name not in (name.encode() for name in _HASHES):
        raise MalformedError("uses a hash other than sha256 or sha512")
    if not signature:
        raise MalformedError("holds no signature")
    return Signature(
        namespace=_ascii(namespace, "namespace"),
        key_type=_ascii(_Fields(public_key).string(), "key type"),
        public_key=public_key,
        hash_name=hash_name.decode(),
    )


def is_identity(who: str) -> bool:
    """Whether `who` can be the name of one signer: no pattern, list, option or white space."""
    return _IDENTITY.fullmatch(who) is not None


def find_ssh_keygen() -> Path:
    """Absolute path of ssh-keygen. Raises NoSshKeygenError.

    Only absolute entries of PATH count: a pack must not bring its own by lying in the current
    directory.
    """
    name = "ssh-keygen.exe" if os.name == "nt" else "ssh-keygen"
    for entry in os.environ.get("PATH", "").split(os.pathsep):
        candidate = Path(entry) / name
        if candidate.is_absolute() and candidate.is_file() and os.access(candidate, os.X_OK):
            return candidate
    raise NoSshKeygenError(
        "ssh-keygen is not on PATH",
        hint="Install OpenSSH 8.2 or newer (Debian: openssh-client; Windows: OpenSSH Client).",
    )


def check_signature(
    message: bytes, signature: bytes, *, namespace: str, who: str, trust: Path
) -> Signature:
    """The signature, if `who` of the trust file made it over `message` in `namespace`.

    ssh-keygen has to accept it, and its answer has to agree with our own reading of the very same
    bytes. Raises MalformedError (not an SSHSIG), RejectedError, or NoSshKeygenError.
    """
    found = read_signature(signature)
    if found.namespace != namespace:
        raise RejectedError(f"was made for {found.namespace!r}, not for {namespace!r}")
    tool = find_ssh_keygen()
    with _as_path(signature) as (path, descriptors):
        done = _run(
            tool,
            ["-Y", "verify", "-f", str(trust), "-I", who, "-n", namespace, "-s", path],
            message,
            descriptors,
        )
    if done.returncode != 0:
        answer = _words(done.stderr) or _words(done.stdout) or f"status {done.returncode}"
        if _is_too_old(answer):
            raise NoSshKeygenError(f"{tool} cannot check signatures: OpenSSH 8.2 or newer can")
        raise RejectedError(
            f"is not {who}'s: ssh-keygen refuses it for key {found.fingerprint}: {answer}"
        )
    if not _agrees(_words(done.stdout), found, who):
        raise RejectedError("ssh-keygen accepted something else than we read in it")
    return found


class RejectedError(EvidenceError):
    """A signature that is well formed and does not prove what was asked."""


def explain_failure(stderr: bytes, tool: Path, key: Path) -> UsageError:
    """The error for a person when ssh-keygen would not sign with this key.

    No advice may cost a key: none names the file that is there as one to write to.
    """
    answer = _words(stderr)
    low = answer.lower()
    if _is_too_old(answer):
        return NoSshKeygenError(
            f"{tool} is too old to sign", hint="OpenSSH 8.2 or newer is needed."
        )
    if "too open" in low or "unprotected private key" in low:
        return UsageError(
            f"others than you may read the private key {key}, and ssh-keygen takes no such key",
            hint=f"Make it yours alone: chmod 600 {shlex.quote(str(key))}",
        )
    if "passphrase" in low:
        return UsageError(
            "the key needs its passphrase, and it was not given (or is wrong)",
            hint=f"Load it once with `ssh-add {shlex.quote(str(key))}`, then sign with "
            f"--key {shlex.quote(f'{key}.pub')}.",
        )
    if "no private key found" in low or "agent" in low:
        return UsageError(
            f"the private key is not at hand: {answer}",
            hint="Load it into the agent (`ssh-add`), or give the private key's file.",
        )
    return UsageError(
        f"ssh-keygen could not sign with {key}: {answer}",
        hint="Give another key with --key, or make one in a file that is not there yet: "
        "ssh-keygen -t ed25519 -f NEW-FILE",
    )


def _blob(data: bytes) -> bytes:
    if len(data) > limits.MAX_SIGNATURE_BYTES:
        raise MalformedError(f"is larger than {limits.MAX_SIGNATURE_BYTES} bytes")
    match = _ARMOR.fullmatch(data)
    if match is None:
        raise MalformedError("is not one armored SSH signature and nothing else")
    text = match[1].replace(b"\n", b"")
    try:
        blob = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise MalformedError(f"its base64 is broken: {error}") from error
    if base64.b64encode(blob) != text:
        raise MalformedError("its base64 is not canonical")
    return blob


class _Fields:
    """Reads length-framed fields of the SSH wire format, never past the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def at_end(self) -> bool:
        return self._place == len(self._data)

    def take(self, count: int) -> bytes:
        piece = self._data[self._place : self._place + count]
        if len(piece) != count:
            raise MalformedError("is cut off")
        self._place += count
        return piece

    def string(self) -> bytes:
        return self.take(int.from_bytes(self.take(4), "big"))


def _ascii(data: bytes, what: str) -> str:
    text = data.decode("ascii", "replace")
    if not data or not (text.isascii() and text.isprintable()):
        raise MalformedError(f"its {what} is not plain text")
    return text


@contextmanager
def _as_path(signature: bytes) -> Iterator[tuple[str, tuple[int, ...]]]:
    """A path under which ssh-keygen reads exactly these bytes, whatever happens to the pack."""
    if os.name == "nt":  # no descriptors by name there
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "signature"
            path.write_bytes(signature)
            yield str(path), ()
        return
    reading, writing = os.pipe()
    try:
        os.write(writing, signature)  # at most MAX_SIGNATURE_BYTES: a pipe holds it
        os.close(writing)
        yield f"/dev/fd/{reading}", (reading,)
    finally:
        os.close(reading)


def _run(
    tool: Path, args: list[str], message: bytes, descriptors: tuple[int, ...]
) -> subprocess.CompletedProcess[bytes]:
    inherited = {key: os.environ[key] for key in ("SYSTEMROOT",) if key in os.environ}
    try:
        return subprocess.run(
            [str(tool), *args],
            input=message,
            capture_output=True,
            check=False,
            timeout=limits.SSH_KEYGEN_TIMEOUT_S,
            env={**inherited, "LC_ALL": "C"},
            cwd=tool.parent,
            pass_fds=descriptors,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise NoSshKeygenError(f"{tool} does not answer: {error}") from error


def _agrees(answer: str, found: Signature, who: str) -> bool:
    expected = f'Good "{found.namespace}" signature for {who} with '
    certified = found.key_type.endswith(_CERTIFICATE)
    return answer.startswith(expected) and (certified or answer.endswith(f" {found.fingerprint}"))


def _is_too_old(answer: str) -> bool:
    low = answer.lower()
    return "unknown option" in low or "illegal option" in low or "invalid option" in low


def _words(output: bytes) -> str:
    return " ".join(output.decode("utf-8", "replace").split())[: limits.MAX_MESSAGE_CHARS]
