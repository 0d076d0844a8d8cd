"""Commit and patch that a pack ran from, and the user's repository that is to have them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.repository import NO_GIT, Repository, open_repository
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.milestone.recorded import to_run_anew
from evidence.records.availability import Unavailable
from evidence.verification.verification import VerifiedPack

_WITHOUT_ONE: Final = "; `git init` and commit to have one"
"""Advice that would not bring the recorded commit."""


def recorded_source(original: VerifiedPack) -> tuple[str, bytes | None]:
    """Commit and patch that the pack ran from. Raises UsageError where they do not suffice."""
    documents = original.documents
    if documents.manifest is None or documents.manifest.status != "complete":
        raise UsageError(
            f"{original.path} has no completed attempt: there is nothing to reproduce",
            hint=f"`{to_run_anew(documents.milestone, documents.overrides)}` starts anew.",
        )
    state = documents.git.start
    if isinstance(state, Unavailable):
        raise UsageError(f"{original.path} records no commit to start from: {state.reason}")
    stated = documents.git.patch_sha256
    if not state.dirty:
        return state.commit, None
    if isinstance(stated, Unavailable):
        raise UsageError(
            f"{original.path} ran from a tree that differed from its commit, and holds no patch: "
            f"{stated.reason}",
            hint="Commit the changes and run the milestone again to have a pack that reproduces.",
        )
    patch = (original.path / layout.PATCH).read_bytes()
    if sha256_hex(patch) != stated:
        raise UsageError(f"{original.path / layout.PATCH} changed while it was read")
    return state.commit, patch


def project_repository(project: Path, pack: Path) -> Repository:
    """The repository around the user's project. Raises UsageError where there is none.

    Never guessed from where the pack lies: a stranger's repository can run what it likes.
    """
    found = open_repository(project)
    if not isinstance(found, Unavailable):
        return found
    if found.reason == NO_GIT:
        raise UsageError(
            "git is not on PATH, and the recorded commit is checked out with it",
            hint="Install git, or put the folder that holds it on PATH.",
        )
    around = pack.resolve().parent.parent
    named = f": --repo {around}" if around != project and (around / ".git").exists() else ""
    raise UsageError(
        f"{project}: {found.reason.removesuffix(_WITHOUT_ONE)}",
        hint=f"Run this inside a clone of the project, or name one with --repo{named}",
    )
