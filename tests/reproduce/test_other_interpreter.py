"""Laws of reproducing what ran under another Python: under the same one in the user's project,
which a clean worktree does not have, or under one that is named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import jsonio
from evidence.errors import ExitCode, UsageError
from evidence.progress import Silent
from evidence.reproduce import exact
from evidence.running.signals import StopRequest
from evidence.verification.verification import open_verified
from tests.other_python import able_python
from tests.project import Project
from tests.reproduce.rerun import rerun

NAMED = 'interpreter = "env/bin/python"'


@pytest.fixture
def under_another(project: Project) -> Project:
    """A pack that ran under a Python of the project which git does not know."""
    able_python(project.root / "env")
    (project.root / ".gitignore").write_text("/env/\n/runs/\n")
    project.edit('backend = "stub"\n', f'backend = "stub"\n{NAMED}\n')
    project.git("add", "-A")
    project.git("commit", "-qm", "an interpreter")
    assert project.run().exit_code == ExitCode.DONE
    return project


def test_it_runs_under_the_python_of_the_users_project(
    under_another: Project, temporary: Path
) -> None:
    result = rerun(under_another)
    assert (result.record.verdict, result.asked) == ("bitwise", "bitwise")
    worker = jsonio.load_document((result.pack / layout.WORKER).read_bytes())
    assert worker["interpreter"] == "env/bin/python"
    assert worker["executable"].endswith("/project/env/bin/python")
    assert open_verified(result.pack).report.verdict == "INTACT"


def test_another_may_take_its_place_and_is_named(
    under_another: Project, temporary: Path, tmp_path: Path
) -> None:
    shutil.rmtree(under_another.root / "env")
    with pytest.raises(UsageError, match="there is no interpreter") as caught:
        rerun(under_another)
    assert "python3 -m venv env" in caught.value.hint
    other = able_python(tmp_path / "other")
    result = rerun(under_another, interpreter=str(other))
    assert result.record.verdict == "bitwise"
    worker = jsonio.load_document((result.pack / layout.WORKER).read_bytes())
    assert (worker["interpreter"], worker["executable"]) == ("env/bin/python", str(other))


@pytest.mark.parametrize("more", [(), ("--attempt", "stub"), ("--interpreter", "/a/python")])
def test_an_exact_environment_has_the_packages_of_the_workers_in_one_of_their_own(
    more: tuple[str, ...], under_another: Project, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[tuple[str, int]] = []
    commands: list[list[str]] = []

    def build(folder: Path, interpreter: str, wanted: list[str], stop: object) -> Path:
        built.append((folder.name, len(wanted)))
        return folder / "bin/python"

    def run(command: list[str], *_: object, **__: object) -> int:
        commands.append(command)
        return 0

    monkeypatch.setattr(exact, "requirements", lambda found: [one.name for one in found])
    monkeypatch.setattr(exact, "_tool", lambda *_: "evidence-pack")
    monkeypatch.setattr(exact, "_pip", lambda *_: None)
    monkeypatch.setattr(exact, "_build", build)
    monkeypatch.setattr(exact, "run_forwarding", run)
    with StopRequest() as stop:
        exact.reproduce_in_exact_environment(
            under_another.pack, under_another.root, more, Silent(), stop
        )
    names = [name for name, _ in built]
    ((_, _, _, _, _, *words),) = commands
    if more:
        assert (names, words) == (["environment"], list(more))
    else:
        assert names == ["environment", "environment-of-workers"]
        assert words[0] == "--interpreter"
        assert words[1].endswith("/environment-of-workers/bin/python")


def test_none_takes_the_place_of_our_own(ran: Project, temporary: Path) -> None:
    with pytest.raises(UsageError, match="attempt stub names no interpreter"):
        rerun(ran, interpreter="python3")
