"""What in the work folder of an unfinished run is not as the run wrote it, or none of its own.

Responsible for naming each such entry where it lies, before anything is read from it, or cut, or
removed: one walk that follows no link and opens nothing but regular files. It is damage that is
looked for (a bad disk, a hand, another program), and no forgery: whoever can write here can write
a run of his own. Closing such a run is `salvage`'s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from io import FileIO
from pathlib import Path, PurePosixPath
from typing import Final

from evidence import layout
from evidence.attempt.reported import read_reported
from evidence.errors import EvidenceError, MalformedError, PackBrokenError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.pack import journal
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import AttemptPlan, JournalEvent
from evidence.running.expected import Expected, expected, is_partial
from evidence.running.memory import KeptFile, Remembered, recall
from evidence.running.unfinished_files import whole_records
from evidence.running.workspace import Workspace
from evidence.stages.stage import Stage, stages_of
from evidence.system.durable import write_file
from evidence.system.entries import (
    OF_THIS_PROCESS,
    Entry,
    open_regular,
    read_regular,
    type_of,
    walk,
)
from evidence.text import commands
from evidence.text.escape import one_line

_PIECE_BYTES: Final = 1 << 20
_JOURNAL: Final = f"{layout.STAGED}/{layout.JOURNAL}"
_MILESTONE: Final = f"{layout.STAGED}/{layout.MILESTONE}"
_MAX_NAME_CHARS: Final = 200
_NO_EVIDENCE: Final = (layout.RESERVE, layout.STOPPED, layout.PUBLISHED, layout.MILESTONE)
"""Beside what becomes the pack, and missed by nobody."""
_GONE: Final = "is gone"
NAMED: Final = 5
"""Damaged files that a message names."""


class Damage(Record):
    """An entry of the work folder that is not as the run wrote it, or that it did not write."""

    path: str
    """Below the work folder, where it lies or lay."""
    reason: str
    strange: bool = False
    """Nothing that the run left: it takes no part in the run, once it is moved out."""

    def said(self, space: Workspace) -> str:
        """Where it lies and what is wrong, in one line."""
        return f"{space.work}/{one_line(self.path, _MAX_NAME_CHARS)} {self.reason}"


class _Told(Record):
    """What the run tells of itself, as far as it can be read."""

    facts: Remembered | None = None
    milestone: Milestone | None = None
    plans: tuple[AttemptPlan, ...] = ()
    events: tuple[JournalEvent, ...] | None = None


def damages(space: Workspace) -> tuple[Damage, ...]:
    """Every entry that is not as it was written, or none of the run's, sorted by path.

    Changes nothing.
    """
    there = {one.name: one for one in walk(space.work)}
    found: dict[str, Damage] = {}
    for one in _damages(space, there):
        found.setdefault(one.path, one)
    if _MILESTONE in found and can_be_restored(space):
        del found[_MILESTONE]
    within = [path for path in found if _parents(path) & found.keys()]  # said with its folder
    return tuple(found[path] for path in sorted(found.keys() - within))


def refuse_damaged(space: Workspace, milestone_id: str, root: Path) -> None:
    """Raise PackBrokenError, with each such entry and what to do, where there is one."""
    close = commands.run(milestone_id, space.runs, "--close", root=root)
    if space.is_being_closed:
        raise PackBrokenError(
            "the run cannot go on: it is being closed, and files of it were moved away already",
            hint=f"Nothing was touched. Close it to the end: {close}",
        )
    found = damages(space)
    if not found:
        return
    named = "; ".join(one.said(space) for one in found[:NAMED])
    more = f"; and {len(found) - NAMED} more" if len(found) > NAMED else ""
    resume = commands.run(milestone_id, space.runs, "--resume", root=root)
    put_back = "Put back what was there, from a backup" if not _all_strange(found) else ""
    moved_out = "move out what the run did not leave" if any(one.strange for one in found) else ""
    what = ", and ".join(one for one in (put_back, moved_out) if one)
    raise PackBrokenError(
        f"the run cannot go on: {named}{more}",
        hint=f"Nothing was touched. {what[:1].upper()}{what[1:]}, and go on: {resume}\n"
        f"  Or seal what there is as failed: {close}",
    )


def _all_strange(found: tuple[Damage, ...]) -> bool:
    return all(one.strange for one in found)


def can_be_restored(space: Workspace) -> bool:
    """Whether the milestone file is damaged, and its copy is whole and can take its place."""
    try:
        kept = recall(space.work).files.get(_MILESTONE)
    except MalformedError:
        return False
    place = space.staging / layout.MILESTONE
    return (
        kept is not None
        and type_of(space.staging) == "folder"
        and type_of(place) in (None, "file")
        and _problem(place, kept) is not None
        and _problem(space.milestone_copy, kept) is None
    )


def restored_milestone(space: Workspace) -> bool:
    """Put the copy of the milestone file in the place of a damaged one; whether that was needed."""
    if not can_be_restored(space):
        return False
    write_file(space.staging / layout.MILESTONE, read_regular(space.milestone_copy))
    return True


def _damages(space: Workspace, there: Mapping[str, Entry]) -> Iterator[Damage]:
    told = _Told()
    for one in _read(space, there):
        if isinstance(one, Damage):
            yield one
        else:
            told = one
    facts, events = told.facts, told.events
    is_judged = facts is not None and told.milestone is not None and events is not None
    if facts is not None and told.milestone is not None and events is not None:
        names = expected(facts, told.plans, events, there.keys(), told.milestone)
        reason = _untold(space, told.plans, events, there, stages_of(told.milestone))
        if reason is not None:
            yield Damage(_JOURNAL, reason)
    else:  # where each lies by now is not known
        files = {} if facts is None else facts.files
        names = Expected(kept={_somewhere(name, there): one for name, one in files.items()})
    yield from _missing(names, there)
    yield from _wrong(space, names, there, is_judged=is_judged)
    yield from _reported(space, there)


def _parents(path: str) -> set[str]:
    return {str(one) for one in PurePosixPath(path).parents}


def _read(space: Workspace, there: Mapping[str, Entry]) -> Iterator[Damage | _Told]:
    """What the run tells of itself, behind whatever of that cannot be read."""
    facts: Remembered | None = None
    milestone: Milestone | None = None
    events: tuple[JournalEvent, ...] | None = None
    try:
        facts = recall(space.work)
    except MalformedError as error:
        yield Damage(layout.REMEMBERED, error.message)
    kept = None if facts is None else facts.files.get(_JOURNAL)
    changed = None
    if kept is not None:
        changed = _problem(space.work / _JOURNAL, kept) if _JOURNAL in there else _GONE
    try:
        if changed is not None:
            raise MalformedError(changed)  # whatever it tells, it is not what was written
        data = read_regular(space.staging / layout.JOURNAL) if _JOURNAL in there else b""
        events = tuple(journal.read(whole_records(data)))
    except OSError as error:
        yield Damage(_JOURNAL, _unreadable(error))
    except EvidenceError as error:
        yield Damage(_JOURNAL, error.message)
    try:
        name = layout.MILESTONE if can_be_restored(space) else _MILESTONE
        milestone = parse_milestone(read_regular(space.work / name) if name in there else b"")
    except OSError as error:
        yield Damage(_MILESTONE, _unreadable(error))
    except EvidenceError as error:
        is_there = _MILESTONE in there
        yield Damage(_MILESTONE, f"cannot be read: {error.message}" if is_there else _GONE)
    plans = () if milestone is None else plan_attempts(milestone)
    yield _Told(facts, milestone, plans, events)


def _missing(names: Expected, there: Mapping[str, Entry]) -> Iterator[Damage]:
    """What is gone; a folder that is gone stands for all that was in it."""
    if layout.STAGED not in there:
        yield Damage(layout.STAGED, _GONE)
    for name, kept in names.kept.items():
        emptied = kept.grows and any(one.size_bytes == 0 for one in kept.states)
        if name in there or kept.may_lack or emptied or name == layout.MILESTONE:
            continue
        above = [str(one) for one in PurePosixPath(name).parents][-2::-1]
        yield Damage(next((one for one in above if one not in there), name), _GONE)


def _wrong(
    space: Workspace, names: Expected, there: Mapping[str, Entry], *, is_judged: bool
) -> Iterator[Damage]:
    """What is there and is not as it was written, or was not written by the run."""
    folders = names.folders()
    skipped: set[str] = set()
    for name, entry in there.items():
        if _parents(name) & skipped:
            continue
        damage = _judged(space, names, folders, entry, is_judged=is_judged)
        if damage is None:
            continue
        skipped.add(name)
        yield damage


def _judged(
    space: Workspace,
    names: Expected,
    folders: frozenset[str],
    entry: Entry,
    *,
    is_judged: bool,
) -> Damage | None:
    name = entry.name
    if entry.type == "unreadable":
        return Damage(name, "cannot be read")
    is_file = name in names.kept or name in names.may
    if entry.type == "file" and is_file:
        kept = names.kept.get(name)
        reason = (
            None if kept is None or name == layout.MILESTONE else _problem(space.work / name, kept)
        )
        return None if reason is None else Damage(name, reason)
    if is_file:
        is_strange = name in _NO_EVIDENCE
        return Damage(name, f"is a {entry.type} where a file was", is_strange)
    if name in folders or name == layout.STAGED:
        return (
            None
            if entry.type == "folder"
            else Damage(name, f"is a {entry.type} where a folder was")
        )
    if entry.type not in ("file", "folder"):
        return Damage(name, f"is a {entry.type}, and nothing that the run left", strange=True)
    if not is_judged or (names.has(name) and _can_be_left(name)):
        return None
    return Damage(name, _why_strange(entry), strange=True)


def _can_be_left(name: str) -> bool:
    """Whether a run, which may leave any file here, leaves one of such a name."""
    folder, _, inside = name.partition("/")
    if is_partial(name):
        return True
    if folder == layout.STAGED and inside.startswith(f"{layout.PLOTS}/"):
        return layout.is_rendered(inside)
    is_evidence = folder == layout.STAGED or folder.startswith("attempt-")
    return not is_evidence or layout.SEALED_PATH.fullmatch(inside) is not None


def _why_strange(entry: Entry) -> str:
    return f"is a {entry.type} that the run did not leave"


def _somewhere(name: str, there: Mapping[str, Entry]) -> str:
    """Where a file lies: an attempt that ended was moved into the pack."""
    folder, _, inside = name.partition("/")
    if name in there or not folder.startswith("attempt-"):
        return name
    attempt = f"{layout.STAGED}/{layout.ATTEMPTS}/{folder.removeprefix('attempt-')}"
    moved = (f"{attempt}/{inside}", f"{layout.STAGED}/{inside}")
    return next((one for one in moved if one in there), name)


def _untold(
    space: Workspace,
    plans: tuple[AttemptPlan, ...],
    events: tuple[JournalEvent, ...],
    there: Mapping[str, Entry],
    stages: tuple[Stage, ...],
) -> str | None:
    """What lies in the folder though the journal, written first, does not tell of it."""
    told = {(one.event, one.attempt) for one in events}
    for plan in plans:
        if space.output(plan).name in there and ("attempt-started", plan.name) not in told:
            return f"does not tell of attempt {plan.name}, which left files"
        placed = f"{layout.STAGED}/{layout.attempt_dir(plan.number, plan.name)}"
        if placed in there and ("attempt-finished", plan.name) not in told:
            return f"does not tell how attempt {plan.name} ended, which left files"
    finished = any(event == "attempt-finished" for event, _ in told)
    for stage in stages:
        for path in stage.needed_when_complete:
            if f"{layout.STAGED}/{path}" in there and not finished:
                return f"does not tell which attempt left {path}"
    if not events and f"{layout.STAGED}/{layout.FROZEN}" in there:
        return "is empty, and the run had begun"
    return None


def _reported(space: Workspace, there: Mapping[str, Entry]) -> Iterator[Damage]:
    for name, entry in there.items():
        folder, _, inside = name.partition("/")
        name_inside = inside.rpartition("/")[2]  # a stage of several has a folder of its own
        is_job = fnmatchcase(name_inside, "job-*.json")
        is_known = is_job or name_inside in ("reported.json", "ended.json")
        is_ours = is_known and inside.count("/") < 2
        if not folder.startswith("scratch-") or not is_ours:
            continue
        if entry.type != "file":  # jobs are written anew
            yield Damage(name, f"is a {entry.type} where a file was", is_job)
        elif name_inside == "reported.json":
            try:
                read_reported((space.work / name).parent)
            except MalformedError as error:
                yield Damage(name, error.message)
            except OSError as error:
                yield Damage(name, _unreadable(error))


def _problem(path: Path, kept: KeptFile) -> str | None:
    """Why a file is not what was kept of it; None where it is."""
    try:
        with open_regular(path) as stream:
            for state in kept.states:
                stream.seek(0)
                digest = _digest_of_first(stream, state.size_bytes)
                whole = kept.grows or path.stat().st_size == state.size_bytes
                if digest == state.sha256 and whole:
                    return None
    except FileNotFoundError:
        return _GONE
    except OSError as error:
        return _unreadable(error)
    return "is not what the run wrote"


def _digest_of_first(stream: FileIO, size_bytes: int) -> str:
    """Digest of the first bytes of a file, or of all where it has fewer."""
    digest, left = hashlib.sha256(), size_bytes
    while left and (piece := stream.read(min(left, _PIECE_BYTES))):
        digest.update(piece)
        left -= len(piece)
    return digest.hexdigest()


def _unreadable(error: OSError) -> str:
    """Raises it on where it says nothing of the file: the look begins again another time."""
    if error.errno in OF_THIS_PROCESS:
        raise error
    return f"cannot be read: {error.strerror}"
