"""What is asked on the command line: refused in words before anything is started, or done."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evidence.errors import BusyError, MilestoneError, UsageError
from tests.recording.programs import PYTHON, make_repository, program, record, run

FULL = pytest.mark.full
SECRET = "ghp_" + "a1B2" * 9


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.mark.parametrize(("words", "said"), [
    (["no-such-program"], "there is no program 'no-such-program' on PATH"),
    (["./nothing"], "there is no program './nothing' in "),
    (["./data.jsonl"], "may not be executed: chmod +x"),
    (["data.jsonl"], "write './data.jsonl'"),
    (["."], "there is no program '.'"),
    ([""], "there is no program ''"),
])  # fmt: skip
def test_what_cannot_be_run_is_said_without_a_file_that_is_not_there(
    root: Path, words: list[str], said: str
) -> None:
    with pytest.raises(MilestoneError) as refused:
        record(root, words)
    assert said in refused.value.message
    assert "milestones/" not in refused.value.message
    assert not (root / "runs").exists()


def test_a_secret_on_the_command_line_is_refused_before_it_runs(root: Path) -> None:
    with pytest.raises(MilestoneError) as refused:
        record(root, ["sh", "-c", "touch started", "--token", SECRET])
    assert "the command line: github-token" in refused.value.message
    assert SECRET not in refused.value.message + refused.value.hint
    assert not (root / "started").exists()
    assert not (root / "runs").exists()


def test_a_recording_is_made_anew_from_its_own_pack(root: Path) -> None:
    record(root, ["sh", "-c", "echo first; exit 1"])
    (root / "milestones").rmdir()
    made = run(root, again=True)
    assert (made.result.status, made.log) == ("failed", "first\n")
    with pytest.raises(UsageError):
        run(root, "R2", again=True)


@pytest.mark.parametrize(
    ("number", "heard"),
    [(signal.SIGINT, 2), pytest.param(signal.SIGTERM, 15, marks=pytest.mark.full)],
)
def test_a_program_gets_the_signal_that_we_got(root: Path, number: int, heard: int) -> None:
    source = """
import signal, pathlib
def said(number, frame):
    print("heard", number, flush=True)
    raise SystemExit(0)
for one in (2, 15): signal.signal(one, said)
pathlib.Path("ready").touch()
time.sleep(50)
"""
    words = [PYTHON, "-I", program(root, source)[1]]
    command = [sys.executable, "-m", "evidence", "record", "R1", "--", *words]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as process:
        until_s = time.monotonic() + 30
        while not (root / "ready").exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        os.kill(process.pid, number)
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 128 + number
    assert out == f"heard {heard}\n"
    assert run(root, close=True).log == f"heard {heard}\n"


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="environments of others")
def test_a_daemon_that_left_the_group_is_named(root: Path) -> None:
    made = record(root, ["sh", "-c", "setsid sleep 20 & sleep 0.2; echo $! > pid"])
    left = made.read("program/program.json")["left_running"]
    assert len(left) == 1
    os.kill(int((root / "pid").read_text()), signal.SIGKILL)
    assert "sleep" in left[0]


@pytest.mark.full
def test_a_second_recording_of_the_same_name_waits_for_nobody(root: Path) -> None:
    command = [sys.executable, "-m", "evidence", "record", "R1", "--"]
    slow = ["sh", "-c", "touch ready; while [ ! -e go ]; do sleep 0.05; done"]
    with subprocess.Popen([*command, *slow], cwd=root, stdout=subprocess.PIPE) as first:
        until_s = time.monotonic() + 30
        while not (root / "ready").exists() and time.monotonic() < until_s:
            time.sleep(0.05)
        with pytest.raises(BusyError):
            record(root, ["true"])
        other = record(root, ["true"], name="R2")
        (root / "go").touch()
        first.communicate(timeout=30)
    assert (first.returncode, other.result.status) == (0, "complete")


def test_a_folder_that_cannot_be_written_is_said_and_nothing_runs(root: Path) -> None:
    (root / "runs").write_text("", encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        record(root, ["sh", "-c", "touch started"])
    assert "nothing was started" in refused.value.message
    assert not (root / "started").exists()
