"""Laws of the supervisor: it waits for no hung worker, and leaves no orphan."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence.attempt import early, ranks, stage
from evidence.attempt import process as processes
from evidence.attempt.files import SYNC_EVERY_S, StageFiles
from evidence.attempt.process import WorkerProcess
from evidence.errors import DurabilityError
from evidence.running import signals
from evidence.running.signals import StopRequest
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

TWO = """
[[attempt]]
name = "first"
backend = "stub"
no_progress_timeout_s = 1.5

[[attempt]]
name = "stub"
"""
HANGING = {"attempt": "first", "stage": "train", "at": 4, "do": "hang"}


def wait_until(seen: object, what: str) -> None:
    assert callable(seen)
    for _ in range(1000):
        if seen():
            return
        time.sleep(0.02)
    pytest.fail(f"never came: {what}")


def test_a_hung_worker_is_given_up_and_the_next_attempt_follows(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit('[[attempt]]\nname = "stub"\n', TWO.lstrip())
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps(HANGING))
    result = project.run()
    assert result.attempt == "stub"
    (outcome,) = result.outcomes
    assert (outcome.name, outcome.outcome) == ("first", "timed-out")
    assert outcome.reason.startswith("no progress for 1.5 s in the train stage")
    step_rows = rows(project.pack / "attempts/01-first/training_output/metrics.jsonl")
    assert [row["step"] for row in step_rows] == [1, 2, 3]
    assert verify_pack(project.pack).verdict == "INTACT"
    assert "no progress for 1.5 s" in (project.pack / "t1_summary.md").read_text()


def test_a_slow_worker_that_goes_on_is_not_hung(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 'backend = "stub"\nno_progress_timeout_s = 1.5'
    project.edit('backend = "stub"', limit)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "slow", "seconds": 0.12}))
    assert project.run().attempt == "stub"


def test_an_attempt_is_in_the_journal_before_its_worker_starts(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = project.runs / ".work/T1/pack/journal.jsonl"
    seen: list[list[tuple[str, str | None]]] = []

    class Watched(WorkerProcess):
        def __init__(self, *arguments: Any) -> None:
            events = rows(journal)
            seen.append([(one["event"], one["data"].get("stage")) for one in events[-2:]])
            super().__init__(*arguments)

    monkeypatch.setattr(ranks, "WorkerProcess", Watched)
    monkeypatch.setattr(early, "has_room", lambda _: False)  # tests/attempt/test_early.py has it
    assert project.run().status == "complete"
    first, second = seen
    assert first == [("attempt-started", None), ("stage-started", "train")]
    assert second == [("stage-finished", "train"), ("stage-started", "eval")]


def test_rows_are_made_safe_at_least_once_a_second(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the worker is at the next ones, with no checkpoint that asks for it."""
    assert stage.POLL_S + SYNC_EVERY_S <= 1
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 1000")
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "slow", "seconds": 0.3}))
    sync = StageFiles.sync
    synced_at: list[int] = []

    def counted(self: StageFiles) -> None:
        synced_at.append(self.num_rows)
        sync(self)

    monkeypatch.setattr(StageFiles, "sync", counted)
    assert project.run().status == "complete"
    assert len({count for count in synced_at if 0 < count < 10}) >= 2, synced_at


