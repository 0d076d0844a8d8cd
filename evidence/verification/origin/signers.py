"""Where a pack comes from: who signed it.

Responsible for what each signature is worth. Keys and policies come from the caller alone, never
from the pack. Checking a signature is `signatures`' business.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.verification.ledger import Ledger, Rule
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.attached import (
    NO_SUMMARY_SIGNATURE,
    UNSIGNED_TEXT,
    attached_to,
    uncovered,
)
from evidence.verification.problem import CannotCheckError, Problem
from evidence.verification.reading.directory import SafeDirectory
from evidence.verification.reading.structure import Tree

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
        attached = attached_to(rendered)
        if attached or layout.RENDERED_SIGNATURE in tree.files:
            reason = reason if layout.SIGNATURE in tree.files else _NO_TRUST
            is_signed = layout.RENDERED_SIGNATURE in tree.files
            reason = reason if is_signed else NO_SUMMARY_SIGNATURE
            ledger.run_check(SUMMARY, _not_asked(attached, reason, strict=options.strict))
        return False
    from evidence.verification.origin import (
        signatures,  # when asked for only: most callers have no trust file
    )

    trust = signatures.usable_trust_file(options.allowed_signers, pack)
    who = signatures.usable_name(options.signer)
    outcome = signatures.evidence_problems(root, tree, sums, trust, who)
    problems: list[Problem] = []
    try:
        problems.extend(outcome)
    except CannotCheckError as error:
        ledger.skip(SIGNATURE, str(error))
    else:
        ledger.run_check(SIGNATURE, problems)
    trusted = any(one.code == "signed-by" for one in problems)
    problems_of_summary = signatures.summary_problems(root, tree, rendered, trust, who)
    ledger.run_check(SUMMARY, _as_strict(problems_of_summary, strict=options.strict))
    return trusted


def refuse_unusable(options: VerifyOptions, pack: Path) -> None:
    """Raise UsageError for a trust file or a name that cannot be used, whatever the pack is."""
    if options.allowed_signers is not None and options.signer is not None:
        from evidence.verification.origin import signatures  # as above

        signatures.usable_trust_file(options.allowed_signers, pack)
        signatures.usable_name(options.signer)


def _not_asked(attached: tuple[str, ...], reason: str, *, strict: bool) -> Iterator[Problem]:
    """What was attached, where no signature over it was checked. Raises CannotCheckError."""
    yield from _as_strict(uncovered(attached), strict=strict)
    raise CannotCheckError(reason)


def _as_strict(problems: Iterator[Problem], *, strict: bool) -> Iterator[Problem]:
    """Words that nobody vouches for are an error where the origin is asked for."""
    for one in problems:
        grave = strict and one.code == UNSIGNED_TEXT
        yield replace(one, severity="error") if grave else one
