"""The seal of a run whose attempts are over, and the rename that publishes it.

Responsible for publishing nothing that our own verify rejects, and for saying what became of it
instead. What is sealed is `finish`'s; what ran before is `execution`'s.
"""

from __future__ import annotations

import os
from pathlib import Path

from evidence.errors import (
    DurabilityError,
    MalformedError,
    RejectedError,
    StoppedError,
)
from evidence.records.finding import Finding, Report
from evidence.records.run import ParentRecord
from evidence.running import kept_checkpoints
from evidence.running.finish import Finished, seal_staging
from evidence.running.signals import StopRequest
from evidence.running.workspace import Workspace
from evidence.system.durable import hint_of, publish
from evidence.system.entries import OF_THIS_PROCESS
from evidence.text import commands
from evidence.verification.consistency.every_check import by_author
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.parents import PARENTS
from evidence.verification.verification import verify_pack


def publish_run(
    space: Workspace,
    pack: Path,
    parents: tuple[ParentRecord, ...],
    root: Path,
    stop: StopRequest,
    *,
    must_keep: bool = True,
) -> tuple[Finished, Report]:
    """Seal what is staged, verify it, publish it with one rename, and clear the work away.

    Raises RejectedError, and publishes nothing, where verify rejects it for more than the words
    and wishes of its author, or another pack that was changed meanwhile. Checkpoints that are kept
    go to their place before: DurabilityError, where one cannot and `must_keep`.
    """
    try:
        with stop.at_once(lambda: stopped_while_sealing(space, stop)):
            finished = seal_staging(space.staging, parents)
    except MalformedError as error:
        what = f"what was written cannot be sealed, so it was not published: {error.message}"
        raise _rejected(what, {error.message.partition(":")[0]}, space, pack, root) from error
    with stop.at_once(lambda: stopped_while_sealing(space, stop)):
        report = verify_pack(space.staging, VerifyOptions(known_as=pack))
    grave = [
        one
        for one in report.findings
        if one.severity in ("error", "refused") and one.check not in (*by_author(), PARENTS.id)
    ]
    if grave:
        _refuse_unread(grave)
        more = f" (and {len(grave) - 1} more)" if len(grave) > 1 else ""
        what = (
            f"verify finds what was sealed {report.verdict}, so it was not published: "
            f"{grave[0].address}: {grave[0].message}{more}"
        )
        raise _rejected(what, {one.address.partition("#")[0] for one in grave}, space, pack, root)
    kept_checkpoints.place(space, finished.manifest.milestone, must=must_keep)
    space.write_published(finished.root_sha256)
    publish(space.staging, pack)
    space.remove()
    return finished, report


def _refuse_unread(findings: list[Finding]) -> None:
    """A limit of this process is no finding about what it could not read: it is tried again."""
    for number in OF_THIS_PROCESS:
        for one in findings:
            if one.message.endswith(os.strerror(number)):
                text = f"what was sealed cannot be verified: {one.address}: {one.message}"
                raise DurabilityError(text, hint=hint_of(number))


def _rejected(
    what: str, paths: set[str], space: Workspace, pack: Path, root: Path
) -> RejectedError:
    close = commands.run(space.work.name, pack.parent, "--close", root=root)
    return RejectedError(
        what,
        hint="Unless somebody touched its files, this is a bug of evidence-pack: please report "
        f"it. Nothing is lost; seal what there is as failed: {close}",
        addresses=frozenset(paths),
    )


def stopped_while_sealing(space: Workspace, stop: StopRequest) -> StoppedError:
    """Everything was done but the seal, which the next process makes anew."""
    return StoppedError(
        "stopped while it was being sealed, as asked; nothing was published",
        hint=f"Seal it: {commands.to_resume(space.work.name, space.runs)}",
        by_sigterm=stop.by_sigterm,
    )
