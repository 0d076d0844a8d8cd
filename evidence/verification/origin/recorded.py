"""The commit, the patch and the project's folder that a pack records, looked up in a clone.

Responsible for saying *not checked* where the pack or the clone lacks them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.capture.git import PatchedTree, PatchError, patched_tree, tree_of
from evidence.capture.repository import Repository
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord
from evidence.verification.consistency.registry import Evidence
from evidence.verification.problem import CannotCheckError

COMMIT_ID: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


def at_project(found: Repository, evidence: Evidence) -> Repository:
    """The clone, asked from the project's folder that the pack records, where it does."""
    prefix = evidence.documents.git.prefix
    if prefix is None:
        return found
    top = Path(str(found.repo.working_tree_dir)).resolve()
    return replace(found, root=top / prefix)


def start_of(evidence: Evidence) -> GitStateRecord:
    """The repository when the run began. Raises CannotCheckError without a commit."""
    start = evidence.documents.git.start
    if isinstance(start, Unavailable):
        raise CannotCheckError(f"the pack names no commit: {start.reason}")
    return start


def known_commit(found: Repository, evidence: Evidence) -> str:
    """The recorded commit, which the clone has. Raises CannotCheckError."""
    commit = start_of(evidence).commit
    if not COMMIT_ID.fullmatch(commit) or tree_of(found, commit) is None:
        raise CannotCheckError("the clone does not have the commit, see repo-commit")
    return commit


def patch_bytes(evidence: Evidence) -> bytes:
    """The patch of a dirty tree, empty for a clean one. Raises CannotCheckError."""
    patch = evidence.contents.get(layout.PATCH)
    if patch is None and start_of(evidence).dirty:
        reason = evidence.documents.git.patch_sha256
        said = reason.reason if isinstance(reason, Unavailable) else "it is not in the pack"
        raise CannotCheckError(f"the tree was dirty and there is no patch: {said}")
    return patch or b""


@contextmanager
def tree_that_ran(found: Repository, evidence: Evidence) -> Iterator[PatchedTree]:
    """The files that the run had: commit and patch; the commit alone where there is no patch."""
    commit = known_commit(found, evidence)
    try:
        patch = patch_bytes(evidence)
    except CannotCheckError:
        patch = b""
    try:
        with patched_tree(found, commit, patch) as tree:
            yield tree
    except PatchError as error:
        raise CannotCheckError("the patch does not apply, see repo-patch") from error
