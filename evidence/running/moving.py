"""The files of a run that is closed with damage, moved out of the way of its pack.

Responsible for where each goes: below damaged/ in the pack, unread, or beside the run where no
pack can hold it. Doing it twice keeps what was moved before. What stays in its place is chosen by
`salvage`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence import layout, limits
from evidence.encoding.digest import sha256_stream
from evidence.errors import MalformedError
from evidence.pack import lost
from evidence.records.milestone import Milestone
from evidence.records.run import DamagedFile
from evidence.running import kept_weights
from evidence.running.expected import BESIDE, DERIVED
from evidence.running.memory import recall
from evidence.running.set_aside import MAX_NAME_CHARS, put_aside, put_aside_so_far
from evidence.running.workspace import Workspace
from evidence.system.durable import make_folder, move, remove, unshare
from evidence.system.entries import MAX_DEPTH, Entry, open_regular, read_regular, type_of, walk
from evidence.text.escape import one_line

MAX_NAMED: Final = 1000
"""Damaged files that the journal names; more are counted."""
_MAX_REASON_CHARS: Final = 500
_WITH_THE_REST: Final = "set aside with the rest"
_OURS: Final = (*BESIDE, layout.CLOSING, layout.JOURNAL)
"""Files beside what becomes the pack: they are read and written here, and never sealed."""
_WRITTEN_ANEW: Final = (
    *lost.DOCUMENTS,
    layout.GIT,
    layout.ENV_SNAPSHOT,
    layout.GPU_SNAPSHOT,
    layout.WITHHELD,
)
_ENTRY_OF_DAMAGED: Final = f"{layout.STAGED}/{layout.DAMAGED}"


def make_room(space: Workspace) -> None:
    """See to it that the folders and files that a closing writes are what they are to be."""
    put_aside(space, list(_in_the_way(space)))
    make_folder(space.staging)
    space.reserve_room()


def _in_the_way(space: Workspace) -> Iterator[str]:
    if type_of(space.staging) not in (None, "folder"):
        yield layout.STAGED
    elif type_of(space.staging / layout.DAMAGED) not in (None, "folder"):
        yield _ENTRY_OF_DAMAGED
    for name in _OURS:
        if type_of(space.work / name) not in (None, "file"):
            yield name


def move_the_rest(
    space: Workspace, milestone: Milestone, kept: set[str], reasons: dict[str, str]
) -> tuple[tuple[DamagedFile, ...], int]:
    """Move what does not stay; what was moved or is gone, and how much of it was not named."""
    kept_weights.keep(space, kept_weights.of_models(space))
    left = dict(reasons)
    stays = {f"{layout.STAGED}/{path}" for path in (*kept, layout.MILESTONE)}
    derived = {f"{layout.STAGED}/{one}" for one in (*DERIVED, layout.summary_name(milestone.id))}
    beside: list[str] = []
    inside: list[Entry] = []
    for entry in list(walk(space.work)):
        place = space.work / entry.name
        if any(entry.name.startswith(f"{one}/") for one in beside):
            continue
        if entry.name in stays and entry.type == "file":
            if entry.num_names > 1:
                unshare(place)
        elif entry.type == "file" and (
            entry.name in derived or _was_written_anew(space, entry.name)
        ):
            remove(place)
        elif _goes_beside(entry):
            beside.append(entry.name)
        elif entry.type == "file" and _is_evidence(space, entry.name):
            inside.append(entry)
    too_many = inside[MAX_NAMED:]
    put_aside(space, [*beside, *(one.name for one in too_many)])
    found = [
        _moved(space, entry, left) for entry in inside[:MAX_NAMED] if not _is_hollow(space, entry)
    ]
    found.extend(put_aside_so_far(space, left))
    for name, reason in left.items():  # what is gone
        found.append(DamagedFile(_shown(name), _cut(reason), None, None, None))
    _remove_empty_folders(space)
    first = sorted(found, key=lambda one: (one.reason == _WITH_THE_REST, one.path))
    return tuple(first[:MAX_NAMED]), max(0, len(first) - MAX_NAMED)


def stands_in(space: Workspace, path: Path) -> bool:
    """Whether a document is one that stands in the place of a lost one."""
    name = path.relative_to(space.staging).as_posix() if path.is_relative_to(space.staging) else ""
    return name in lost.DOCUMENTS and read_regular(path) == lost.in_its_place(name)


def _is_hollow(space: Workspace, entry: Entry) -> bool:
    try:
        return stands_in(space, space.work / entry.name)
    except OSError:
        return False


def _was_written_anew(space: Workspace, name: str) -> bool:
    """Whether a process that closed the run before wrote it: what the run had left was moved."""
    written = {f"{layout.STAGED}/{one}" for one in _WRITTEN_ANEW}
    return name in written and type_of(space.staging / _kept_as(name)) == "file"


def _is_evidence(space: Workspace, name: str) -> bool:
    if name == layout.REMEMBERED:
        return not _can_be_recalled(space)
    return name.startswith((f"{layout.STAGED}/", "attempt-"))


def _can_be_recalled(space: Workspace) -> bool:
    try:
        recall(space.work)
    except MalformedError:
        return False
    return True


def _goes_beside(entry: Entry) -> bool:
    """Whether no pack can hold it, or it is nothing that a run leaves at the top of its folder."""
    folder, _, inside = entry.name.partition("/")
    if folder.startswith("scratch-") and inside:
        return False  # removed with the checkpoints
    if entry.type == "folder":
        of_a_run = folder == layout.STAGED or folder.startswith(("attempt-", "scratch-"))
        return not of_a_run or entry.name.count("/") >= MAX_DEPTH
    if entry.name in _OURS or folder.startswith("."):
        return False
    at_the_top = not inside
    return entry.type != "file" or at_the_top or not _fits(_kept_as(entry.name))


def _kept_as(name: str) -> str:
    return f"{layout.DAMAGED}/{name.removeprefix(f'{_ENTRY_OF_DAMAGED}/')}"


def _fits(path: str) -> bool:
    return (
        layout.SEALED_PATH.fullmatch(path) is not None
        and len(path.encode()) <= limits.MAX_PATH_BYTES - len(".00000")
        and path.count("/") < limits.MAX_DEPTH
    )


def _moved(space: Workspace, entry: Entry, reasons: dict[str, str]) -> DamagedFile:
    """Move one file below damaged/, where it is not there already."""
    place, kept_as = space.work / entry.name, _kept_as(entry.name)
    name = entry.name.removeprefix(f"{_ENTRY_OF_DAMAGED}/")
    target, number = space.staging / kept_as, 1
    while target != place and type_of(target) is not None:
        number += 1
        target = space.staging / f"{kept_as}.{number}"
    if target != place:
        make_folder(target.parent)
        move(place, target)
    if entry.num_names > 1:
        unshare(target)
    with open_regular(target) as stream:
        sha256, size_bytes = sha256_stream(stream)
    kept_as = target.relative_to(space.staging).as_posix()
    reason = _cut(reasons.pop(name, _WITH_THE_REST))
    return DamagedFile(_shown(name), reason, kept_as, sha256, size_bytes)


def _remove_empty_folders(space: Workspace) -> None:
    folders = [one.name for one in walk(space.staging) if one.type == "folder"]
    for name in sorted(folders, key=lambda one: -one.count("/")):
        if not any((space.staging / name).iterdir()):
            remove(space.staging / name)


def _shown(name: str) -> str:
    return one_line(name, MAX_NAME_CHARS)


def _cut(reason: str) -> str:
    return one_line(reason, _MAX_REASON_CHARS)
