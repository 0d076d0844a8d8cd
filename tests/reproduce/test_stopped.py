"""Laws of a reproduction that is asked to stop outside of its own run: at once, and honestly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evidence.errors import StoppedError
from evidence.reproduce import reproduce as use_case
from evidence.verification.options import VerifyOptions
from evidence.verification.verification import verify_pack
from tests.capture.test_git_that_does_not_work import REAL
from tests.project import Project
from tests.reproduce.rerun import rerun, state

SOON_S = 5.0
STOPS = [
    pytest.param(signal.SIGINT, 130, id="SIGINT"),
    pytest.param(signal.SIGTERM, 143, id="SIGTERM"),
]


def stopped_at(step: str, number: int, monkeypatch: pytest.MonkeyPatch, nth: int = 1) -> None:
    """Have the signal come in the midst of a step, which would take minutes more."""
    real, calls = getattr(use_case, step), []

    def stopped(*args: Any, **options: Any) -> Any:
        calls.append(args)
        if len(calls) == nth:
            signal.raise_signal(number)
            time.sleep(60)
        return real(*args, **options)

    monkeypatch.setattr(use_case, step, stopped)


@pytest.mark.parametrize(("number", "status"), STOPS)
@pytest.mark.parametrize(
    "step", ["open_verified", "clear_up", "clean_worktree", "require_inputs", "code_differences"]
)
def test_asked_to_stop_before_the_run_nothing_is_started_and_nothing_stays(
    step: str,
    number: int,
    status: int,
    ran: Project,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped_at(step, number, monkeypatch)
    before = state(ran, temporary)
    with pytest.raises(StoppedError, match="nothing was started") as caught:
        rerun(ran)
    assert int(caught.value.exit_code) == status
    assert state(ran, temporary) == before


@pytest.mark.parametrize(("number", "status"), STOPS)
@pytest.mark.parametrize(
    ("step", "nth"),
    [
        ("open_verified", 2),
        pytest.param("reproduction_record", 1, marks=pytest.mark.full),
        ("attach", 1),
    ],
)
def test_asked_to_stop_while_it_compares_the_run_stays_and_nothing_is_attached(
    step: str,
    nth: int,
    number: int,
    status: int,
    ran: Project,
    temporary: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopped_at(step, number, monkeypatch, nth)
    with pytest.raises(StoppedError, match="nothing is attached") as caught:
        rerun(ran)
    assert int(caught.value.exit_code) == status
    (made,) = ran.runs.glob("T1-reproduced-*")
    assert str(made) in caught.value.message
    assert "compare" in caught.value.hint
    assert verify_pack(made).exit == 0
    assert verify_pack(ran.pack).exit == 0
    assert not (ran.pack / "attached").exists()
    assert list(temporary.iterdir()) == []


def test_asked_to_stop_after_attaching_it_is_said_to_be_attached(
    ran: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopped_at("verify_pack", signal.SIGINT, monkeypatch)
    with pytest.raises(StoppedError, match="the result is attached"):
        rerun(ran)
    (made,) = ran.runs.glob("T1-reproduced-*")
    report = verify_pack(ran.pack, VerifyOptions(beside=(ran.pack, made)))
    assert report.exit == 0, report.findings


@pytest.mark.parametrize(("number", "status"), STOPS)
def test_a_checkout_that_takes_its_time_is_left_off(
    number: int, status: int, ran: Project, tmp_path: Path
) -> None:
    """The whole command: git is ended with it, and the worktree is gone."""
    programs, begun = tmp_path / "bin", tmp_path / "begun"
    programs.mkdir()
    script = f'case "$*" in *"worktree add"*) touch {begun}; sleep 60;; esac; exec {REAL} "$@"'
    (programs / "git").write_text(f"#!/bin/sh\n{script}\n")
    (programs / "git").chmod(0o755)
    places = {"PATH": f"{programs}:{os.environ['PATH']}", "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-m", "evidence", "reproduce", "runs/T1"],
        cwd=ran.root,
        env=os.environ | places,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        until_s = time.monotonic() + 60
        while not begun.exists():
            assert time.monotonic() < until_s, "no checkout began"
            time.sleep(0.02)
        process.send_signal(number)
        _, said = process.communicate(timeout=SOON_S)
    assert process.returncode == status, said
    assert "nothing was started" in said
    assert not list(tmp_path.glob("evidence-reproduce-*"))
    assert not (ran.root / ".git/worktrees").exists()
