"""A folder of evidence as it lies on disk: what of it goes into a pack, and what is left out.

Responsible for the walk and for the reasons. Links and special files are never followed or opened;
no byte is copied here.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Final

from evidence import layout, limits
from evidence.errors import PastLimitError, UsageError
from evidence.foreign.walking import SKIPPED
from evidence.records.record import Record
from evidence.verification.imported.names import pack_names

WEIGHTS: Final = frozenset(
    (
        *(".safetensors", ".bin", ".pt", ".pt2", ".pth", ".ckpt", ".gguf", ".ggml", ".onnx"),
        *(".h5", ".hdf5", ".keras", ".npy", ".npz", ".pkl", ".pickle", ".joblib", ".msgpack"),
        *(".distcp", ".mar", ".nemo", ".pb", ".dill"),
    )
)
ARCHIVES: Final = frozenset(
    (".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".zst", ".rar", ".whl", ".jar")
)
LOADED: Final = frozenset((".so", ".dll", ".dylib", ".exe", ".pyc", ".pyo", ".pyd", ".wasm"))
INSPECT: Final = frozenset((".eval",))
_WHY: Final = (
    (
        INSPECT,
        "a log of Inspect in its own archive, which is never opened: import it as JSON, made by "
        "`inspect log convert LOG --to json --output-dir FOLDER`",
    ),
    (WEIGHTS, "weights or arrays: named by their digest, not copied"),
    (ARCHIVES, "an archive, which is never opened: import what is in it, unpacked"),
    (LOADED, "a program that a machine loads: named by its digest, not copied"),
)
OF_PROGRAMS: Final = "a folder of programs, not of evidence"


class Found(Record):
    """A plain file of the folder."""

    path: str
    """From the folder on, parts divided by `/`."""
    size_bytes: int
    status: tuple[int, int, int, int]
    """Device, inode, size and time of change, as they were when it was found."""


class Left(Record):
    """What is not read."""

    path: str
    reason: str


class Folder(Record):
    """What lies in it."""

    copied: tuple[tuple[Found, str], ...]
    """Files with their names in the pack, in order of these."""
    digested: tuple[tuple[Found, str], ...]
    """Files of which the digest alone is taken, each with the reason."""
    left: tuple[Left, ...]


def look_at(root: Path, runs: Path) -> Folder:
    """Everything below a folder. `runs`, where packs appear, is none of it.

    Raises UsageError for a folder that is a pack or holds nothing; PastLimitError past a limit.
    """
    if not root.is_dir():
        what = "is no folder" if os.path.lexists(root) else "is not there"
        raise UsageError(f"{root} {what}", hint="Give the folder that holds the logs and results.")
    if _is_pack(root):
        raise UsageError(
            f"{root} is a pack itself: there is nothing to import",
            hint=f"Check it: evidence verify {root}",
        )
    if root == runs:
        raise UsageError(f"{root} is the folder of packs", hint="Give the folder of one run.")
    files: list[Found] = []
    left: list[Left] = []
    for one in _walk(root, root, runs):
        if isinstance(one, Found):
            files.append(one)
        else:
            left.append(one)
        if max(len(files), len(left)) > limits.MAX_ORIGINALS:
            most = limits.MAX_ORIGINALS
            raise PastLimitError(
                f"{root} holds more than {most} files: import the folder of one run alone"
            )
    return _sorted_out(root, files, left)


def _sorted_out(root: Path, files: list[Found], left: list[Left]) -> Folder:
    digested = [(one, reason) for one in files if (reason := _why_not_copied(one))]
    kept = {one.path: one for one in files}
    for one, _ in digested:
        del kept[one.path]
    names = pack_names(kept)
    digested += [(kept[path], f"no name of a pack: {why}") for path, why in names.refused.items()]
    total_bytes = sum(kept[path].size_bytes for path in names.paths)
    if total_bytes > limits.MAX_ORIGINALS_BYTES:
        most = limits.MAX_ORIGINALS_BYTES
        raise PastLimitError(f"the files of {root} have {total_bytes} bytes, more than {most}")
    if not names.paths:
        why = "holds no file" if not files else "holds no file that can be copied into a pack"
        raise UsageError(
            f"{root} {why}", hint="Give the folder that holds the logs and results of a run."
        )
    copied = sorted(((kept[path], name) for path, name in names.paths.items()), key=lambda p: p[1])
    return Folder(
        tuple(copied),
        tuple(sorted(digested, key=lambda pair: pair[0].path)),
        tuple(sorted(left, key=lambda one: one.path)),
    )


def _why_not_copied(one: Found) -> str:
    ending = PurePosixPath(one.path).suffix.lower()
    for endings, reason in _WHY:
        if ending in endings:
            return reason
    if one.size_bytes > limits.MAX_ORIGINAL_BYTES:
        return f"larger than {limits.MAX_ORIGINAL_BYTES} bytes: named by its digest, not copied"
    return ""


def _walk(root: Path, place: Path, runs: Path) -> Iterator[Found | Left]:
    with os.scandir(place) as entries:
        for entry in sorted(entries, key=lambda one: os.fsencode(one.name)):
            path = Path(entry.path)
            name = _written(path.relative_to(root).as_posix())
            status = entry.stat(follow_symlinks=False)
            if stat.S_ISLNK(status.st_mode):
                yield Left(name, "a link, which is not followed")
            elif stat.S_ISDIR(status.st_mode):
                reason = _why_not_entered(path, entry.name, runs)
                if reason:
                    yield Left(f"{name}/", reason)
                else:
                    yield from _walk(root, path, runs)
            elif not stat.S_ISREG(status.st_mode):
                yield Left(name, "no plain file: a pipe, a socket or a device")
            elif name != path.relative_to(root).as_posix():
                yield Left(name, "its name is no UTF-8")
            else:
                yield Found(name, status.st_size, status_of(status))


def status_of(status: os.stat_result) -> tuple[int, int, int, int]:
    """By which a file is known again, unchanged."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _why_not_entered(path: Path, name: str, runs: Path) -> str:
    if name in SKIPPED:
        return OF_PROGRAMS
    if path.resolve() == runs:
        return "the folder of packs"
    return "a pack itself" if _is_pack(path) else ""


def _is_pack(path: Path) -> bool:
    """By the two files that no other folder has: a results.json alone makes none."""
    return all((path / name).is_file() for name in (layout.SUMS, layout.MANIFEST))


def _written(name: str) -> str:
    """A name as JSON can hold it."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
