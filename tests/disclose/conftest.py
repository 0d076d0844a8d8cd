"""One run whose answers are withheld, made once; each test has a copy."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.disclose.private import make_private, published
from tests.project import Project
from tests.shared import made_once


def _run(folder: Path) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
        patch.delenv("EVIDENCE_STUB", raising=False)
        made = make_private(folder / "project")
        made.run()
    return made.root


@pytest.fixture(scope="session")
def _private_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "private", _run)


@pytest.fixture
def private(_private_once: Path, tmp_path: Path) -> Project:
    """A project with a pack whose answers are withheld, and at hand."""
    shutil.copytree(_private_once, tmp_path / "private")
    return Project(tmp_path / "private")


@pytest.fixture
def copy(private: Project, tmp_path: Path) -> Path:
    """Its published copy: without the answers."""
    return published(private.pack, tmp_path / "published")
