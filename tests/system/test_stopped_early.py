"""A signal while the command is still imported: it ends in one line, with the code of later."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.project import Project

STOPS = [
    pytest.param(signal.SIGINT, 130, id="SIGINT"),
    pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
]
EARLY = [
    "evidence.cli.main",  # the first that is imported under a handler
    "click",
    "evidence.cli.streams",
    "evidence.cli.progress",  # of the command itself
    "evidence.running.run",  # the boundary listens by now
]
INTERRUPTED = """\
import os, sys
def interrupted(event, args):
    if event == "import" and args[0] == os.environ["MOMENT"]:
        os.environ["MOMENT"] = ""
        os.kill(os.getpid(), int(os.environ["NUMBER"]))
sys.addaudithook(interrupted)
"""


@pytest.fixture(scope="module")
def on_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where Python finds what sends its own process a real signal when a module is imported."""
    folder = tmp_path_factory.mktemp("path")
    (folder / "sitecustomize.py").write_text(INTERRUPTED, "utf-8")
    return folder


@pytest.mark.parametrize(("number", "code"), STOPS)
@pytest.mark.parametrize("moment", EARLY)
def test_whatever_is_being_imported_a_signal_ends_it_in_one_line(
    moment: str, number: signal.Signals, code: int, project: Project, on_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "evidence", "run", "T1"],
        cwd=project.root,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(on_path), os.environ.get("PYTHONPATH", "")]),
            "MOMENT": moment,
            "NUMBER": str(int(number)),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (code, "", "\nStopped.\n")
    assert not (project.root / "runs").exists()


def test_who_ignores_a_signal_ignores_it_while_importing(on_path: Path) -> None:
    """As a command does that was started by nohup, or in the background of a script."""
    command = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); import runpy, sys; "
    command += "sys.argv[1:] = ['keys']; runpy.run_module('evidence', run_name='__main__')"
    ended = subprocess.run(
        [sys.executable, "-c", command],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(on_path), os.environ.get("PYTHONPATH", "")]),
            "MOMENT": "evidence.cli.boundary",
            "NUMBER": str(int(signal.SIGINT)),
        },
        capture_output=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, b"")
