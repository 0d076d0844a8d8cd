"""Laws of a run that is taken up several times: resumed and closed, stopped in between anywhere.

Whatever the process before had come to, the next command goes on to a pack that verifies, and
nothing that the run left is called a stranger's.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import pytest

from evidence import layout
from evidence.errors import DurabilityError
from evidence.system import durable
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.running.test_closed_again import Broken
from tests.running.test_damaged import WORK, errors, killed

COMMANDS: Final = ("close", "resume")
MAX_CALLS: Final = 200
QUICK_STEP: Final = 13
"""Changes of the disk between two places where a command is stopped, in the quick sample."""


def _stopped(project: Project, command: str, number: int, patch: pytest.MonkeyPatch) -> bool:
    """Whether a command came to its end; it fails from this change of the disk on."""
    with patch.context() as broken:
        broken.setattr(durable, "os", Broken(number))
        try:
            project.run(**{command: True})
        except DurabilityError:
            return project.pack.exists()
    return True


def _every_place(
    kept: Path, root: Path, first: str, then: str, step: int, patch: pytest.MonkeyPatch
) -> None:
    for number in range(1, MAX_CALLS, step):
        shutil.copytree(kept, root, symlinks=True)
        project = Project(root)
        is_over = _stopped(project, first, number, patch)
        if not is_over:
            project.run(**{then: True})
        assert errors(project.pack) == [], f"{first} stopped at change {number}, then {then}"
        told = [one["event"] for one in rows(project.pack / layout.JOURNAL)]
        assert "damaged" not in told, f"{first} stopped at change {number}, then {then}"
        assert not any((root / "runs/.work").glob(f"{layout.SET_ASIDE}/*"))
        shutil.rmtree(root)
        if is_over:
            return
    raise AssertionError(f"{first} makes more than {MAX_CALLS} changes")


def test_a_closing_stopped_somewhere_and_then_resumed(
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C14, C2: a sample of the places."""
    kept = killed(tmp_path_factory, "evaluating", tmp_path)
    _every_place(kept, tmp_path / "project", "close", "resume", QUICK_STEP, monkeypatch)


@pytest.mark.parametrize(
    "step", [pytest.param(7, marks=pytest.mark.full), pytest.param(1, marks=pytest.mark.exhaustive)]
)
@pytest.mark.parametrize("state", ["training", "evaluating", "a second attempt"])
@pytest.mark.parametrize("first", COMMANDS)
@pytest.mark.parametrize("then", COMMANDS)
def test_a_command_stopped_anywhere_and_then_any_other(
    first: str,
    then: str,
    state: str,
    step: int,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C14, C2: every place, or one in seven."""
    kept = killed(tmp_path_factory, state, tmp_path)
    _every_place(kept, tmp_path / "project", first, then, step, monkeypatch)


@pytest.mark.parametrize(
    "order",
    [
        ("close", "resume"),
        ("resume", "close"),
        pytest.param(("resume", "resume"), marks=pytest.mark.full),
    ],
)
def test_a_command_stopped_once_it_was_journalled_and_then_another(
    order: tuple[str, str],
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """C2: the journal says from which step; another process may go on from another, or not."""
    killed(tmp_path_factory, "training", tmp_path).rename(tmp_path / "project")
    project = Project(tmp_path / "project")
    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.recovery._finish", _fails)
        with pytest.raises(DurabilityError, match="stopped here"):
            project.run(**{order[0]: True})
    if order == ("resume", "resume"):
        for one in (project.runs / WORK).glob("scratch-*/checkpoint-*"):
            shutil.rmtree(one)
    project.run(**{order[1]: True})
    assert errors(project.pack) == []
    expected = "INTACT" if order[1] == "resume" else "UNFINISHED"
    assert verify_pack(project.pack).verdict == expected
    recovered = [one for one in rows(project.pack / layout.JOURNAL) if one["event"] == "recovered"]
    assert len(recovered) == 2


def _fails(*_: object) -> None:
    raise OSError(5, "stopped here")
