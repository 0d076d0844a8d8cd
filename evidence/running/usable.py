"""Whether the folder of an unfinished run can be worked in to the end, asked before anything else.

Responsible for refusing what a disk or a permission would refuse in the middle, or after hours:
nothing was touched then, and the run is as it was once that is put right. What lies in the folder
is judged by `damage`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence.errors import UsageError
from evidence.running.workspace import Workspace
from evidence.system import posix
from evidence.system.entries import walk
from evidence.text.escape import one_line

_MAX_CHARS: Final = 300
"""Of a path that a message names."""


def refuse_unusable(space: Workspace, again: str) -> None:
    """Raise UsageError where the run could not be written on, sealed and published.

    `again`: the command to give once that is put right.
    """
    _refuse_another_disk(space, again)
    for path in (space.runs, space.work.parent, *_needed(space)):
        mode = os.R_OK | os.W_OK | (os.X_OK if path.is_dir() else 0)
        if os.access(path, mode):
            continue
        shown = one_line(str(path), _MAX_CHARS)
        if posix.can_only_be_read(path):
            raise UsageError(
                f"{shown} lies on a disk that can only be read",
                hint=f"Nothing was touched. Mount it so that it can be written, then: {again}",
            )
        right = "rwX" if path in (space.runs, space.work.parent) else "rwX -R"
        raise UsageError(
            f"{shown} cannot be read and written by this user",
            hint=f"Nothing was touched. Allow it: chmod {_spelled(right, path)}\n  Then: {again}",
        )


def _spelled(right: str, path: Path) -> str:
    mode, _, recursive = right.partition(" ")
    return " ".join((*recursive.split(), f"u+{mode}", shlex.quote(str(path))))


def _needed(space: Workspace) -> Iterator[Path]:
    """What is read, moved or removed; each folder before anything in it is asked for."""
    yield space.work
    for entry in walk(space.work):
        if entry.type in ("file", "folder", "unreadable") and entry.name:
            yield space.work / entry.name


def _refuse_another_disk(space: Workspace, again: str) -> None:
    """A folder that was moved to another disk to make room: no rename leads back from there."""
    if space.work.stat().st_dev == space.runs.stat().st_dev:
        return
    what = f"{space.work} is on another disk than {space.runs}"
    if space.work.is_symlink():
        place, target = shlex.quote(str(space.work)), shlex.quote(str(space.work.resolve()))
        what += f" (it leads to {space.work.resolve()})"
        how = f"Put a copy in the place of the link: rm {place} && cp -a {target} {place}"
    else:
        how = f"Copy what is in it to the disk of {space.runs}, and give it this place"
    raise UsageError(
        f"{what}, and no rename publishes a pack across disks",
        hint=f"Nothing was touched. {how}\n  Then: {again}",
    )
