"""What a write of the index that was cut off has left beside it, and playing it back.

SQLite keeps the pages of before in `FILE-journal` while it writes, and whoever opens the file next
gets them back. Responsible for doing so where the file is to be written, and only with a journal
that names no other file: SQLite deletes the one that a journal names. Asking an index writes
nothing, so it waits until this was done.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Final

_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
"""How a journal begins, and how one ends that names another file."""


def journal_of(path: Path) -> Path:
    """Where the journal of this index lies while it is written."""
    return path.with_name(f"{path.name}-journal")


def names_another_file(journal: Path) -> bool:
    """Whether SQLite would look at another file for this journal's sake, or it is no plain file.

    Raises OSError where it cannot be read.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    if journal.is_symlink():
        return True
    descriptor = os.open(journal, flags | getattr(os, "O_BINARY", 0))
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            return True
        os.lseek(descriptor, max(0, found.st_size - len(_MAGIC)), os.SEEK_SET)
        # A journal that holds nothing but its first eight bytes names nothing, nor is it played.
        return found.st_size > len(_MAGIC) and os.read(descriptor, len(_MAGIC)) == _MAGIC
    finally:
        os.close(descriptor)
