"""Files of an export on disk: whole or not there, never in a pack, never over something else.

Responsible for that law; what is in the files is the formats'.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from evidence.encoding.digest import sha256_stream
from evidence.errors import UsageError
from evidence.export.tree import Content, Copy
from evidence.pack.around import refuse_in_a_pack
from evidence.system.durable import copy_file, move, remove, write_file
from evidence.system.entries import open_regular, type_of

_NAMED: Final = 5


def write_files(folder: Path, files: Mapping[str, Content], *, force: bool) -> tuple[str, ...]:
    """Write the files below a folder and return the names of those that were not there already.

    A folder that is not there appears whole. In one that is, what has the same bytes stays; raises
    UsageError, and writes nothing, where a file has others and `force` is not given, and where the
    folder is a pack or in one.
    """
    refuse_in_a_pack(folder, "--output")
    if type_of(folder) is None:
        return _all_at_once(folder, files)
    if not folder.is_dir():
        raise UsageError(f"{folder} is no folder", hint="Give a folder: --output FOLDER")
    _refuse_leading_out(folder, files)
    changed = [name for name, data in files.items() if not _has(folder / name, data)]
    taken = [name for name in changed if type_of(folder / name) is not None]
    if taken and not force:
        named = ", ".join(taken[:_NAMED])
        more = f" and {len(taken) - _NAMED} more" if len(taken) > _NAMED else ""
        raise UsageError(
            f"{folder} has {named}{more} already, with other bytes; nothing was written",
            hint="Give another folder (--output FOLDER), or --force to replace them.",
        )
    for name in taken:
        if type_of(folder / name) == "folder":
            raise UsageError(f"{folder / name} is a folder; nothing was written")
    for name in changed:
        _write(folder / name, files[name])
    return tuple(changed)


def _refuse_leading_out(folder: Path, files: Mapping[str, Content]) -> None:
    """Raise UsageError where a link in the folder leads out of it: into a pack, or anywhere."""
    whole = folder.resolve()
    for inside in sorted({(folder / name).parent for name in files}):
        if not inside.resolve().is_relative_to(whole):
            raise UsageError(
                f"{inside} leads out of {folder}; nothing was written",
                hint="Give another folder: --output FOLDER",
            )


def _all_at_once(folder: Path, files: Mapping[str, Content]) -> tuple[str, ...]:
    staged = folder.with_name(f".{folder.name}.{os.getpid()}.partial")
    remove(staged)  # of a process of this number that died
    try:
        for name, data in files.items():
            _write(staged / name, data)
        move(staged, folder)
    except BaseException:
        remove(staged)
        raise
    return tuple(files)


def _write(path: Path, data: Content) -> None:
    if isinstance(data, Copy):
        copy_file(data.source, path, sha256=data.sha256)
    else:
        write_file(path, data)


def _has(path: Path, data: Content) -> bool:
    if type_of(path) != "file":
        return False
    if isinstance(data, Copy):
        return _sha256(path) == data.sha256
    return path.stat().st_size == len(data) and path.read_bytes() == data


def _sha256(path: Path) -> str:
    with open_regular(path) as stream:
        return sha256_stream(stream)[0]
