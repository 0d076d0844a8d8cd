"""What in the work folder of an unfinished run is not as the run wrote it.

Responsible for naming each such file before anything is read from it, or cut, or removed. It is
damage that is looked for (a bad disk, a hand, another program), and no forgery: whoever can write
here can write a run of his own. Closing such a run is `salvage`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from io import FileIO
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.attempt.reported import read_reported
from evidence.encoding.codec import decode
from evidence.errors import EvidenceError, MalformedError, PackBrokenError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal
from evidence.records.inputs import FileDigest
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.running.memory import FileState, KeptFile, Remembered, recall
from evidence.running.unfinished_files import whole_records
from evidence.running.workspace import Workspace
from evidence.stages.registry import kinds
from evidence.system.durable import write_file
from evidence.text import commands

_PIECE_BYTES: Final = 1 << 20
_JOURNAL: Final = f"{layout.STAGED}/{layout.JOURNAL}"
_MILESTONE: Final = f"{layout.STAGED}/{layout.MILESTONE}"
NAMED: Final = 5
"""Damaged files that a message names."""


class Damage(Record):
    """A file of the work folder that is not as the run wrote it."""

    path: str
    """Below the work folder."""
    reason: str


def damages(space: Workspace) -> tuple[Damage, ...]:
    """Every file that is not as it was written, sorted by path. Changes nothing."""
    found: dict[str, Damage] = {}
    for one in _damages(space):
        found.setdefault(one.path, one)
    return tuple(found[path] for path in sorted(found))


def refuse_damaged(space: Workspace, milestone_id: str, root: Path) -> None:
    """Raise PackBrokenError, with each damaged file and what to do, where there is one."""
    found = damages(space)
    if not found:
        return
    named = "; ".join(f"{space.work / one.path} {one.reason}" for one in found[:NAMED])
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    resume, close = (
        commands.run(milestone_id, space.runs, option, root=root)
        for option in ("--resume", "--close")
    )
    raise PackBrokenError(
        f"the run cannot go on: {named}{more}",
        hint="Nothing was touched. Put back what was there, from a backup, and go on: "
        f"{resume}\n  Or seal what there is as failed: {close}",
    )


def restored_milestone(space: Workspace) -> bool:
    """Put the copy of the milestone file in the place of a damaged one; whether that was needed."""
    try:
        kept = recall(space.work).files.get(_MILESTONE)
    except MalformedError:
        return False
    if kept is None or _problem(space.staging / layout.MILESTONE, kept) is None:
        return False
    if _problem(space.milestone_copy, kept) is not None:
        return False
    write_file(space.staging / layout.MILESTONE, space.milestone_copy.read_bytes())
    return True


def _damages(space: Workspace) -> Iterator[Damage]:
    try:
        facts = recall(space.work)
    except MalformedError as error:
        yield Damage(layout.REMEMBERED, error.message)
        facts = None
    for name, kept in () if facts is None else facts.files.items():
        if name == layout.MILESTONE:
            continue  # a copy of what is staged
        reason = _problem(_place(space, name), kept)
        if reason is not None:
            yield Damage(name, reason)
    yield from _journal(space, facts)
    yield from _reported(space)


def _journal(space: Workspace, facts: Remembered | None) -> Iterator[Damage]:
    path = space.staging / layout.JOURNAL
    if facts is not None and _JOURNAL in facts.files and _problem(path, facts.files[_JOURNAL]):
        return  # named already
    try:
        data = path.read_bytes() if path.exists() else b""
        events = tuple(journal.read(whole_records(data)))
    except OSError as error:
        yield Damage(_JOURNAL, f"cannot be read: {error.strerror}")
        return
    except EvidenceError as error:
        yield Damage(_JOURNAL, error.message)
        return
    try:
        milestone = parse_milestone((space.staging / layout.MILESTONE).read_bytes())
    except (OSError, EvidenceError):
        return  # named already, and without it nothing more can be told
    plans = plan_attempts(milestone)
    reason = _untold(space, plans, events)
    if reason is not None:
        yield Damage(_JOURNAL, reason)
    for plan in plans:
        yield from _model(space, plan, [one for one in events if one.attempt == plan.name])


def _model(space: Workspace, plan: AttemptPlan, events: list[JournalEvent]) -> Iterator[Damage]:
    """The model of an attempt that trained it to the end, and did not fail later."""
    finished = {one.data.get("stage") for one in events if one.event == "stage-finished"}
    ends = [one.data["outcome"] for one in events if one.event == "attempt-finished"]
    saved = [one for one in events if one.event == "final-model"]
    kinds_done = [one for one in kinds() if one.weights_folder and one.name in finished]
    if not kinds_done or not saved or ends not in ([], ["completed"]):
        return
    output = space.output(plan)
    for file in decode(tuple[FileDigest, ...], saved[-1].data["files"]):
        name = f"{output.name}/{file.path}"
        kept = KeptFile(grows=False, states=(FileState(file.size_bytes, file.sha256),))
        reason = _problem(_place(space, name), kept)
        if reason is not None:
            yield Damage(name, reason)


def _untold(
    space: Workspace, plans: tuple[AttemptPlan, ...], events: tuple[JournalEvent, ...]
) -> str | None:
    """What lies in the folder though the journal, written first, does not tell of it."""
    told = {(one.event, one.attempt) for one in events}
    for plan in plans:
        if space.output(plan).exists() and ("attempt-started", plan.name) not in told:
            return f"does not tell of attempt {plan.name}, which left files"
        placed = space.staging / layout.attempt_dir(plan.number, plan.name)
        if placed.exists() and ("attempt-finished", plan.name) not in told:
            return f"does not tell how attempt {plan.name} ended, which left files"
    finished = any(event == "attempt-finished" for event, _ in told)
    for kind in kinds():
        for path in kind.needed_when_complete:
            if (space.staging / path).exists() and not finished:
                return f"does not tell which attempt left {path}"
    if not events and (space.staging / layout.FROZEN).exists():
        return "is empty, and the run had begun"
    return None


def _reported(space: Workspace) -> Iterator[Damage]:
    for scratch in sorted(space.work.glob("scratch-*")):
        try:
            read_reported(scratch)
        except MalformedError as error:
            yield Damage(f"{scratch.name}/reported.json", error.message)
        except OSError as error:
            yield Damage(f"{scratch.name}/reported.json", f"cannot be read: {error.strerror}")


def _place(space: Workspace, name: str) -> Path:
    """Where a file lies by now: an attempt that ended was moved into the pack."""
    place = space.work / name
    folder, _, inside = name.partition("/")
    if place.exists() or not folder.startswith("attempt-"):
        return place
    attempt = f"{layout.ATTEMPTS}/{folder.removeprefix('attempt-')}"
    moved = (space.staging / attempt / inside, space.staging / inside)
    return next((one for one in moved if one.exists()), place)


def _problem(path: Path, kept: KeptFile) -> str | None:
    """Why a file is not what was kept of it; None where it is."""
    if path.is_symlink():
        return "is a link by now"
    if not path.exists():
        may_lack = kept.may_lack or any(one.size_bytes == 0 for one in kept.states)
        return None if may_lack else "is gone"
    try:
        with path.open("rb", buffering=0) as stream:
            for state in kept.states:
                stream.seek(0)
                digest = _digest_of_first(stream, state.size_bytes)
                whole = kept.grows or path.stat().st_size == state.size_bytes
                if digest == state.sha256 and whole:
                    return None
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return "is not what the run wrote"


def _digest_of_first(stream: FileIO, size_bytes: int) -> str:
    """Digest of the first bytes of a file, or of all where it has fewer."""
    digest, left = hashlib.sha256(), size_bytes
    while left and (piece := stream.read(min(left, _PIECE_BYTES))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()
