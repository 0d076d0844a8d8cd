"""Laws of a closing that is interrupted, and of a run that lost what says that it is one."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest

from evidence.errors import DurabilityError, PackBrokenError, UsageError
from evidence.system import durable
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.running.test_damaged import WORK, errors, killed

LOSSES: Final[dict[str, Callable[[Path], object]]] = {
    "pack/": lambda work: shutil.rmtree(work / "pack"),
    "journal.jsonl": lambda work: (work / "pack/journal.jsonl").unlink(),
    "remembered.json": lambda work: (work / "remembered.json").unlink(),
    "both": lambda work: (
        (work / "pack/journal.jsonl").unlink(),
        (work / "remembered.json").unlink(),
    ),
    "all but checkpoints": lambda work: [
        shutil.rmtree(one) if one.is_dir() else one.unlink()
        for one in work.iterdir()
        if not one.name.startswith("scratch-")
    ],
}
NO_LOCKS: Final[dict[str, Callable[[Path], object]]] = {
    "a folder": lambda path: (path.unlink(), path.mkdir(), (path / "x").touch()),
    "a pipe": lambda path: (path.unlink(), os.mkfifo(path)),
    "a link": lambda path: (path.unlink(), path.symlink_to("nowhere/at/all")),
}
MAX_CALLS: Final = 400


class Broken:
    """Stands for `os` in `durable`, and fails from one rename on."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __getattr__(self, name: str) -> object:
        if name in ("rename", "replace", "unlink", "rmdir"):
            self.left -= 1
            if self.left < 0:
                raise OSError(5, "stopped here")
        return getattr(os, name)


@pytest.fixture
def project(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    killed(tmp_path_factory, "training", tmp_path).rename(tmp_path / "project")
    return Project(tmp_path / "project")


def test_a_closing_may_be_interrupted_anywhere(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C14: begun again and again, each time a few changes further, it comes to the same pack."""
    work = project.runs / WORK
    (work / "pack/git.json").write_bytes(b"x")
    os.mkfifo(work / "pack/pipe")
    (work / "pack/.DS_Store").write_bytes(b"x")
    with pytest.raises(DurabilityError):
        _close_with(project, 4, monkeypatch)
    for number in itertools.count(6, 6):
        assert number < MAX_CALLS
        try:
            _close_with(project, number, monkeypatch)
            break
        except DurabilityError:
            assert verify_pack(project.pack).verdict == "UNFINISHED"
            if project.pack.exists():
                break
    assert errors(project.pack) == []
    (event,) = (one for one in _journal(project) if one["event"] == "damaged")
    reasons = {one["path"]: one for one in event["data"]["files"]}
    assert reasons["pack/git.json"]["reason"] == "is not what the run wrote"
    assert reasons["pack/git.json"]["kept_as"] == "damaged/pack/git.json"
    assert reasons["pack/pipe"]["kept_as"] is None
    assert reasons["pack/.DS_Store"]["sha256"] is not None


def _close_with(project: Project, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(durable, "os", Broken(number))
    try:
        project.run(close=True)
    finally:
        monkeypatch.setattr(durable, "os", os)


def _journal(project: Project) -> list[dict[str, dict[str, list[dict[str, object]]]]]:
    lines = (project.pack / "journal.jsonl").read_bytes().splitlines()
    return [json.loads(line) for line in lines]


def test_a_run_that_is_being_closed_goes_on_no_more(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.runs / WORK / "pack/git.json").write_bytes(b"x")
    with pytest.raises(DurabilityError):
        _close_with(project, 5, monkeypatch)
    with pytest.raises(PackBrokenError, match="it is being closed"):
        project.run(resume=True)
    project.run(close=True)
    assert errors(project.pack) == []


@pytest.mark.parametrize("what", list(LOSSES))
def test_a_run_that_lost_what_says_that_it_is_one_is_not_begun_over(
    what: str, project: Project
) -> None:
    work = project.runs / WORK
    checkpoints = sorted(path for path in work.rglob("checkpoint-*"))
    assert checkpoints
    LOSSES[what](work)
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit) == ("UNFINISHED", 4)
    assert "gone" in report.happened
    with pytest.raises(UsageError, match="an unfinished run of T1"):
        project.run()
    with pytest.raises(PackBrokenError, match=r"is gone|cannot be read"):
        project.run(resume=True)
    assert sorted(path for path in work.rglob("checkpoint-*")) == checkpoints
    project.run(close=True)
    assert errors(project.pack) == []


def test_strangers_alone_cost_the_run_nothing(project: Project) -> None:
    """Its evidence is sealed as ever; the journal tells of them, and they lie beside the run."""
    work = project.runs / WORK
    (work / "pack/.DS_Store").write_bytes(b"x")
    os.mkfifo(work / "attempt-01-stub/pipe")
    project.run(close=True)
    assert errors(project.pack) == []
    assert (project.pack / "attempts/01-stub/training_output/metrics.jsonl").exists()
    events = _journal(project)
    assert not [one for one in events if one["event"] == "damaged"]
    (told,) = (one["data"]["set_aside"] for one in events if "set_aside" in one["data"])
    assert {one["path"]: one["size_bytes"] for one in told} == {
        "pack/.DS_Store": 1,
        "attempt-01-stub/pipe": None,
    }
    (place,) = (project.runs / ".work/.set-aside").iterdir()
    assert (place / "1/pack/.DS_Store").read_bytes() == b"x"


@pytest.mark.parametrize("what", list(NO_LOCKS))
def test_what_stands_where_the_lock_was_is_moved_away(what: str, project: Project) -> None:
    NO_LOCKS[what](project.runs / f"{WORK}.lock")
    assert project.run(resume=True).intact


def test_a_killed_command_leaves_nothing_for_good(project: Project) -> None:
    """C13: what it was writing is removed by the next one that writes into the same pack."""
    assert project.run(resume=True).intact
    code = (
        "import os; from evidence.system import durable; "
        "durable.os.replace = lambda *a: os.kill(os.getpid(), 9); "
        "import sys; from evidence.cli.main import main; main()"
    )
    note = project.root / "note.md"
    note.write_text("Seen later.", "utf-8")
    command = [sys.executable, "-c", code, "note", str(project.pack), str(note)]
    died = subprocess.run(command, cwd=project.root, capture_output=True, timeout=120, check=False)
    assert died.returncode == -9
    assert list(project.runs.rglob("*.partial")) != []
    command = [sys.executable, "-m", "evidence", "note", str(project.pack), str(note)]
    subprocess.run(command, cwd=project.root, capture_output=True, timeout=120, check=True)
    assert list(project.runs.rglob("*.partial")) == []
    assert errors(project.pack) == []
