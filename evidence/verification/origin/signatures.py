"""What the signatures in a pack are worth, for a caller who brought a trust file.

Responsible for whether that file may be used, and for the problems of each signature. The form
of a signature and the call of ssh-keygen are `evidence.pack.sshsig`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from evidence import layout, limits
from evidence.errors import MalformedError, UsageError
from evidence.pack import sshsig
from evidence.pack.around import pack_around
from evidence.verification.origin.attached import NO_SUMMARY_SIGNATURE, attached_to, uncovered
from evidence.verification.problem import CannotCheckError, Problem, shown
from evidence.verification.reading.digests import read_file
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import Tree


def usable_trust_file(trust: Path, pack: Path) -> Path:
    """Absolute path of the caller's trust file. Raises UsageError for one that a pack ships."""
    resolved = trust.resolve()
    if not resolved.is_file():
        raise UsageError(f"there is no trust file {trust}")
    if resolved.stat().st_size > limits.MAX_TRUST_FILE_BYTES:
        raise UsageError(f"{trust} is larger than {limits.MAX_TRUST_FILE_BYTES} bytes")
    if resolved.is_relative_to(pack.resolve()) or pack_around(resolved) is not None:
        raise UsageError(
            f"{trust} lies inside a pack: a pack cannot say whom to trust",
            hint="Keep your allowed_signers file outside of all packs.",
        )
    return resolved


def usable_name(who: str) -> str:
    """The same name. Raises UsageError for one that no trust file can hold."""
    if not sshsig.is_identity(who):
        raise UsageError(
            f"{shown(who)} is no signer's name",
            hint="Give it as your allowed_signers file does, such as alice@example.org.",
        )
    return who


def _read(root: SafeDirectory, tree: Tree, path: str) -> bytes:
    try:
        reading = read_file(root, path, tree.files[path], into_memory=True)
    except OSError as error:
        raise MalformedError(f"cannot be read: {error.strerror}") from error
    return reading.content or b""


def evidence_problems(
    root: SafeDirectory, tree: Tree, sums: bytes, trust: Path, who: str
) -> Iterator[Problem]:
    """Of SHA256SUMS.sig over `sums`. A good one yields advice, `signed-by`.

    Raises CannotCheckError where there is no signature or no ssh-keygen.
    """
    if layout.SIGNATURE not in tree.files:
        raise CannotCheckError("the pack is not signed")
    try:
        data = _read(root, tree, layout.SIGNATURE)
        found = sshsig.check_signature(
            sums, data, namespace=sshsig.EVIDENCE_NAMESPACE, who=who, trust=trust
        )
    except sshsig.NoSshKeygenError as error:
        raise CannotCheckError(error.message) from error
    except (MalformedError, sshsig.RejectedError) as error:
        yield Problem(layout.SIGNATURE, error.message, code="signature-invalid")
        return
    text = f"signed by {who} with {found.key_type} {found.fingerprint}"
    yield Problem(layout.SIGNATURE, text, severity="advice", code="signed-by")


def summary_problems(
    root: SafeDirectory, tree: Tree, rendered: Mapping[str, bytes], trust: Path, who: str
) -> Iterator[Problem]:
    """Of rendered.json.sig. An unsigned summary is no error: rendering the evidence gives it.

    Raises CannotCheckError where there is no signature or no ssh-keygen.
    """
    attached = attached_to(rendered)
    if layout.RENDERED_SIGNATURE not in tree.files:
        yield from uncovered(attached)
        raise CannotCheckError(NO_SUMMARY_SIGNATURE)
    try:
        data = _read(root, tree, layout.RENDERED_SIGNATURE)
        sshsig.check_signature(
            rendered.get(layout.RENDERED, b""),
            data,
            namespace=sshsig.SUMMARY_NAMESPACE,
            who=who,
            trust=trust,
        )
    except sshsig.NoSshKeygenError as error:
        raise CannotCheckError(error.message) from error
    except MalformedError as error:
        yield Problem(layout.RENDERED_SIGNATURE, error.message, code="signature-invalid")
    except sshsig.RejectedError as error:
        # Rendered again, or a note was added: the old signature cannot be told from a forged one.
        text = f"the summary is not covered by a signature any more: it {error.message}"
        yield Problem(layout.RENDERED_SIGNATURE, text, severity="warning", code="summary-unsigned")
        yield from uncovered(attached)
        raise CannotCheckError("the signature is not of the summary as it is now") from error
