"""Which packs a path stands for, and what to say where it stands for none.

Responsible for telling packs, folders of packs and unfinished runs apart, by names alone: no file
of a pack is opened. What a pack is worth is said by `verification`.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.errors import UsageError
from evidence.text import commands
from evidence.verification.unfinished import work_folder

_NAMES_OF_A_PACK: Final = (
    layout.SUMS,
    layout.SIGNATURE,
    layout.MANIFEST,
    layout.JOURNAL,
    layout.RESULTS,
    layout.RENDERED,
)
"""A folder with one of these is a pack, or was one before its seal was taken away."""
MAX_NAMED: Final = 6
_BEGIN: Final = (
    "`evidence new M1` writes a milestone, `evidence run M1` makes a pack of it; "
    "`evidence record R1 -- python train.py` makes one of a program as it is."
)


def expand(paths: Sequence[Path]) -> list[Path]:
    """Packs named, and the packs below a folder of packs, in order of name.

    A folder that has none, but runs that are not finished, stands for those. Raises UsageError
    where a name stands for neither a pack nor such a run.
    """
    found: list[Path] = []
    for path in paths:
        if not os.path.lexists(path) and work_folder(path) is None:
            raise no_pack(path)
        found.extend(packs_below(path) or unfinished_below(path) or [path])
    return found


def refuse_empty(paths: Sequence[Path]) -> None:
    """Raise UsageError for a folder of packs, or of a project, that has no pack and no run.

    Any other folder may have been a pack, and is judged as one.
    """
    for path in paths:
        if _is_around_packs(path) and not (is_pack(path) or stands_for_others(path)):
            raise UsageError(f"there is no pack in {path}", hint=what_is_there(path))


def _is_around_packs(path: Path) -> bool:
    around = (layout.WORK, layout.ARCHIVE, layout.RUNS)
    named = path.is_dir() and path.resolve().name == layout.RUNS
    return named or any((path / name).is_dir() for name in around)


def stands_for_others(path: Path) -> bool:
    """Whether a path is a folder of packs or of unfinished runs."""
    return bool(packs_below(path) or unfinished_below(path))


def is_pack(path: Path) -> bool:
    """Whether a folder has the name of a file that only packs have. A seal may be missing."""
    return any(os.path.lexists(path / name) for name in _NAMES_OF_A_PACK)


def packs_below(path: Path) -> list[Path]:
    """The packs directly below a folder that is none itself."""
    if is_pack(path) or not path.is_dir():
        return []
    return sorted(one for one in path.iterdir() if not one.name.startswith(".") and is_pack(one))


def unfinished_below(path: Path) -> list[Path]:
    """The unfinished runs of a folder of packs, each by the name of its pack."""
    inside = path.name == layout.WORK
    work = path if inside else path / layout.WORK
    if is_pack(path) or not work.is_dir():
        return []
    named = (path / one.name for one in work.iterdir())
    return sorted(one for one in named if work_folder(one) is not None)


def packs_around(folder: Path) -> list[Path]:
    """The packs and the unfinished runs directly below a folder of packs; may be none.

    Raises UsageError for what is no such folder.
    """
    if not folder.exists():
        raise no_pack(folder)
    if not folder.is_dir() or is_pack(folder):
        kind = "a pack, not a folder of packs" if is_pack(folder) else "no folder"
        raise UsageError(f"{folder} is {kind}", hint="Name the folder that holds packs: runs.")
    return sorted({*packs_below(folder), *unfinished_below(folder)})


def no_pack(path: Path) -> UsageError:
    """What to raise where a name stands for nothing."""
    return UsageError(f"there is no pack {path}", hint=what_is_there(path.parent, path.name))


def what_is_there(folder: Path, name: str = "") -> str:
    """The packs and runs that are there instead; what is named like `name` comes first."""
    if not folder.is_dir():
        return f"There is no folder {folder} in {Path.cwd()}. {_BEGIN}"
    said = []
    for place in (folder, folder / layout.RUNS, folder / layout.ARCHIVE):
        packs, unfinished = packs_below(place), unfinished_below(place)
        if packs:
            said.append(f"Packs: {_listed(packs, name)}.")
        if unfinished:
            resume = commands.to_resume(unfinished[0].name, _runs_of(place))
            said.append(f"Unfinished: {_listed(unfinished, name)}. Go on: {resume}")
    return "\n  ".join(said) or f"In {folder} there is none yet. {_BEGIN}"


def _runs_of(place: Path) -> Path:
    return place.parent if place.name == layout.WORK else place


def _listed(paths: list[Path], name: str) -> str:
    names = [one.name for one in paths]
    near = get_close_matches(name, names, MAX_NAMED)
    first = [*near, *(one for one in names if one not in near)][:MAX_NAMED]
    more = f" and {len(paths) - len(first)} more" if len(paths) > len(first) else ""
    return ", ".join((paths[0].parent / one).as_posix() for one in first) + more
