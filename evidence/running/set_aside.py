"""What lay in the folder of a run that is closed, and is none of its files or in no pack's reach.

Responsible for moving it beside the run as it is, whatever it is, and for telling of it. Nothing
of it is opened but regular files, for their digests, and nothing is removed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.encoding.digest import sha256_stream
from evidence.records.run import DamagedFile
from evidence.running.workspace import Workspace, retired
from evidence.system.durable import make_folder, move
from evidence.system.entries import Entry, open_regular, type_of, walk
from evidence.text import endings
from evidence.text.escape import one_line

MAX_NAME_CHARS: Final = 250
"""Of a name that the journal tells."""


def place_of(space: Workspace) -> Path:
    """Where it is moved to: a folder for each time that something was."""
    return space.work.parent / layout.SET_ASIDE / space.work.name


def put_aside(space: Workspace, names: Iterable[str]) -> None:
    """Move entries of the work folder beside it, each with all that is in it."""
    place, number = place_of(space), 1
    while type_of(place / str(number)) is not None:
        number += 1
    for name in names:
        target = place / str(number) / name
        make_folder(target.parent)
        move(space.work / name, target)


def put_aside_so_far(space: Workspace, reasons: dict[str, str]) -> tuple[DamagedFile, ...]:
    """All that was moved, by its path in the work folder, with its digest where it has one.

    Takes the reasons that are known out of `reasons`.
    """
    place = place_of(space)
    found: dict[str, DamagedFile] = {}
    for entry in walk(place):
        _, _, name = entry.name.partition("/")
        if not name:
            continue
        reason = reasons.pop(name, None)
        is_empty = entry.type == "folder" and not any((place / entry.name).iterdir())
        if entry.type != "folder" or is_empty or reason is not None:
            found.setdefault(name, _told(place, entry, name, reason))
    return tuple(found[name] for name in sorted(found))


def retire(space: Workspace, label: str) -> Path | None:
    """Leave what was moved to a name of its own, for good; where it lies, if anything does."""
    return retired(place_of(space), label)


def _told(place: Path, entry: Entry, name: str, reason: str | None) -> DamagedFile:
    sha256, size_bytes = None, None
    if entry.type == "file":
        try:
            with open_regular(place / entry.name) as stream:
                sha256, size_bytes = sha256_stream(stream)
        except OSError:
            reason = endings.UNREAD
    why = endings.set_aside(reason or endings.none_of_the_runs(entry.type))
    return DamagedFile(one_line(name, MAX_NAME_CHARS), why, None, sha256, size_bytes)
