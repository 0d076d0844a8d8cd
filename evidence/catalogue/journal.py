"""What a write of the index that was cut off has left beside it, and playing it back.

SQLite keeps the pages of before in `FILE-journal` while it writes, and whoever opens the file next
gets them back. Responsible for doing so where the file is to be written, and only with a journal
that names no other file: SQLite deletes the one that a journal names. Asking an index writes
nothing, so it waits until this was done.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from evidence.system.entries import open_regular, type_of

_MAGIC: Final = bytes.fromhex("d9d505f920a163d7")
"""How a journal begins, and how one ends that names another file."""


def journal_of(path: Path) -> Path:
    """Where the journal of this index lies while it is written."""
    return path.with_name(f"{path.name}-journal")


def names_another_file(journal: Path) -> bool:
    """Whether SQLite would look at another file for this journal's sake, or it is no plain file.

    Raises OSError where it cannot be read.
    """
    if type_of(journal) not in ("file", None):
        return True
    with open_regular(journal) as stream:
        size_bytes = os.fstat(stream.fileno()).st_size
        stream.seek(max(0, size_bytes - len(_MAGIC)))
        # A journal that holds nothing but its first eight bytes names nothing, nor is it played.
        return size_bytes > len(_MAGIC) and stream.read(len(_MAGIC)) == _MAGIC
