"""C12: folders that cannot be written, go away, or have names that are too long."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

import pytest

from evidence import layout
from tests.faults import laws
from tests.faults.runs import Case
from tests.faults.test_signals import SLOW, begun

NEEDS_USER = pytest.mark.skipif(
    hasattr(os, "geteuid") and os.geteuid() == 0, reason="root may write into read-only folders"
)


@pytest.fixture
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


@NEEDS_USER
def test_a_folder_that_cannot_be_written_is_named(case: Case, outcome: str) -> None:
    """C12: before anything is begun."""
    case.runs.mkdir(mode=0o555)
    ended = case.do("run", "T1")
    assert ended.status in (2, 4)
    assert str(case.runs) in ended.said
    assert laws.honest(case, ended) == "nothing"
    case.runs.chmod(0o755)
    laws.goes_on(case, "nothing", outcome)


def test_a_runs_folder_that_is_a_file_is_named(case: Case) -> None:
    """C12: the same for anyone, root too."""
    case.runs.write_text("not a folder")
    ended = case.do("run", "T1")
    assert ended.status in (2, 4)
    assert "Error: " in ended.said
    assert str(case.runs) in ended.said
    assert "Traceback" not in ended.said


@pytest.mark.parametrize("gone", ["runs", "work", "staging", "output"])
def test_a_folder_that_is_deleted_under_a_run_ends_it(gone: str, case: Case, outcome: str) -> None:
    """C12: nothing is sealed of what is left, and the next run finds its way."""
    command = begun(case, SLOW, "checkpoint")
    folders = {
        "runs": case.runs,
        "work": case.work,
        "staging": case.work / layout.STAGED,
        "output": case.work / "attempt-02-stub",
    }
    removed(folders[gone])
    ended = command.wait()
    assert ended.status == 4, ended.said
    assert "Error: " in ended.said
    state = laws.honest(case, ended)
    assert not case.pack.exists()
    if state == "unfinished":
        assert case.do("run", "T1", "--close").status in (2, 4)
    shutil.rmtree(case.runs, ignore_errors=True)
    laws.goes_on(case, "nothing", outcome)


def removed(folder: Path) -> None:
    """Remove a folder although a run puts things into it."""
    aside = folder.with_name(f"{folder.name}.removed")
    folder.rename(aside)
    shutil.rmtree(aside)
    time.sleep(0.01)


def test_a_path_that_is_too_long_is_named(case: Case) -> None:
    """C12: also one that only becomes too long inside the pack."""
    deep = case.root
    while len(str(deep)) < 3900:
        deep /= "d" * 200
    ended = case.do("run", "T1", "--runs", str(deep / ("r" * 150)))
    assert ended.status in (2, 4), ended.said
    assert "File name too long" in ended.said
    assert "Traceback" not in ended.said
