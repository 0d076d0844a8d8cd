"""E1, E2: what changes during a run is recorded, and judged by the milestone's policy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from evidence import layout
from evidence.attempt import stage
from evidence.errors import ExitCode
from evidence.pack.journal import Clock, utc_now
from evidence.records.finding import Finding
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

BEGAN = datetime.now(UTC)
AFTER_EVENTS = 5
"""Where the clock jumps: in the middle of training."""


def policy(project: Project, key: str) -> None:
    project.edit("[narrative]", f'[policy]\n{key} = "fail"\n\n[narrative]')
    project.git("commit", "-qam", "policy")


def findings(project: Project, code: str) -> list[Finding]:
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit_code) == ("INTACT", 0), report.findings
    return [one for one in report.findings if one.code == code]


def jumping(then: Callable[[datetime], datetime]) -> Callable[[], Clock]:
    """A clock whose wall time jumps after a few readings, while monotonic time goes on."""

    def reading() -> Iterator[str]:
        for _ in range(AFTER_EVENTS):
            yield utc_now()
        while True:
            yield then(datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    return lambda: Clock(utc=reading().__next__)


JUMPS: dict[str, Callable[[datetime], datetime]] = {
    "back an hour": lambda now: now - timedelta(hours=1),
    "forward a year": lambda now: now + timedelta(days=365),
    "to 1970": lambda now: datetime(1970, 1, 1, tzinfo=UTC) + (now - BEGAN),
}


@pytest.mark.parametrize(
    ("jump", "judged"),
    [
        pytest.param("back an hour", "record", marks=pytest.mark.full),
        pytest.param("forward a year", "record", marks=pytest.mark.full),
        ("to 1970", "record"),
        ("back an hour", "fail"),
    ],
)
def test_a_wall_clock_that_jumps_is_recorded_and_spoils_no_duration(
    jump: str, judged: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1"""
    if judged == "fail":
        policy(project, "clock")
    monkeypatch.setattr("evidence.running.execution.Clock", jumping(JUMPS[jump]))
    result = project.run()
    assert [one.severity for one in findings(project, "wall-clock-jump")] == ["warning"]
    values = project.read(layout.RESULTS)["values"]
    assert values["run.num_clock_jumps"]["value"] == 1
    assert 0 < values["run.duration_s"]["value"] < 60
    assert 0 < values["train.runtime_s"]["value"] < 60
    times = [event["monotonic_s"] for event in rows(project.pack / layout.JOURNAL)]
    assert times == sorted(times), "order is by number, and by a clock that cannot jump"
    assert "The wall clock jumped 1 time" in (project.pack / "t1_summary.md").read_text()
    assert result.exit_code == (ExitCode.DONE if judged == "record" else ExitCode.UNFINISHED)
    opened = [gate.name for gate in result.gates if gate.outcome == "not-met"]
    assert opened == ([] if judged == "record" else ["policy: clock"])


def test_a_change_of_summer_time_is_no_jump(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1: every time is UTC, so nothing is seen of it."""
    monkeypatch.setenv("TZ", "Europe/Berlin")
    seen = stage.StageRun._on_row

    def then_elsewhere(self: Any, rows: Any, event: Any) -> None:
        monkeypatch.setenv("TZ", "America/New_York")
        seen(self, rows, event)

    monkeypatch.setattr(stage.StageRun, "_on_row", then_elsewhere)
    project.run()
    assert findings(project, "wall-clock-jump") == []


def at_step(monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[], object]) -> None:
    """Do something to the world while the worker is at that step."""
    seen = stage.StageRun._on_row

    def then_act(self: Any, rows: Any, event: Any) -> None:
        seen(self, rows, event)
        if event["row"].get("step") == step:
            act()

    monkeypatch.setattr(stage.StageRun, "_on_row", then_act)


def commit(project: Project) -> str:
    (project.root / "new.py").write_text("x = 1\n")
    project.git("add", "-A")
    project.git("commit", "-qm", "meanwhile")
    return "HEAD moved from"


def edit(project: Project) -> str:
    (project.root / "model/config.json").write_text('{"a": 1}')
    return "1 file was touched"


def stash(project: Project) -> str:
    project.git("stash", "-q")
    return "1 file was touched"


def switch(project: Project) -> str:
    project.git("checkout", "-q", "-b", "other")
    project.git("branch", "-q", "-D", "main")
    return "another branch is checked out"


@pytest.mark.parametrize(
    ("change", "judged"),
    [
        pytest.param(commit, "record", marks=pytest.mark.full),
        (edit, "record"),
        pytest.param(stash, "record", marks=pytest.mark.full),
        (switch, "record"),
        (commit, "fail"),
    ],
)
def test_a_repository_that_changes_meanwhile_is_recorded_and_judged(
    change: Callable[[Project], str],
    judged: str,
    project: Project,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E2"""
    if judged == "fail":
        policy(project, "git")
    if change is stash:
        (project.root / "model/config.json").write_text('{"b": 2}')
    messages: list[str] = []
    at_step(monkeypatch, 3, lambda: messages.append(change(project)))
    result = project.run()
    assert [one.severity for one in findings(project, "changed-during-run")] == ["warning"]
    git = project.read(layout.GIT)
    assert git["changed_during_run"] is True
    assert git["start"] != git["end"]
    summary = (project.pack / "t1_summary.md").read_text()
    assert f"The repository changed while the run was under way: {messages[0]}" in summary
    opened = [gate.name for gate in result.gates if gate.outcome == "not-met"]
    assert opened == (["policy: git"] if judged == "fail" else [])
    assert result.exit_code == (ExitCode.UNFINISHED if judged == "fail" else ExitCode.DONE)


def test_a_policy_on_a_repository_that_is_not_there_is_not_checked_and_never_met(
    project: Project,
) -> None:
    """E2, E3"""
    policy(project, "git")
    shutil.rmtree(project.root / ".git")
    result = project.run()
    (gate,) = (one for one in result.gates if one.name == "policy: git")
    assert gate.outcome == "not-checked"
    assert "not a git repository" in gate.reason
    assert result.exit_code == ExitCode.UNFINISHED


def test_a_frozen_file_that_changes_meanwhile_is_a_broken_promise(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E2"""
    path = project.root / "data/not-read.jsonl"
    path.write_bytes(b"{}\n")
    at_step(monkeypatch, 8, lambda: path.write_bytes(path.read_bytes() + b"\n"))
    result = project.run()
    assert result.exit_code == ExitCode.UNFINISHED
    assert project.read(layout.FROZEN)["sets"][0]["unchanged_during_run"] is False


@pytest.mark.parametrize("judged", sampled(["record", "fail"], ["fail"]))
def test_a_number_of_threads_that_changes_is_recorded_and_judged(
    judged: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    if judged == "fail":
        policy(project, "threads")
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"do": "threads"}))
    result = project.run()
    (one,) = findings(project, "threads-changed")
    assert (one.severity, one.expected, one.actual) == ("warning", "1", "2")
    assert project.read(layout.RESULTS)["values"]["run.threads_changed"]["value"] is True
    assert "The number of threads changed" in (project.pack / "t1_summary.md").read_text()
    assert result.exit_code == (ExitCode.UNFINISHED if judged == "fail" else ExitCode.DONE)


def test_what_did_not_change_is_no_gate(project: Project) -> None:
    every = "".join(f'{key} = "fail"\n' for key in ("git", "clock", "threads"))
    project.edit("[narrative]", f"[policy]\n{every}\n[narrative]")
    project.git("commit", "-qam", "policy")
    result = project.run()
    assert result.exit_code == ExitCode.DONE
    assert len(result.gates) == 1
