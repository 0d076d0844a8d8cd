"""`evidence.verify` and `evidence.verify_all`: packs checked from a script or a notebook.

Responsible for plain arguments. Checking is `verification`'s, and so is which packs a path stands
for.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from evidence.errors import UsageError
from evidence.records.finding import Report
from evidence.verification.named import expand, stands_for_others
from evidence.verification.options import VerifyOptions
from evidence.verification.several import verify_packs
from evidence.verification.verification import verify_pack


def verify(
    pack: str | os.PathLike[str],
    *,
    expect: str | None = None,
    expect_milestone: str | None = None,
    expect_commit: str | None = None,
    min_ruleset: int | None = None,
    allowed_signers: str | os.PathLike[str] | None = None,
    signer: str | None = None,
    repo: str | os.PathLike[str] | None = None,
    strict: bool = False,
    require_all: bool = False,
) -> Report:
    """Check one pack, as `evidence verify` does, with its options of the same names.

    Safe on a stranger's pack, and never raises for anything that is in it: `report.verdict` says
    what came out, `report.passed` whether all that was asked holds. A run that was never published
    is UNFINISHED, by the name of its pack; a file is REFUSED, since packs are directories.

    Raises UsageError where there is nothing at `pack`, where it is a folder of packs (that is for
    `verify_all`), and for options that cannot be used.
    """
    path = Path(pack)
    found = expand((path,))
    if stands_for_others(path):
        raise UsageError(
            f"{path} is not a pack but a folder of packs, {len(found)} of them",
            hint=f"evidence.verify_all({str(path)!r}) checks each.",
        )
    options = VerifyOptions(
        expect=expect,
        expect_milestone=expect_milestone,
        expect_commit=expect_commit,
        min_ruleset=min_ruleset,
        strict=strict,
        require_all=require_all,
        beside=(path,),
    )
    return verify_pack(path, with_origin(options, allowed_signers, signer, repo))


def verify_all(
    packs: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    *,
    min_ruleset: int | None = None,
    allowed_signers: str | os.PathLike[str] | None = None,
    signer: str | None = None,
    repo: str | os.PathLike[str] | None = None,
    strict: bool = False,
    require_all: bool = False,
    num_processes: int = 0,
) -> tuple[Report, ...]:
    """Check packs, or every pack below a folder such as runs/: a report for each, by name.

    As `verify` does each; and a claim of having been reproduced is checked where the pack that it
    names is among them. `num_processes` 0 leaves that to the machine. There is always a report: a
    folder without any pack stands for the runs in it that are not finished, which are UNFINISHED;
    where there are none of these either, it is NOT INTACT itself.

    Raises UsageError as `verify` does, and where no path is given.
    """
    paths = (packs,) if isinstance(packs, str | os.PathLike) else tuple(packs)
    if not paths:
        raise UsageError("no pack is named", hint="Give a pack, or a folder of packs.")
    found = tuple(expand([Path(path) for path in paths]))
    options = VerifyOptions(
        min_ruleset=min_ruleset, strict=strict, require_all=require_all, beside=found
    )
    asked = with_origin(options, allowed_signers, signer, repo)
    return tuple(verify_packs(found, asked, num_processes))


def with_origin(
    options: VerifyOptions,
    allowed_signers: str | os.PathLike[str] | None,
    signer: str | None,
    repo: str | os.PathLike[str] | None,
) -> VerifyOptions:
    """The options, with what is asked of a pack's origin (the command line asks here too)."""
    if (allowed_signers is None) != (signer is None):
        raise UsageError("allowed_signers and signer go together")
    if allowed_signers is not None:
        options = replace(options, allowed_signers=Path(allowed_signers), signer=signer)
    if repo is not None:
        from evidence.verification.origin.clone import repository_checks  # git: when asked for

        options = replace(options, further=repository_checks(Path(repo)))
    return options
