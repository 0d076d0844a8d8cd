"""Fixtures of reproducing: a project that ran once, and a place for worktrees."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.project import Project, make_project


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where worktrees are made, so that a law can look at what stays there."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that ran once, to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        project = make_project(tmp_path_factory.mktemp("made") / "project")
        project.run()
    return project.root


@pytest.fixture
def ran(made: Path, tmp_path: Path) -> Project:
    """The same in a folder of its own."""
    shutil.copytree(made, tmp_path / "project")
    return Project(tmp_path / "project")
