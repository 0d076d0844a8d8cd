"""A recorded run again, and what must be as it was afterwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from evidence.errors import UsageError
from evidence.progress import Silent
from evidence.reproduce.reproduce import ReproduceOptions, ReproduceResult, reproduce
from evidence.running.signals import StopRequest
from tests.project import Project


def rerun(project: Project, pack: Path | None = None, **options: Any) -> ReproduceResult:
    with StopRequest() as stop:
        stop.asked = options.pop("stop_level", 0)
        chosen = ReproduceOptions(project=project.root.resolve(), **options)
        return reproduce(pack or project.pack, chosen, Silent(), stop)


def state(project: Project, temporary: Path) -> dict[str, object]:
    """Everything that a reproduction must leave as it was, or as it found it."""
    files = {
        path.relative_to(project.root).as_posix(): path.read_bytes()
        for path in sorted(project.root.rglob("*"))
        if path.is_file() and ".git" not in path.relative_to(project.root).parts[:1]
    }
    return {
        "files": files,
        "worktrees": project.git("worktree", "list"),
        "status": project.git("status", "--porcelain"),
        "head": project.git("rev-parse", "HEAD"),
        "administration": (project.root / ".git/worktrees").exists(),
        "temporary": list(temporary.iterdir()),
    }


def assert_refused(project: Project, temporary: Path, words: str) -> None:
    """Exit 2 with something to do, and everything as it was."""
    before = state(project, temporary)
    with pytest.raises(UsageError, match=words) as caught:
        rerun(project)
    assert caught.value.hint
    assert state(project, temporary) == before
