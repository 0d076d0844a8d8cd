"""A run that was never published, taken up again: gone on with, or closed as failed.

Responsible for looking at all of it before anything of it is used: what is not as it was written
is named and refused, or set aside where the run is closed. Going on is `recovery`'s.
"""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.attempt.lead import Lead
from evidence.errors import (
    DurabilityError,
    EvidenceError,
    RanOutError,
    RejectedError,
    SecretFoundError,
    StoppedError,
)
from evidence.progress import Observer
from evidence.records.finding import Report
from evidence.running.damage import Damage, damages, refuse_damaged, restored_milestone
from evidence.running.finish import Finished
from evidence.running.publishing import publish_run
from evidence.running.recovery import as_it_was, go_on
from evidence.running.salvage import has_begun as has_begun_to_close
from evidence.running.salvage import salvage
from evidence.running.set_aside import put_aside, retire
from evidence.running.signals import StopRequest
from evidence.running.workspace import Workspace
from evidence.system.durable import unshare
from evidence.system.entries import walk
from evidence.system.threads import ran_out


def recover(
    root: Path,
    work: Path,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    milestone_id: str,
    *,
    close: bool,
    lead: Lead | None = None,
) -> tuple[Finished, Report]:
    """Go on with the run in `work` (or close it as failed), and publish it as `pack`.

    Raises PackBrokenError, with nothing touched, where files are damaged and it is not closed.
    """
    space = Workspace(work)
    if close:
        return _close(root, space, pack, observer, stop, milestone_id)
    with stop.at_once(lambda: as_it_was(root, space, stop)):
        refuse_damaged(space, milestone_id, root)
    _make_whole(space, observer)
    return go_on(root, space, pack, observer, stop, close=False, lead=lead)


def _close(
    root: Path,
    space: Workspace,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    milestone_id: str,
) -> tuple[Finished, Report]:
    """Seal what there is as failed, with what is damaged set aside: there is always a pack."""
    with stop.at_once(lambda: as_it_was(root, space, stop)):
        has_begun = has_begun_to_close(space)
        found, spoilt = damages(space), frozenset[str]()
    for one in found if not has_begun else ():
        observer.message(one.said(space))
    if not has_begun:
        put_aside(space, [one.path for one in found if one.strange])
    done = None
    if not has_begun and all(one.strange for one in found):
        _make_whole(space, observer)
        done, found, spoilt = _closed_plainly(root, space, pack, observer, stop, found)
    if done is None:
        done = _closed_with_damage(root, space, pack, stop, milestone_id, found, spoilt)
    moved = retire(space, done[0].root_sha256[:12])
    if moved is not None:
        observer.message(f"what was none of the run's lies in {moved}")
    return done


def _closed_plainly(
    root: Path,
    space: Workspace,
    pack: Path,
    observer: Observer,
    stop: StopRequest,
    found: tuple[Damage, ...],
) -> tuple[tuple[Finished, Report] | None, tuple[Damage, ...], frozenset[str]]:
    """The pack, or what is wrong and which of its files cannot be sealed."""
    try:
        return go_on(root, space, pack, observer, stop, close=True), found, frozenset()
    except (StoppedError, DurabilityError, SecretFoundError, RanOutError):
        raise
    except Exception as error:  # whatever it is: a run that began can be closed
        if ran_out(error):
            raise
        wrong = Damage(layout.STAGED, f"cannot be sealed: {_said(error)}")
        observer.message(wrong.said(space))
        spoilt = error.addresses if isinstance(error, RejectedError) else frozenset[str]()
        return None, (*found, wrong), spoilt


def _closed_with_damage(
    root: Path,
    space: Workspace,
    pack: Path,
    stop: StopRequest,
    milestone_id: str,
    found: tuple[Damage, ...],
    spoilt: frozenset[str],
) -> tuple[Finished, Report]:
    parents = salvage(root, space, milestone_id, found, spoilt)
    try:
        return publish_run(space, pack, parents, root, stop, must_keep=False)
    except RejectedError:
        salvage(root, space, milestone_id, found, None)
        return publish_run(space, pack, parents, root, stop, must_keep=False)


def _make_whole(space: Workspace, observer: Observer) -> None:
    """Mend what can be mended without a loss.

    Every file that is written on, or sealed, gets bytes of its own: a hard link elsewhere is the
    copy of somebody, and in a pack it is refused.
    """
    if restored_milestone(space):
        observer.message(f"{layout.MILESTONE} was damaged; it was restored from its copy")
    shared = [
        one.name
        for one in walk(space.work)
        if one.type == "file" and one.num_names > 1 and not one.name.startswith("scratch-")
    ]
    for name in shared:
        unshare(space.work / name)
    if shared:
        observer.message(f"{len(shared)} files had hard links elsewhere; they were copied")


def _said(error: Exception) -> str:
    return error.message if isinstance(error, EvidenceError) else repr(error)
