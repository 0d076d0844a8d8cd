"""A clean worktree of the user's repository, at a recorded commit with a recorded patch.

Responsible for making it outside the user's own working tree and for leaving nothing behind,
however the block inside ends: no folder, and no entry in `git worktree list`. What a reproduction
that was killed left is removed by the next one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from filelock import FileLock

from evidence import layout
from evidence.capture.git import NoAnswerError, tree_of
from evidence.capture.repository import Repository, open_repository
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.records.record import Record
from evidence.system import posix

CHECKOUT_TIMEOUT_S: Final = 600.0
_PREFIX: Final = "evidence-reproduce-"
_TREE, _LOCK, _MAKES, _OWNER = "tree", "lock", "makes", "repository"


class Worktree(Record):
    """A worktree that is ours for as long as its block lasts."""

    root: Path
    """The project's folder inside it."""
    commit: str
    folder: Path
    """What holds the tree, and nothing of anybody else."""

    def makes(self, name: str) -> None:
        """Remember the name of a pack in the making, for whoever has to clear up after a kill."""
        with (self.folder / _MAKES).open("a", encoding="utf-8") as stream:
            stream.write(f"{name}\n")


@contextmanager
def clean_worktree(
    repository: Repository, commit: str, patch: bytes | None, *, keep: bool
) -> Iterator[Worktree]:
    """A fresh worktree; removed on leaving unless `keep`.

    Raises UsageError for a commit that is not there and for a patch that does not apply.
    """
    _need_commit(repository, commit)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    tree, held = folder / _TREE, FileLock(folder / _LOCK)
    held.acquire()
    try:
        (folder / _OWNER).write_bytes(_owner(repository))
        added = repository.attempt(
            "worktree", "add", "--quiet", "--detach", str(tree), commit,
            timeout_s=CHECKOUT_TIMEOUT_S,
        )  # fmt: skip
        if isinstance(added, Unavailable):
            raise UsageError(f"git cannot check out commit {commit}: {added.reason}")
        if patch is not None:
            _apply(tree, folder / "recorded.patch", patch)
        yield Worktree(tree / _project_inside(repository), commit, folder)
    finally:
        if keep:
            (folder / _LOCK).unlink()  # without one it counts as kept
        else:
            _remove(repository, folder)
        held.release()


def remove_stale(repository: Repository) -> list[str]:
    """Remove worktrees of reproductions that were killed; names of the packs they were making."""
    names: list[str] = []
    for folder in _own_folders(repository):
        if not (folder / _LOCK).exists() or posix.is_locked(folder / _LOCK):
            continue
        if (folder / _MAKES).exists():
            words = (folder / _MAKES).read_text("utf-8").split()
            names += [name for name in words if layout.MILESTONE_ID.match(name) and "/" not in name]
        _remove(repository, folder)
    return names


def _own_folders(repository: Repository) -> set[Path]:
    """Folders of our making: those that git lists, and those whose entry is gone already.

    Of the latter only this user's own count: anybody may make one where temporary files are.
    """
    around = Path(tempfile.gettempdir()).glob(f"{_PREFIX}*")
    found = {folder.resolve() for folder in around if _is_own(folder, _owner(repository))}
    listed = repository.attempt("worktree", "list", "--porcelain", "-z")
    if not isinstance(listed, Unavailable):
        entries = listed.decode("utf-8", "surrogateescape").split("\0")
        trees = [Path(entry.removeprefix("worktree ")) for entry in entries]
        found |= {
            tree.parent
            for tree in trees
            if tree.name == _TREE and tree.parent.name.startswith(_PREFIX)
        }
    return found


def _is_own(folder: Path, owner: bytes) -> bool:
    if not posix.is_own_folder(folder):
        return False
    note = folder / _OWNER
    return note.is_file() and note.read_bytes() == owner


def _owner(repository: Repository) -> bytes:
    return os.fsencode(Path(str(repository.repo.common_dir)).resolve())


def _need_commit(repository: Repository, commit: str) -> None:
    try:
        if tree_of(repository, commit) is not None:
            return
    except NoAnswerError as error:
        raise UsageError(
            f"{repository.root}: {error}", hint="`git status` there must answer."
        ) from error
    shallow = repository.attempt("rev-parse", "--is-shallow-repository") == b"true\n"
    if shallow:
        raise UsageError(
            f"commit {commit} is not in this repository, which is a shallow clone",
            hint="`git fetch --unshallow` brings the history; then reproduce again.",
        )
    raise UsageError(
        f"commit {commit} is not in {repository.root}",
        hint="`git fetch --all --tags` may bring it, or name another clone with --repo. A commit "
        "that was rebased away and collected is gone; the pack itself stays what it is.",
    )


def _apply(tree: Path, file: Path, patch: bytes) -> None:
    file.write_bytes(patch)
    inside = open_repository(tree)
    if isinstance(inside, Unavailable):
        raise UsageError(f"the new worktree is not readable: {inside.reason}")
    applied = inside.attempt(
        "apply", "--whitespace=nowarn", str(file), timeout_s=CHECKOUT_TIMEOUT_S
    )
    inside.repo.close()
    if isinstance(applied, Unavailable):
        raise UsageError(
            f"the recorded patch does not apply to its commit: {applied.reason}",
            hint="If core.autocrlf or a filter of yours changes line ends, switch it off.",
        )


def _project_inside(repository: Repository) -> Path:
    top = Path(str(repository.repo.working_tree_dir)).resolve()
    return repository.root.relative_to(top)


def _remove(repository: Repository, folder: Path) -> None:
    repository.attempt("worktree", "remove", "--force", "--force", str(folder / _TREE))
    shutil.rmtree(folder, ignore_errors=True)
    repository.attempt("worktree", "prune")
