"""Laws of every way in which a run can end early: verify says what happened, and what to type.

Rows C4, C5, C7, C8 and C10 of the threat matrix, as the user meets them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.attempt import stage
from evidence.errors import DurabilityError, ExitCode, SecretFoundError, StoppedError
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

GO_ON = "evidence run T1 --resume --root {root}   # or --close: seal what there is as failed"
AGAIN_COMMAND = "evidence run T1 --again"
TOKEN = "hf" + "_" + "abcdefghijABCDEFGHIJ0123456789abcd"


def order(do: str, stage: str = "train", at: int = 7, **more: object) -> str:
    return json.dumps({"stage": stage, "at": at, "do": do, **more})


def start(project: Project, stub: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "evidence", "run", "T1"],
        cwd=project.root,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"EVIDENCE_STUB": stub},
    )


def metrics(project: Project) -> Path:
    return project.runs / ".work/T1/attempt-01-stub" / layout.METRICS


def wait_for_rows(project: Project, count: int) -> None:
    path = metrics(project)
    for _ in range(1000):
        if path.exists() and path.read_bytes().count(b"\n") >= count:
            return
        time.sleep(0.01)
    pytest.fail(f"never came to {count} rows")


def failed(do: str, **more: Any) -> Callable[[Project, pytest.MonkeyPatch], None]:
    def end(project: Project, patch: pytest.MonkeyPatch) -> None:
        patch.setenv("EVIDENCE_STUB", order(do, **more))
        assert project.run().exit_code == ExitCode.UNFINISHED

    return end


def timed_out(key: str) -> Callable[[Project, pytest.MonkeyPatch], None]:
    def end(project: Project, patch: pytest.MonkeyPatch) -> None:
        project.edit('backend = "stub"', f'backend = "stub"\n{key} = 1.5')
        failed("hang")(project, patch)

    return end


def not_possible(project: Project, patch: pytest.MonkeyPatch) -> None:
    project.edit('backend = "stub"', 'backend = "stub"\ninterpreter = "gone/python"')
    assert project.run().exit_code == ExitCode.UNFINISHED


def bad_data(project: Project, patch: pytest.MonkeyPatch) -> None:
    project.edit("max_length = 40", "max_length = 2")
    assert project.run().exit_code == ExitCode.UNFINISHED


def interrupted(project: Project, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("EVIDENCE_STUB", json.dumps({"do": "slow", "seconds": 0.02}))
    seen = stage.StageRun._on_row

    def then_stop(self: Any, rows: Any, event: Any) -> None:
        seen(self, rows, event)
        if event["row"].get("step") == 2:
            os.kill(os.getpid(), signal.SIGINT)

    patch.setattr(stage.StageRun, "_on_row", then_stop)
    with pytest.raises(StoppedError):
        project.run()


def stopped_early(project: Project, patch: pytest.MonkeyPatch) -> None:
    from evidence.running import execution

    look = execution.observe_start

    def then_stop(*arguments: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        return look(*arguments)

    patch.setattr(execution, "observe_start", then_stop)
    with pytest.raises(StoppedError, match="stopped before attempt stub, as asked"):
        project.run()
    journal = rows(project.runs / ".work/T1/pack" / layout.JOURNAL)
    assert [event["event"] for event in journal] == ["run-started"]  # at once


def supervisor_killed(project: Project, patch: pytest.MonkeyPatch) -> None:
    run = start(project, order("hang", at=8))
    wait_for_rows(project, 7)
    run.kill()  # the worker hangs in its step, so no other is about to start
    run.wait()


def disk_full(project: Project, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("EVIDENCE_STUB", order("disk-full"))
    with pytest.raises(DurabilityError, match="disk full"):
        project.run()


def secret_found(project: Project, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("EVIDENCE_STUB", order("metadata", hex=TOKEN.encode().hex()))
    with pytest.raises(SecretFoundError):
        project.run()


def gate_open(project: Project, patch: pytest.MonkeyPatch) -> None:
    project.edit('op = "<"\nvalue = 1', 'op = "<"\nvalue = 0')
    assert project.run().exit_code == ExitCode.UNFINISHED


End = Callable[[Project, pytest.MonkeyPatch], None]
ENDS: dict[str, tuple[End, str, str]] = {
    "exception": (
        failed("raise"),
        "attempt stub failed: RuntimeError: the stub was told to raise",
        AGAIN_COMMAND,
    ),
    "without a word": (
        failed("exit"),
        "attempt stub failed: the worker ended with status 7 during the train stage",
        AGAIN_COMMAND,
    ),
    "timed out": (
        timed_out("timeout_s"),
        "attempt stub timed out: the attempt took longer than 1.5 s; it was in its train stage",
        AGAIN_COMMAND,
    ),
    "no progress": (
        timed_out("no_progress_timeout_s"),
        "attempt stub timed out: no progress for 1.5 s in the train stage",
        AGAIN_COMMAND,
    ),
    "diverged": (failed("nan"), "attempt stub diverged: the loss of step 7 is nan", AGAIN_COMMAND),
    "requirement": (
        not_possible,
        "attempt stub was not possible here: there is no interpreter gone/python",
        AGAIN_COMMAND,
    ),
    "bad data": (bad_data, "attempt stub was given data that it refused: ", AGAIN_COMMAND),
    "interrupted": (
        interrupted,
        "the run was stopped, as asked, in the train stage of attempt stub (last checkpoint: step ",
        GO_ON,
    ),
    "stopped early": (
        stopped_early,
        "the run was stopped, as asked, before its first attempt",
        GO_ON,
    ),
    "supervisor killed": (
        supervisor_killed,
        "the run ended without a word in the train stage of attempt stub (last checkpoint: step 5)"
        ": it was killed, or the machine stopped",
        GO_ON,
    ),
    "disk full": (
        disk_full,
        "the run ran out of disk space in the train stage of attempt stub (last checkpoint: step 5)"
        ": the worker found its disk full: [Errno 28] No space left on device: 'checkpoint'",
        f"free some space, then: {GO_ON}",
    ),
    "secret found": (
        secret_found,
        "the run is not sealed, because it holds what looks like a secret while it was being ",
        f"take it out, or allow it as the message of the run says, then: {GO_ON}",
    ),
}
SAID = ("exception", "timed out", "diverged", "bad data", "stopped early", "supervisor killed",
        "secret found")  # fmt: skip
"""The ends that the quick tier looks at."""


@pytest.mark.parametrize("kind", sampled(ENDS, SAID))
def test_verify_says_what_happened_and_what_to_type(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    end, words, step = ENDS[kind]
    end(project, monkeypatch)
    report = verify_pack(project.pack)
    assert [f for f in report.findings if f.severity in ("error", "refused")] == []
    assert (report.verdict, report.exit_code) == ("UNFINISHED", 4)
    assert report.happened.startswith(words), report.happened
    assert "\n" not in report.happened
    assert report.next_step == step.format(root=project.root)


def test_an_open_gate_is_said_though_the_pack_is_intact(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate_open(project, monkeypatch)
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit_code) == ("INTACT", 0)
    assert report.happened.startswith(
        "the run is complete, but a required gate is not met: the loss falls (train.loss_ratio is"
    )


def test_the_terminal_says_it_in_two_lines(project: Project) -> None:
    supervisor_killed(project, pytest.MonkeyPatch())
    done = run_line(f"{sys.executable} -m evidence verify {project.pack}", project.root)
    assert done.returncode == 4
    verdict, happened, step = done.stdout.splitlines()
    assert verdict.startswith("UNFINISHED ")
    assert happened.startswith("  happened     the run ended without a word in the train stage ")
    assert step == (
        f"  next         {sys.executable} -m evidence run T1 --resume"
        "   # or --close: seal what there is as failed"
    )


def run_line(line: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """A line as a person types it, in a folder, without `evidence` on the PATH."""
    around = os.environ | {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=around, capture_output=True, text=True, check=False
    )


LINES_RUN = [
    (kind, where)
    for kind in ("stopped early", "interrupted", "supervisor killed", "disk full")
    for where in (".", "runs", "/")
]
LINES_RUN_QUICK = [("interrupted", "runs"), ("disk full", "/")]


@pytest.mark.parametrize("end", sampled(LINES_RUN, LINES_RUN_QUICK), ids=" in ".join)
def test_the_line_that_verify_prints_goes_on_with_the_run_when_it_is_typed(
    end: tuple[str, str], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    kind, where = end
    ENDS[kind][0](project, monkeypatch)
    monkeypatch.undo()
    folder = project.root / where
    printed = run_line(f"{sys.executable} -m evidence verify {project.pack}", folder).stdout
    (line,) = [line for line in printed.splitlines() if line.startswith("  next  ")]
    done = run_line(line.removeprefix("  next").rpartition("then: ")[2].strip(), folder)
    assert done.returncode == 0, done.stderr
    assert verify_pack(project.pack).verdict == "INTACT"


def test_the_line_that_a_stopped_run_prints_goes_on_with_it_when_it_is_typed(
    project: Project,
) -> None:
    elsewhere = project.root / "packs"
    command = [sys.executable, "-m", "evidence", "run", "T1", "--runs", str(elsewhere)]
    run = subprocess.Popen(
        command,
        cwd=project.root,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PATH": "/usr/bin:/bin", "EVIDENCE_STUB": order("hang", at=8)},
    )
    path = elsewhere / ".work/T1/attempt-01-stub" / layout.METRICS
    for _ in range(1000):
        if path.exists() and path.read_bytes().count(b"\n") >= 7:
            break
        time.sleep(0.01)
    run.send_signal(signal.SIGINT)
    time.sleep(0.5)
    run.send_signal(signal.SIGINT)
    printed = run.communicate(timeout=30)[1]
    assert run.returncode == 130
    assert "Error" not in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("  Go on: ")]
    done = run_line(line.removeprefix("  Go on: "), project.root)
    assert done.returncode == 0, done.stderr
    assert verify_pack(elsewhere / "T1").verdict == "INTACT"


def test_a_run_at_work_is_not_called_dead(project: Project) -> None:
    run = start(project, order("hang", at=8))
    wait_for_rows(project, 7)
    try:
        report = verify_pack(project.pack)
    finally:
        run.kill()
        run.wait()
    assert report.happened == "the run is at work at this moment"
    assert report.exit_code == 4


def test_a_failed_run_shows_its_last_lines_on_the_terminal_and_in_the_summary(
    project: Project,
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evidence", "run", "T1"],
        cwd=project.root,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"EVIDENCE_STUB": order("raise")},
    )
    assert done.returncode == 4
    printed = "attempt stub failed: RuntimeError: the stub was told to raise"
    assert printed in done.stdout
    assert "    RuntimeError: the stub was told to raise" in done.stdout
    summary = (project.pack / "t1_summary.md").read_text()
    assert "did not complete: RuntimeError: the stub was told to raise" in summary
    assert "Last lines of its output" in summary


RESUMABLE = ("interrupted", "supervisor killed", "disk full")


@pytest.mark.parametrize("kind", sampled(RESUMABLE, ["supervisor killed"]))
def test_what_was_lost_is_in_journal_results_and_summary(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ENDS[kind][0](project, monkeypatch)
    monkeypatch.undo()
    lost = len(rows(metrics(project))) - 5 if kind != "interrupted" else 0
    assert project.run(resume=True).exit_code == ExitCode.DONE
    report = verify_pack(project.pack)
    assert (report.verdict, report.findings) == ("INTACT", ())
    events = [e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered"]
    assert [e["data"]["num_step_rows_cut"] for e in events] == [lost]
    wanted = {"supervisor killed": "killed", "disk full": "disk-full"}.get(kind, kind)
    assert events[0]["data"]["after"] == wanted
    values = project.read(layout.RESULTS)["values"]
    assert values["run.num_step_rows_cut"]["value"] == lost
    assert values["run.num_segments"]["value"] == 2
    summary = (project.pack / "t1_summary.md").read_text()
    assert f"**Interrupted and resumed:** 2 segments; {lost} step row" in summary
    if lost:
        assert f"it went on after step 5; {lost} step row" in summary
    assert [row["step"] for row in rows(project.pack / layout.METRICS)] == list(range(1, 11))


@pytest.mark.parametrize("kind", sampled(RESUMABLE, ["interrupted", "disk full"]))
def test_what_is_closed_says_why_it_ended(
    kind: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    ENDS[kind][0](project, monkeypatch)
    with metrics(project).open("ab") as stream:
        stream.write(b'{"kind": "st')
    monkeypatch.undo()
    assert project.run(close=True).exit_code == ExitCode.UNFINISHED
    report = verify_pack(project.pack)
    assert [f for f in report.findings if f.severity == "error"] == []
    assert report.exit_code == 4
    assert report.happened.startswith("attempt stub was interrupted: closed before it was done: ")
    (event,) = (e for e in rows(project.pack / layout.JOURNAL) if e["event"] == "recovered")
    assert event["data"]["num_incomplete_bytes"] == 12
    assert event["data"]["num_step_rows_cut"] == 0, "what was done stays in a failed pack"
    assert event["data"]["reason"] in report.happened
