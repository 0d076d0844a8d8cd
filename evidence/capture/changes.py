"""One changed file of a working tree: how it differs, its digest, its size.

Responsible for the file alone; which files changed is asked of git in `git`.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

from evidence.encoding.digest import sha256_hex, sha256_stream
from evidence.records.availability import Unavailable
from evidence.records.capture import FileState

_STATES: Final[dict[str, FileState]] = {
    "M": "modified",
    "T": "modified",
    "A": "added",
    "D": "deleted",
    "R": "renamed",
    "C": "added",
    "?": "untracked",
}
_UNMERGED: Final = ("AA", "DD")
"""Two-letter states of a conflict that have no U in them."""


def state_of(code: str) -> FileState:
    """How a file differs from HEAD; first letter: in the index, second: in the working tree."""
    if "U" in code or code in _UNMERGED:
        return "unmerged"
    letter = "D" if code[1] == "D" else code.strip()[:1]
    return _STATES.get(letter, "modified")


def digest_of(path: Path) -> str | Unavailable:
    """SHA-256 of what git would store: a file's bytes, or where a link points to."""
    try:
        if path.is_symlink():
            return sha256_hex(os.fsencode(path.readlink()))
        if path.is_dir():
            return Unavailable("a repository of its own: its files are in no patch of this one")
        if not path.is_file():
            return Unavailable("not a file in the working tree")
        with path.open("rb", buffering=0) as stream:
            return sha256_stream(stream)[0]
    except OSError as error:
        return Unavailable(f"it cannot be read: {error.strerror}")


def size_bytes(path: Path) -> int:
    """Size of a regular file; 0 for everything else and for what is gone."""
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_size if stat.S_ISREG(found.st_mode) else 0
