"""Laws of promises that name more files by and by: a document holds them, or the run waits."""

from __future__ import annotations

import json

import pytest

from evidence import layout, limits
from evidence.errors import ExitCode, UsageError, WorkerLostError
from evidence.verification.verification import verify_pack
from tests.project import Project
from tests.running.test_damaged import errors

NUM_NEW = 30


@pytest.fixture
def grown(project: Project, monkeypatch: pytest.MonkeyPatch) -> Project:
    """A run whose worker was killed, and files that its promise matches since then."""
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 7, "do": "kill"}))
    with pytest.raises(WorkerLostError):
        project.run()
    monkeypatch.delenv("EVIDENCE_STUB")
    for number in range(NUM_NEW):
        (project.root / f"data/new{number:02d}.jsonl").write_text("x")
    monkeypatch.setattr(limits, "MAX_FROZEN_BYTES", 5000)
    return project


def test_more_files_than_a_pack_holds_are_said_before_the_seal_and_the_run_goes_on_without(
    grown: Project,
) -> None:
    with pytest.raises(UsageError, match=r"names 32 files by now.*30 came.*data/new00\.jsonl"):
        grown.run(resume=True)
    assert verify_pack(grown.pack).verdict == "UNFINISHED"
    for path in (grown.root / "data").glob("new*"):
        path.unlink()
    assert grown.run(resume=True).exit_code == ExitCode.DONE
    assert errors(grown.pack) == []


def test_a_run_with_more_can_be_closed(grown: Project) -> None:
    grown.run(close=True)
    assert errors(grown.pack) == []
    assert verify_pack(grown.pack).verdict == "UNFINISHED"


def test_a_commit_with_more_files_than_a_pack_names_is_a_reason(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(NUM_NEW):
        (project.root / f"data/old{number:02d}.jsonl").write_text("x")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "many")
    for path in (project.root / "data").glob("old*"):
        path.unlink()
    monkeypatch.setattr(limits, "MAX_FROZEN_FILES", 20)
    project.run()
    (found,) = project.read(layout.FROZEN)["sets"]
    assert "has 30 files of this promise" in found["equal_to_ref"]["unavailable"]
    assert errors(project.pack) == []
