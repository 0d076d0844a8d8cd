"""Checkpoints that the milestone wants kept: counted before the seal, moved beside the pack after.

Responsible for what the journal says of them and for the move, each done twice at no harm. A
checkpoint holds pickles, which no pack does: it lies in runs/.checkpoints, by its digest. Which can
be asked for is `kept_fit`'s; replaying from one is `reproduce`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from evidence import layout
from evidence.attempt.folders import digest_folder
from evidence.encoding.codec import encode
from evidence.errors import DurabilityError, MilestoneError, UsageError
from evidence.limits import MAX_REASON_CHARS
from evidence.milestone.parse import read_milestone
from evidence.pack import journal, kept
from evidence.records.inputs import FileDigest
from evidence.records.milestone import Milestone
from evidence.records.run import JournalEvent, KeptCheckpoint, LostCheckpoint
from evidence.running.workspace import Workspace
from evidence.system.durable import make_folder, move, remove, write_file
from evidence.system.entries import type_of
from evidence.text.escape import one_line

_OF_A_RERUN: Final = "this run makes another one anew, and keeps no checkpoint of its own"
_NONE_COMPLETED: Final = "no attempt completed, and only of one that does are checkpoints kept"
_IGNORED: Final = b"# Checkpoints are too large for git, and hold pickles.\n*\n"


def refuse_unusable(runs: Path, milestone: Milestone) -> None:
    """Raise UsageError where a checkpoint could not be moved to its place, found out now and not
    after hours of training."""
    top = runs / layout.CHECKPOINTS_KEPT
    if not milestone.publish.keep_checkpoints or type_of(top) is None:
        return
    if type_of(top) != "folder" or top.stat().st_dev != runs.stat().st_dev:
        raise UsageError(
            f"{top} is no folder on the disk of {runs}, and a rename is to put checkpoints there; "
            "nothing was started",
            hint="Move it away, or leave publish.keep_checkpoints out.",
        )


def problem_of(folder: Path, files: tuple[FileDigest, ...]) -> str | None:
    """Which file of a checkpoint is not as it was recorded; None where each is."""
    if type_of(folder) != "folder":
        return f"{folder} is gone"
    now, before = (
        {one.path: one for one in digest_folder(folder, folder)},
        {one.path: one for one in files},
    )
    for path in sorted(now.keys() | before.keys()):
        if path not in now:
            return f"{folder / path} is gone"
        if path not in before:
            return f"{folder / path} is nothing that was saved with it"
        if now[path] != before[path]:
            return f"{folder / path} is not what was saved"
    return None


def facts(
    space: Workspace, milestone: Milestone, attempt: str | None, *, is_rerun: bool
) -> dict[str, Any] | None:
    """What the journal is to say of the checkpoints of the attempt that completed, or where none
    did; None where it says so by now, or nothing was asked for."""
    steps = milestone.publish.keep_checkpoints
    if not steps:
        return None
    events = tuple(journal.read((space.staging / layout.JOURNAL).read_bytes()))
    if kept.event_in(events) is not None:
        return None
    if attempt is None or is_rerun:
        reason = _OF_A_RERUN if is_rerun else _NONE_COMPLETED
        return {
            "kept": [],
            "not_kept": encode([LostCheckpoint(one, reason) for one in sorted(steps)]),
        }
    scratch, saved = _scratch(space, events), kept.saved_after(events, attempt)
    found: list[KeptCheckpoint] = []
    lost: list[LostCheckpoint] = []
    for step in sorted(steps):
        reason = _reason(scratch, step, saved)
        if reason:
            lost.append(LostCheckpoint(step, reason))
            continue
        files = kept.files_of(saved[step])
        size_bytes = sum(one.size_bytes for one in files)
        found.append(KeptCheckpoint(step, kept.digest_of(files), size_bytes))
    return {"kept": encode(found), "not_kept": encode(lost)}


def _reason(scratch: Path, step: int, saved: dict[int, JournalEvent]) -> str:
    """Why a checkpoint cannot be kept; empty where it can. No path of this machine stands in it."""
    if step not in saved:
        return "the training wrote no checkpoint after this step: it ended before"
    try:
        problem = problem_of(scratch / f"checkpoint-{step}", kept.files_of(saved[step]))
    except DurabilityError as error:  # the run has its end, and is sealed without it
        problem = error.message
    return one_line((problem or "").replace(f"{scratch}/", ""), MAX_REASON_CHARS)


def place(space: Workspace, milestone_id: str, *, must: bool) -> None:
    """Move what is kept of a run that is about to be published to its place.

    Raises DurabilityError where one cannot be moved and `must`: the run is as it was then. Else it
    is lost with the work folder, and `said` says so.
    """
    events = _telling(space.staging)
    for one in kept.kept_in(events):
        source = _scratch(space, events) / f"checkpoint-{one.step}"
        target = kept.folder_of(space.runs, milestone_id, one)
        try:
            if type_of(source) == "folder":
                _move(source, target, space.runs / layout.CHECKPOINTS_KEPT)
        except DurabilityError as error:
            if must:
                raise DurabilityError(
                    f"the checkpoint after step {one.step} cannot be kept: {error.message}",
                    hint=f"{error.hint}\n  Or seal the run without it: --close".strip(),
                    no_room=error.no_room,
                ) from error


def _move(source: Path, target: Path, top: Path) -> None:
    make_folder(target.parent)
    ignored = top / ".gitignore"
    if type_of(ignored) is None:
        write_file(ignored, _IGNORED)
    remove(target)  # of the same bytes, as far as its name goes; ours were counted just now
    move(source, target)


def _telling(pack: Path) -> tuple[JournalEvent, ...]:
    """The events of a journal that tells of kept checkpoints; of any other none, unread."""
    data = (pack / layout.JOURNAL).read_bytes()
    return tuple(journal.read(data)) if kept.EVENT.encode("ascii") in data else ()


def _asks(pack: Path) -> bool:
    """Whether the milestone of a pack wants checkpoints kept, as far as its file tells."""
    data = (pack / layout.MILESTONE).read_bytes()
    try:
        asked = b"keep_checkpoints" in data and read_milestone(data)[0].publish.keep_checkpoints
    except MilestoneError:
        return False
    return bool(asked)


def _scratch(space: Workspace, events: Sequence[JournalEvent]) -> Path:
    """Where the last attempt, which is the one that completed, left its checkpoints."""
    last = next(one for one in reversed(events) if one.event == "attempt-started")
    return space.scratch_named(last.data["number"], str(last.attempt))


def said(runs: Path, milestone_id: str, pack: Path) -> Iterator[str]:
    """What became of those that a milestone wants kept, of a pack that was just published."""
    events = _telling(pack)
    if not events and _asks(pack):
        yield "warning: no checkpoint is kept: the run was closed with damage, and none was counted"
    for one in kept.kept_in(events):
        folder = kept.folder_of(runs, milestone_id, one)
        if type_of(folder) == "folder":
            yield f"the checkpoint after step {one.step} is kept: {folder}"
        else:
            yield f"warning: the checkpoint after step {one.step} is lost: there is no {folder}"
    for two in kept.lost_in(events):
        yield f"warning: the checkpoint after step {two.step} is not kept: {two.reason}"
