"""Laws of commands that are printed to be typed: each works where it is read."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from evidence.text import commands


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "my project/milestones").mkdir(parents=True)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    return tmp_path / "my project"


def words(line: str) -> list[str]:
    """As a shell takes it: what follows a # is for the reader."""
    return shlex.split(line, comments=True)


def test_in_the_project_nothing_is_added(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    assert words(commands.to_resume("M43", Path("runs"))) == ["evidence", "run", "M43", "--resume"]
    assert (
        commands.run("M43", project / "runs", "--again", root=project) == "evidence run M43 --again"
    )


def test_elsewhere_the_project_is_named_and_quoted(project: Path) -> None:
    named = ["evidence", "run", "M43", "--resume", "--root", str(project)]
    assert words(commands.to_resume("M43", project / "runs")) == named
    assert words(commands.to_resume("M43", project / "runs", root=project)) == named


def test_packs_that_lie_elsewhere_are_named(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = str(tmp_path / "packs")
    line = commands.run("M43", tmp_path / "packs", root=project)
    assert words(line)[3:] == ["--root", str(project), "--runs", packs]
    monkeypatch.chdir(project)
    assert words(commands.run("M43", tmp_path / "packs"))[3:] == ["--runs", packs]
    (tmp_path / "x/runs").mkdir(parents=True)  # of that name, but without milestones beside it
    assert words(commands.run("M43", tmp_path / "x/runs"))[3:] == [
        "--runs",
        str(tmp_path / "x/runs"),
    ]


def test_the_program_is_spelled_as_it_was_called_where_the_path_has_none(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = project / ".venv/bin/evidence"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.chdir(project)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(sys, "argv", [".venv/bin/evidence"])
    assert commands.evidence("verify") == ".venv/bin/evidence verify"
    monkeypatch.setattr(sys, "argv", ["/x/evidence/__main__.py"])
    assert commands.evidence("verify") == f"{shlex.quote(sys.executable)} -m evidence verify"
    monkeypatch.setenv("PATH", str(program.parent))
    monkeypatch.setattr(sys, "argv", [str(program)])
    assert commands.evidence("verify") == "evidence verify"
