"""C12: folders that cannot be written, go away, or have names that are too long."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from evidence import layout
from tests.faults import laws
from tests.faults.runs import Case
from tests.faults.test_signals import SLOW, begun
from tests.unprivileged import as_anyone, evidence_as_anyone


@pytest.fixture
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


@as_anyone
def test_a_folder_that_cannot_be_written_is_named(case: Case, outcome: str) -> None:
    """C12: before anything is begun."""
    case.runs.mkdir(mode=0o555)
    done = evidence_as_anyone(case.root, "run", "T1")
    assert done.returncode in (2, 4), done.stderr
    assert str(case.runs) in done.stderr
    assert "Traceback" not in done.stderr
    assert laws.honest(case) == "nothing"
    case.runs.chmod(0o755)
    laws.can_be_resumed(case, "nothing", outcome)


def test_a_runs_folder_that_is_a_file_is_named(case: Case) -> None:
    """C12: the same for anyone, root too."""
    case.runs.write_text("not a folder")
    ended = case.do("run", "T1")
    assert ended.status in (2, 4)
    assert "Error: " in ended.printed
    assert str(case.runs) in ended.printed
    assert "Traceback" not in ended.printed


def test_work_on_another_disk_is_refused_before_hours_are_spent(case: Case, outcome: str) -> None:
    """C12: cross-device; publishing is one rename."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == case.root.stat().st_dev:
        pytest.skip("there is no second disk here")
    with tempfile.TemporaryDirectory(dir=memory) as other:
        case.runs.mkdir()
        (case.runs / layout.WORK).symlink_to(other)
        ended = case.do("run", "T1")
        assert (ended.status, "is on another disk than" in ended.printed) == (2, True), (
            ended.printed
        )
        assert laws.honest(case, ended) == "nothing"
        assert list(Path(other).iterdir()) == []
    (case.runs / layout.WORK).unlink()
    laws.can_be_resumed(case, "nothing", outcome)


def test_a_read_only_disk_is_named(case: Case) -> None:
    """C12: for root too, who may write into folders that forbid it."""
    case.runs.mkdir()
    script = 'mount -t tmpfs -o ro tmpfs runs || exit 99; "$0" -m evidence run T1'
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, sys.executable],
            cwd=case.root,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if done.returncode == 99 or done.stderr.startswith("unshare"):
        pytest.skip(f"no disk of our own can be mounted here: {done.stderr.strip()[-200:]}")
    assert done.returncode in (2, 4)
    assert "Read-only file system" in done.stderr
    assert str(case.runs) in done.stderr
    assert "Traceback" not in done.stderr


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
    assert ended.status == 4, ended.printed
    assert "Error: " in ended.printed
    state = laws.honest(case, ended)
    assert not case.pack.exists()
    if state == "unfinished":
        assert case.do("run", "T1", "--close").status in (2, 4)
    shutil.rmtree(case.runs, ignore_errors=True)
    laws.can_be_resumed(case, "nothing", outcome)


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
    assert ended.status in (2, 4), ended.printed
    assert "File name too long" in ended.printed
    assert "Traceback" not in ended.printed
