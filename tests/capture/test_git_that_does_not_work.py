"""A git that does not work has a named reason within ten seconds, and ends no run (E3)."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from evidence.capture.git import capture_patch, capture_remote, capture_state, resolve_ref
from evidence.capture.repository import Repository, open_repository
from evidence.records.availability import Unavailable
from tests.command import evidence
from tests.project import Project, make_project

REAL = next(
    str(Path(folder) / "git")
    for folder in os.environ["PATH"].split(":")
    if (Path(folder) / "git").is_file()
)
HANGS = "sleep 60 & wait"
ANSWERS = f'[ "$1" = version ] && exec {REAL} version\n'
BROKEN = {
    "exits 3": ("echo 'xcrun: error: invalid active developer path' >&2; exit 3", "xcrun: error"),
    "exits silently": ("exit 1", "exits with 1"),
    "garbage": (r"printf '\377\000\033[31mno\n'", "what no git prints"),
    "nothing": ("true", "what no git prints"),
    "hangs": (HANGS, "did not answer"),
    "without end": ("exec yes", "without end"),
    "not text": ("\x00", ""),
    "then exits 3": (f"{ANSWERS}exit 3", "git "),
    "then garbage": (rf"{ANSWERS}printf '\377\000\033[31mno\n'", "cannot be read"),
    "then zeros": (rf"{ANSWERS}printf 'a\000b\0001\000c\000'", "cannot be read"),
    "then hangs": (f"{ANSWERS}{HANGS}", "did not answer"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path / "project")


def use(script: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\n{script}\n", "latin-1")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")


def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("evidence.capture.repository._VERSION_TIMEOUT_S", 0.5)
    defaults = {"env": None, "given": None, "timeout_s": 0.5}
    monkeypatch.setattr(Repository.run, "__kwdefaults__", defaults)


@pytest.mark.parametrize("name", BROKEN)
def test_a_git_that_does_not_work_is_a_reason(
    name: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script, said = BROKEN[name]
    use(script, tmp_path / "bin", monkeypatch)
    quickly(monkeypatch)
    began_s = time.monotonic()
    found = open_repository(project.root)
    state, remote, patch = capture_state(found), capture_remote(found), capture_patch(found)
    commit = resolve_ref(found, "HEAD")
    for one in (state, patch, commit):
        assert isinstance(one, Unavailable), one
    assert isinstance(state, Unavailable)
    assert said in state.reason
    assert "\x1b" not in f"{state.reason}{remote}"
    assert time.monotonic() - began_s < 5


@pytest.mark.parametrize("name", ["exits 3", "then garbage"])
def test_a_run_without_a_git_that_works_is_a_run(
    name: str, project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit('ref = "HEAD"', "")
    use(BROKEN[name][0], tmp_path / "bin", monkeypatch)
    result = project.run()
    assert result.report.exit_code in (0, 4)
    assert "unavailable" in project.read("git.json")["start"]


def test_the_doctor_does_not_wait_for_a_git_that_hangs(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(HANGS, tmp_path / "bin", monkeypatch)
    quickly(monkeypatch)
    monkeypatch.chdir(project.root)
    began_s = time.monotonic()
    ended = evidence("doctor")
    assert "did not answer" in ended.out
    assert time.monotonic() - began_s < 10
