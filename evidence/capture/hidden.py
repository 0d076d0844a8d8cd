"""Files that git skips by its own settings: `assume-unchanged`, `skip-worktree`, sparse checkouts.

Responsible for an index in which nothing is hidden, so that a change to such a file is a change
like any other, and for how many files a sparse checkout leaves out. The user's own index stays.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from evidence.capture.repository import Repository
from evidence.records.record import Record

_REVEAL = ("--no-assume-unchanged", "--no-skip-worktree")
"""One call each: git heeds only the first of them."""


class Flagged(Record):
    """Paths from the top of the working tree, by whether a file is there."""

    present: tuple[bytes, ...]
    absent: tuple[bytes, ...]


def flagged(found: Repository) -> Flagged:
    """What `git status` would say nothing about, whatever its bytes are."""
    top = os.fsencode(str(found.repo.working_tree_dir))
    present: list[bytes] = []
    absent: list[bytes] = []
    for entry in found.run("ls-files", "-v", "-z", "--", ":/").split(b"\0"):
        tag, name = entry[:1], entry[2:]
        if tag == b"S" or tag.islower():
            exists = os.path.lexists(top + b"/" + name)
            (present if exists or tag == b"h" else absent).append(name)
    return Flagged(tuple(present), tuple(absent))


@contextmanager
def open_index(found: Repository) -> Iterator[dict[str, str]]:
    """Environment for a git that hides nothing: a copy of the index that vanishes afterwards."""
    present = flagged(found).present
    if not present:
        yield {}
        return
    with tempfile.TemporaryDirectory() as folder:
        index = Path(folder) / "index"
        shutil.copy2(Path(found.repo.git_dir) / "index", index)
        own = {"GIT_INDEX_FILE": str(index)}
        reveal(found, present, Path(folder), own)
        yield own


def reveal(found: Repository, names: tuple[bytes, ...], folder: Path, own: dict[str, str]) -> None:
    """Take the flags of these files away in the index that `own` names."""
    if names:
        given = folder / "hidden"
        given.write_bytes(b"".join(name + b"\0" for name in names))
        for option in _REVEAL:
            found.run("update-index", option, "-z", "--stdin", env=own, given=given)
