"""Fixtures that several folders of tests use."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import settings

from tests.project import Project, make_project

settings.register_profile("untimed", deadline=None)  # a busy machine breaks no law
settings.load_profile("untimed")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A fresh project with a stub milestone T1."""
    return make_project(tmp_path / "project")


@pytest.fixture(autouse=True)
def _quiet_cpuinfo(monkeypatch: pytest.MonkeyPatch) -> None:
    # py-cpuinfo takes 1.4 s each time; tests/capture/test_host.py runs the real one.
    monkeypatch.setattr("evidence.capture.host._cpuinfo", lambda: {"brand_raw": "test"})