def test_what_a_worker_said_is_heard_to_its_end_however_late(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A busy supervisor reads little by little, long after the worker is gone."""
    monkeypatch.setattr(processes, "READ_BYTES", 32)
    monkeypatch.setattr(processes, "GRACE_AFTER_EXIT_S", 0.0)
    assert project.run().status == "complete"
    assert len(rows(project.pack / "training_output/metrics.jsonl")) == 10


@pytest.mark.parametrize("session", ["", "setsid "], ids=["of its group", "of no group"])
def test_whoever_talks_on_after_the_worker_is_gone_holds_up_nobody(
    session: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = tmp_path / "python"
    worker.write_text(
        f"#!/bin/sh\n{session}sh -c 'for i in $(seq 1000); do echo noise; sleep 0.02; done' &\n"
    )
    worker.chmod(0o755)
    monkeypatch.setattr(processes, "GRACE_AFTER_EXIT_S", 0.2)
    monkeypatch.setattr(processes, "MAX_LEFT_BYTES", 50)
    running = WorkerProcess(tmp_path / "job", os.environ, tmp_path, str(worker))
    began_s = time.monotonic()
    while not running.finished():
        for _ in running.receive(0.2):
            pass
    assert running.close() == 0
    assert time.monotonic() - began_s < 10


def test_only_checkpoints_that_newer_ones_in_the_journal_follow_are_removed(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("checkpoint_every_steps = 5", "checkpoint_every_steps = 1")
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 8, "do": "disk-full"}))
    with pytest.raises(DurabilityError):
        project.run()
    scratch = project.runs / ".work/T1/scratch-01-stub"
    assert sorted(path.name for path in scratch.glob("checkpoint-*")) == [
        "checkpoint-6",
        "checkpoint-7",
    ]
    journal = rows(project.runs / ".work/T1/pack/journal.jsonl")
    step_rows = [one["data"]["step"] for one in journal if one["event"] == "checkpoint"]
    assert step_rows == [1, 2, 3, 4, 5, 6, 7]
    monkeypatch.delenv("EVIDENCE_STUB")
    assert project.run(resume=True).status == "complete"


def start(project: Project, order: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evidence", "run", "T1"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"EVIDENCE_STUB": json.dumps(order)},
    )


def descendants(pid: int) -> list[psutil.Process]:
    try:
        return psutil.Process(pid).children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def command_of(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def started(pid: int, words: str) -> bool:
    return any(words in command_of(one) for one in descendants(pid))


def running(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_what_a_worker_started_does_not_outlive_a_killed_supervisor(project: Project) -> None:
    run = start(project, {"stage": "train", "at": 3, "do": "spawn"})
    wait_until(lambda: started(run.pid, "sleep(3600)"), "the worker's child")
    family = descendants(run.pid)
    assert len(family) >= 3, "the worker, its child, and the guard"
    run.kill()
    run.communicate()
    wait_until(lambda: not any(map(running, family)), "the end of all of them")


@pytest.mark.parametrize("at", sampled([0.0, 0.02, 0.1], [0.02]))
def test_a_worker_that_was_just_started_does_not_outlive_its_supervisor(
    at: float, project: Project
) -> None:
    run = start(project, {"stage": "train", "at": 1, "do": "hang"})
    wait_until(lambda: started(run.pid, "evidence.worker"), "the worker")
    time.sleep(at)
    family = descendants(run.pid)
    run.kill()
    run.communicate()
    wait_until(lambda: not any(map(running, family)), "the end of all of them")


def test_a_worker_that_does_not_stop_after_sigterm_is_stopped_within_the_grace(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(signals, "GRACE_S", 0.3)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "at": 7, "do": "hang"}))
    with StopRequest() as stop:
        began_s = time.monotonic()
        os.kill(os.getpid(), signal.SIGTERM)
        assert stop.level == 1
        wait_until(lambda: stop.level == 2, "the end of the grace")
        assert 0.3 <= time.monotonic() - began_s < 10


def test_sigterm_is_obeyed_by_a_worker_that_hangs(project: Project) -> None:
    code = (
        "import sys; from evidence.running import signals; signals.GRACE_S = 0.5;"
        "from evidence.cli.main import main; main()"
    )
    run = subprocess.Popen(
        [sys.executable, "-c", code, "run", "T1"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env=os.environ | {"EVIDENCE_STUB": json.dumps({"stage": "train", "at": 7, "do": "hang"})},
    )
    metrics = project.runs / ".work/T1/attempt-01-stub/training_output/metrics.jsonl"
    wait_until(lambda: metrics.exists() and len(rows(metrics)) == 6, "step 6")
    run.send_signal(signal.SIGTERM)
    _, printed = run.communicate(timeout=20)
    assert run.returncode == 143
    assert b"stopping after this step" in printed
    assert b"stopping at once" in printed
    assert b"the last checkpoint is of step 5" in printed


def test_a_stopped_worker_leaves_a_checkpoint_of_its_last_step(project: Project) -> None:
    run = start(project, {"do": "slow", "seconds": 0.05})
    metrics = project.runs / ".work/T1/attempt-01-stub/training_output/metrics.jsonl"
    wait_until(lambda: metrics.exists() and len(rows(metrics)) >= 2, "step 2")
    run.send_signal(signal.SIGINT)
    _, printed = run.communicate(timeout=20)
    assert run.returncode == 130
    last = rows(metrics)[-1]["step"]
    assert f"the last checkpoint is of step {last}".encode() in printed
    assert (project.runs / f".work/T1/scratch-01-stub/checkpoint-{last}").is_dir()


def test_a_worker_that_cannot_be_killed_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(processes, "GRACE_AFTER_KILL_S", 0.2)
    (tmp_path / "job").write_bytes(b"not a job")
    worker = WorkerProcess(tmp_path / "job", os.environ, tmp_path, sys.executable)
    process = worker._process
    with monkeypatch.context() as stuck:
        stuck.setattr(process, "wait", _never)
        began_s = time.monotonic()
        assert worker.close() is None
        assert time.monotonic() - began_s < 5
    process.wait()


def _never(timeout: float | None = None) -> int:
    raise subprocess.TimeoutExpired("worker", timeout or 0)
