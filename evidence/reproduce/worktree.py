"""A clean worktree of the user's repository, at a recorded commit with a recorded patch.

Responsible for making it outside the user's own working tree and for leaving nothing behind,
however the block inside ends: no folder, and no entry in `git worktree list`.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from evidence.capture.git import Repository, open_repository
from evidence.errors import UsageError
from evidence.records.availability import Unavailable

CHECKOUT_TIMEOUT_S: Final = 600.0
_PREFIX: Final = "evidence-reproduce-"


@contextmanager
def clean_worktree(
    repository: Repository, commit: str, patch: bytes | None, *, keep: bool
) -> Iterator[Path]:
    """The project's folder inside a fresh worktree; removed on leaving unless `keep`.

    Raises UsageError for a commit that is not there and for a patch that does not apply.
    """
    _need_commit(repository, commit)
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
    tree = folder / "tree"
    try:
        added = repository.attempt(
            "worktree", "add", "--quiet", "--detach", str(tree), commit,
            timeout_s=CHECKOUT_TIMEOUT_S,
        )  # fmt: skip
        if isinstance(added, Unavailable):
            raise UsageError(f"git cannot check out commit {commit}: {added.reason}")
        if patch is not None:
            _apply(tree, folder / "recorded.patch", patch)
        yield tree / _project_inside(repository)
    finally:
        if not keep:
            _remove(repository, folder, tree)


def _need_commit(repository: Repository, commit: str) -> None:
    if not isinstance(repository.attempt("cat-file", "-e", f"{commit}^{{commit}}"), Unavailable):
        return
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


def _remove(repository: Repository, folder: Path, tree: Path) -> None:
    repository.attempt("worktree", "remove", "--force", "--force", str(tree))
    shutil.rmtree(folder, ignore_errors=True)
    repository.attempt("worktree", "prune")
