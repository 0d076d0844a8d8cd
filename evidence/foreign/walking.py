"""Which files of a folder are looked at: plain ones, in an order that no file system decides.

Responsible for limits on their number, and for saying what was left out: links, devices, folders
that cannot be opened. Nothing is read here.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from evidence.records.record import Record
from evidence.text.escape import is_utf8

MAX_FILES: Final = 2_000
MAX_ENTRIES: Final = 20_000
"""That are looked at to choose from."""
MAX_IN_A_FOLDER: Final = 5_000
MAX_DEPTH: Final = 8
SKIPPED: Final = (".git", "__pycache__", ".venv", ".venv-jax", "node_modules", ".ipynb_checkpoints")
_TELLING: Final = (
    *(".json", ".jsonl", ".csv", ".tsv", ".log", ".out", ".err", ".txt", ".yaml", ".yml"),
    *(".toml", ".wandb", ".db"),
)


class Entry(Record):
    """A path below the folder, and why it is not read; empty where it is."""

    path: str
    why_not: str = ""


def entries(root: Path) -> tuple[Entry, ...]:
    """Every file below a folder, by its path. Raises OSError where the folder cannot be opened."""
    found: list[Entry] = []
    is_cut = False
    for entry in _entries(root, root, 0):
        if len(found) >= MAX_ENTRIES:
            is_cut = True
            break
        found.append(entry)
    files = sorted((one for one in found if not one.why_not), key=_first_the_telling)
    kept = files[:MAX_FILES]
    others = [one for one in found if one.why_not]
    if is_cut or len(files) > len(kept):
        count = f"more than {MAX_ENTRIES}" if is_cut else f"{len(files)}"
        others.append(Entry(".", f"holds {count} files, of which {len(kept)} are read"))
    return tuple(sorted((*kept, *others[:MAX_FILES]), key=lambda one: one.path))


def _first_the_telling(entry: Entry) -> tuple[bool, int, str]:
    """Of too many files, those that are likely to be of a run, those near the top first."""
    path = PurePosixPath(entry.path)
    is_telling = path.suffix.lower() in _TELLING or ".tfevents." in path.name
    return not is_telling, len(path.parts), entry.path


def _entries(root: Path, place: Path, depth: int) -> Iterator[Entry]:
    folders: list[Path] = []
    num_here = 0
    here = _shown(place.relative_to(root).as_posix())
    try:
        with os.scandir(place) as listed:
            for entry in listed:
                if entry.name in SKIPPED:
                    continue
                path = Path(entry.path)
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                    continue
                num_here += 1
                if num_here <= MAX_IN_A_FOLDER:
                    yield _entry(entry, path.relative_to(root).as_posix())
    except OSError as error:
        if depth == 0:
            raise
        yield Entry(here, f"cannot be opened: {error.strerror or error}")
    if num_here > MAX_IN_A_FOLDER:
        yield Entry(here, f"holds {num_here} files, of which {MAX_IN_A_FOLDER} are looked at")
    for folder in sorted(folders):
        if depth < MAX_DEPTH:
            yield from _entries(root, folder, depth + 1)
        else:
            deep = _shown(folder.relative_to(root).as_posix())
            yield Entry(deep, f"lies deeper than {MAX_DEPTH} folders, and is not read")


def _entry(entry: os.DirEntry[str], path: str) -> Entry:
    if not is_utf8(path):
        return Entry(_shown(path), "has a name that is no UTF-8")
    if entry.is_symlink():
        return Entry(path, "is a link, which is not followed")
    return Entry(path, "" if entry.is_file(follow_symlinks=False) else "is no plain file")


def _shown(path: str) -> str:
    """A path that can be written: a name may be any bytes."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")
