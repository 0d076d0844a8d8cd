"""Where a pack comes from: who signed it.

Responsible for what each signature is worth. Keys and policies come from the caller alone, never
from the pack. The form of a signature and the call of ssh-keygen are `evidence.sshsig`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from evidence import layout, limits, sshsig
from evidence.errors import MalformedError, UsageError
from evidence.verify.digests import read_file
from evidence.verify.directory import SafeDirectory
from evidence.verify.ledger import Ledger, Rule
from evidence.verify.options import VerifyOptions
from evidence.verify.problem import CannotCheckError, Problem, shown
from evidence.verify.structure import Tree

_NO_TRUST: Final = "there is a signature, but no trust file was given to check it with"

SIGNATURE: Final = Rule("signature", "a signer that the caller trusts signed SHA256SUMS")
SUMMARY: Final = Rule("summary-signature", "the same signer signed the summary as it is now")


def check_signatures(
    root: SafeDirectory,
    pack: Path,
    tree: Tree,
    sums: bytes,
    rendered: Mapping[str, bytes],
    options: VerifyOptions,
    ledger: Ledger,
) -> bool:
    """Enter what the signatures are worth; whether the trusted signer signed `sums`.

    `sums` and `rendered` are the bytes that every other check has seen. Raises UsageError for a
    trust file or a name that cannot be used.
    """
    if options.allowed_signers is None or options.signer is None:
        unused = "a trust file and a signer's name are needed together"
        reason = unused if options.asks_signer else _NO_TRUST
        reason = reason if layout.SIGNATURE in tree.files else "the pack is not signed"
        ledger.skip(SIGNATURE, reason)
        if layout.RENDERED_SIGNATURE in tree.files:
            ledger.skip(SUMMARY, reason if layout.SIGNATURE in tree.files else _NO_TRUST)
        return False
    trust = usable_trust_file(options.allowed_signers, pack)
    who = options.signer
    if not sshsig.is_identity(who):
        raise UsageError(
            f"{shown(who)} is no signer's name",
            hint="Give it as your allowed_signers file does, such as alice@example.org.",
        )
    outcome = _evidence_problems(root, tree, sums, trust, who)
    problems: list[Problem] = []
    try:
        problems.extend(outcome)
    except CannotCheckError as error:
        ledger.skip(SIGNATURE, str(error))
    else:
        ledger.settle(SIGNATURE, problems)
    trusted = any(one.code == "signed-by" for one in problems)
    ledger.settle(SUMMARY, _summary_problems(root, tree, rendered, trust, who))
    return trusted


def usable_trust_file(trust: Path, pack: Path) -> Path:
    """Absolute path of the caller's trust file. Raises UsageError for one that a pack ships."""
    resolved = trust.resolve()
    if not resolved.is_file():
        raise UsageError(f"there is no trust file {trust}")
    if resolved.stat().st_size > limits.MAX_TRUST_FILE_BYTES:
        raise UsageError(f"{trust} is larger than {limits.MAX_TRUST_FILE_BYTES} bytes")
    shipped = resolved.is_relative_to(pack.resolve()) or any(
        (folder / layout.SUMS).exists() and (folder / layout.MANIFEST).exists()
        for folder in resolved.parents
    )
    if shipped:
        raise UsageError(
            f"{trust} lies inside a pack: a pack cannot say whom to trust",
            hint="Keep your allowed_signers file outside of all packs.",
        )
    return resolved


def _read(root: SafeDirectory, tree: Tree, path: str) -> bytes:
    try:
        reading = read_file(root, path, tree.files[path], keep=True)
    except OSError as error:
        raise MalformedError(f"cannot be read: {error.strerror}") from error
    return reading.kept or b""


def _evidence_problems(
    root: SafeDirectory, tree: Tree, sums: bytes, trust: Path, who: str
) -> Iterator[Problem]:
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


def _summary_problems(
    root: SafeDirectory, tree: Tree, rendered: Mapping[str, bytes], trust: Path, who: str
) -> Iterator[Problem]:
    """A summary that is unsigned is said so and no error: rendering the evidence gives it."""
    attached = sorted(path for path in rendered if path.startswith(f"{layout.ATTACHED}/"))
    if layout.RENDERED_SIGNATURE not in tree.files:
        yield from _uncovered(attached)
        raise CannotCheckError("no signature covers the summary")
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
        yield from _uncovered(attached)


def _uncovered(attached: list[str]) -> Iterator[Problem]:
    for path in attached:
        text = "was attached later, and no signature covers it: anyone may have written it"
        yield Problem(path, text, severity="warning", code="unsigned-text")
