"""Laws of a limit that the process itself meets: it is no finding about the run, and no damage.

Whatever is being looked at when no further file can be opened, or there is no memory left: the
run is as resumable as it was.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import pytest

from evidence import layout
from evidence.errors import ExitCode, WorkerLostError
from evidence.running import entering
from evidence.running.entering import FileMark
from tests.project import Project, rows
from tests.running.test_damaged import errors, killed

LIMIT_S = 120


def _limited(project: Project, option: str, num_files: int) -> tuple[int, str]:
    """Exit status and words of a command that may have so many files open."""
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "run", "T1", option],
        cwd=project.root,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (num_files, num_files)),
    )
    return done.returncode, done.stdout + done.stderr


def _check(kept: Path, root: Path, option: str, num_files: int) -> None:
    kept.rename(root)
    project = Project(root)
    status, said = _limited(project, option, num_files)
    assert "Traceback" not in said
    assert "NOT INTACT" not in said
    if not project.pack.exists():
        assert status == 4, said
        assert "ulimit -n" in said
        project.run(resume=True)
    assert errors(project.pack) == []
    assert "damaged" not in [one["event"] for one in rows(project.pack / layout.JOURNAL)]


@pytest.mark.parametrize(("option", "num_files"), [("--resume", 9), ("--close", 9)])
def test_a_limit_of_open_files_is_no_finding_of_verify(
    option: str, num_files: int, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    kept = killed(tmp_path_factory, "before the seal", tmp_path)
    _check(kept, tmp_path / "project", option, num_files)


@pytest.mark.full
@pytest.mark.parametrize("state", ["training", "evaluating", "before the seal"])
@pytest.mark.parametrize("option", ["--resume", "--close"])
@pytest.mark.parametrize("num_files", range(6, 16))
def test_any_limit_of_open_files(
    state: str,
    option: str,
    num_files: int,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    _check(killed(tmp_path_factory, state, tmp_path), tmp_path / "project", option, num_files)


def test_an_input_is_not_called_another_one_where_nobody_could_look(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker's own words are what the run tells; it goes on as it is."""
    shutil.rmtree(ran.pack)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 0, "do": "oom"}))
    monkeypatch.setattr("evidence.running.unchanged.sha256_stream", _no_memory)
    monkeypatch.setattr("evidence.running.entering.mark", _no_memory_here(entering.mark))
    with pytest.raises(WorkerLostError) as caught:
        ran.run()
    assert "an input was changed" not in caught.value.message
    assert "out of memory" in caught.value.message
    monkeypatch.undo()
    assert ran.run(resume=True).exit_code == ExitCode.DONE


def _no_memory(*_: object) -> NoReturn:
    raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def _no_memory_here(mark: Callable[[Path, str], FileMark]) -> Callable[[Path, str], FileMark]:
    """Marks each file at the start, and none any more."""
    seen: set[str] = set()

    def limited(path: Path, name: str) -> FileMark:
        if name in seen:
            _no_memory()
        seen.add(name)
        return mark(path, name)

    return limited
