"""Laws of a run that dies: what lies there is honest, and it can be resumed or closed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.digest import sha256_hex
from evidence.errors import DurabilityError, ExitCode, UsageError
from evidence.system import posix
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

SLOW = json.dumps({"do": "slow", "seconds": 0.05})


def start(project: Project, *arguments: str, stub: str = SLOW) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evidence", "run", "T1", *arguments],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"EVIDENCE_STUB": stub},
        start_new_session=True,
    )


def killed(process: subprocess.Popen[bytes], project: Project) -> None:
    """Kill a run and wait until its lock is free: a worker of it that was just about to start
    holds the lock until its `exec`, and until then the run is rightly called at work."""
    process.kill()
    process.wait()
    for _ in range(500):
        if not posix.is_locked(project.runs / ".work/T1.lock"):
            return
        time.sleep(0.02)
    pytest.fail("the lock outlived the run")


def events(project: Project) -> list[dict[str, Any]]:
    path = project.runs / ".work/T1/pack" / layout.JOURNAL
    if not path.exists():
        return []
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def wait_for(project: Project, event: str, *, stage: str | None = None) -> None:
    for _ in range(600):
        for one in events(project):
            if one["event"] == event and stage in (None, one["data"].get("stage")):
                return
        time.sleep(0.02)
    pytest.fail(f"the run never came to {event}")


def errors(pack: Path) -> list[Any]:
    return [f for f in verify_pack(pack).findings if f.severity in ("error", "refused")]


def weights(project: Project) -> str:
    return sha256_hex((project.pack / layout.FINAL_MODEL / "model.safetensors").read_bytes())


MOMENTS: dict[str, tuple[str, str | None]] = {
    "before the first step": ("stage-started", "train"),
    "after the first checkpoint": ("checkpoint", None),
    "after the model is saved": ("final-model", None),
    "during evaluation": ("stage-started", "eval"),
}
RESUMED_FROM = ("after the first checkpoint", "during evaluation")
CLOSED = ("before the first step", "after the model is saved")


@pytest.mark.parametrize("moment", sampled(MOMENTS, RESUMED_FROM))
def test_a_killed_run_goes_on_to_the_very_same_outcome(moment: str, ran: Project) -> None:
    whole = ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)
    process = start(ran, "--again")
    event, stage = MOMENTS[moment]
    wait_for(ran, event, stage=stage)
    killed(process, ran)
    report = verify_pack(ran.pack)
    assert (report.verdict, report.exit) == ("UNFINISHED", ExitCode.UNFINISHED)
    assert "--resume" in report.next_step
    result = ran.run(resume=True)
    assert result.exit_code == ExitCode.DONE
    assert errors(ran.pack) == []
    assert (ran.read(layout.MANIFEST)["outcome_sha256"], weights(ran)) == whole
    steps = [row["step"] for row in rows(ran.pack / layout.METRICS)]
    assert steps == list(range(1, 11))
    assert not (ran.runs / ".work/T1").exists()


@pytest.mark.parametrize("moment", sampled(MOMENTS, CLOSED))
def test_a_killed_run_can_be_closed_as_what_it_is(moment: str, project: Project) -> None:
    process = start(project)
    event, stage = MOMENTS[moment]
    wait_for(project, event, stage=stage)
    killed(process, project)
    result = project.run(close=True)
    assert (result.status, result.exit_code) == ("failed", ExitCode.UNFINISHED)
    assert errors(project.pack) == []
    assert verify_pack(project.pack).verdict == "UNFINISHED"
    assert project.read("attempts/01-stub/outcome.json")["outcome"] == "interrupted"


def test_a_killed_worker_never_outlives_its_supervisor(project: Project) -> None:
    process = start(project, stub=json.dumps({"stage": "train", "at": 3, "do": "hang"}))
    wait_for(project, "probe")
    os.killpg(process.pid, 0)
    killed(process, project)
    for _ in range(100):
        left = subprocess.run(
            ["pgrep", "-f", str(project.runs)], capture_output=True, text=True, check=False
        ).stdout.split()
        if not left:
            return
        time.sleep(0.05)
    pytest.fail(f"still running: {left}")


@pytest.mark.parametrize(
    ("number", "code"),
    [pytest.param(signal.SIGINT, 130, marks=pytest.mark.full), (signal.SIGTERM, 143)],
)
def test_a_stopped_run_exits_as_the_signal_says_and_can_go_on(
    number: signal.Signals, code: int, project: Project
) -> None:
    process = start(project)
    wait_for(project, "checkpoint")
    process.send_signal(number)
    assert process.wait(timeout=20) == code
    assert not project.pack.exists()
    with pytest.raises(UsageError, match="unfinished run"):
        project.run()
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert errors(project.pack) == []


def test_an_incomplete_tail_is_cut(project: Project) -> None:
    process = start(project)
    wait_for(project, "checkpoint")
    killed(process, project)
    work = project.runs / ".work/T1"
    for path in (work / "pack" / layout.JOURNAL, work / "attempt-01-stub" / layout.METRICS):
        with path.open("ab") as stream:
            stream.write(b'{"half a li')
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert errors(project.pack) == []


def test_a_checkpoint_that_was_damaged_is_not_gone_on_from(ran: Project) -> None:
    whole = ran.read(layout.MANIFEST)["outcome_sha256"]
    process = start(ran, "--again")
    wait_for(ran, "checkpoint")
    killed(process, ran)
    scratch = ran.runs / ".work/T1/scratch-01-stub"
    for path in scratch.glob("checkpoint-*/*"):
        path.write_bytes(path.read_bytes()[:-1])
    assert ran.run(resume=True).exit_code == ExitCode.DONE
    assert ran.read(layout.MANIFEST)["outcome_sha256"] == whole


def test_there_is_nothing_to_resume_where_nothing_was_left(project: Project) -> None:
    with pytest.raises(UsageError, match="no unfinished run"):
        project.run(resume=True)


def test_a_run_that_dies_between_its_last_attempt_and_the_seal_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise DurabilityError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.execution.observe_end", full)
        with pytest.raises(DurabilityError):
            project.run()
    assert project.run(resume=True).exit_code == ExitCode.DONE
    assert errors(project.pack) == []
    assert project.read(layout.INPUTS)["model"]["id"] == "model"


NEVER = """
[[attempt]]
name = "never"
backend = "stub"
requires = { accelerator = "nvidia" }
"""


def test_what_a_machine_lacks_is_asked_again_of_an_attempt_that_died_before_its_first_stage(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.edit("[[attempt]]", f"{NEVER}\n[[attempt]]")

    def full(*_: object) -> None:
        raise DurabilityError("no room")

    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.execution.record_end", full)
        with pytest.raises(DurabilityError):
            project.run()
    assert project.run(resume=True).attempt == "stub"
    assert project.read("attempts/01-never/outcome.json")["outcome"] == "requirement-not-met"
    assert verify_pack(project.pack).verdict == "INTACT"
