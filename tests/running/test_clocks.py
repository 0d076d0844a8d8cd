"""Clocks of a run that is stopped and resumed: set back or forward, or begun anew at a restart."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import datetime, timedelta
from typing import Any

import pytest

from evidence import layout
from evidence.pack import journal
from evidence.verification.verification import verify_pack
from tests.project import Project, rows
from tests.tiers import sampled

SHIFTS = [timedelta(hours=-5), timedelta(days=-400), timedelta(days=3), timedelta(days=3650)]
EVENTS = ["run-started", "captured", "checkpoint", "attempt-finished"]
DEATHS = [(event, by) for event in EVENTS for by in SHIFTS]
DEATHS_QUICK = list(zip(EVENTS, SHIFTS, strict=True))


class DiedError(BaseException):
    """This process ends here, as SIGKILL would end it."""


def shift(monkeypatch: pytest.MonkeyPatch, by: timedelta) -> None:
    """Set the wall clock of everything that this project writes."""

    class Shifted(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> Any:
            return datetime.now(tz) + by

    monkeypatch.setattr(journal, "datetime", Shifted)


def die_behind(event: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """End the run right after an event was recorded."""
    record = journal.Journal.record

    def then_die(self: journal.Journal, name: str, **facts: Any) -> None:
        record(self, name, **facts)
        if name == event:
            raise DiedError

    monkeypatch.setattr(journal.Journal, "record", then_die)


def die(project: Project, event: str, **how: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        die_behind(event, patch)
        with pytest.raises(DiedError):
            project.run(**how)


def accused_of(project: Project) -> list[str]:
    """What verify says of the clock. Everything else must hold."""
    report = verify_pack(project.pack)
    assert (report.verdict, report.exit_code) == ("INTACT", 0), report.findings
    values = project.read(layout.RESULTS)["values"]
    assert 0 < values["run.duration_s"]["value"] < 60
    times = [event["monotonic_s"] for event in rows(project.pack / layout.JOURNAL)]
    assert times == sorted(times)
    return [one.address for one in report.findings if one.code == "wall-clock-jump"]


@pytest.mark.parametrize(
    "death", sampled(DEATHS, DEATHS_QUICK), ids=lambda one: f"{one[0]}-{one[1]}"
)
def test_a_clock_that_was_set_while_nobody_ran_accuses_nobody(
    death: tuple[str, timedelta], project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1: also at the very beginning, before anything was captured."""
    event, by = death
    die(project, event)
    shift(monkeypatch, by)
    assert project.run(resume=True).status == "complete"
    assert accused_of(project) == []
    names = [one["event"] for one in rows(project.pack / layout.JOURNAL)]
    assert names.count("recovered") == 1
    assert project.read(layout.RESULTS)["values"]["run.num_recoveries"]["value"] == 1


@pytest.mark.parametrize("event", sampled(["run-started", "checkpoint"], ["checkpoint"]))
def test_who_dies_again_at_once_leaves_no_jump_either(
    event: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1: killed, and the resuming process killed right behind its own record, days apart."""
    die(project, event)
    shift(monkeypatch, timedelta(days=1))
    die(project, "recovered", resume=True)
    shift(monkeypatch, timedelta(days=2))
    assert project.run(resume=True).status == "complete"
    assert accused_of(project) == []


def test_a_clock_that_is_set_while_a_resumed_run_goes_on_is_named(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """E1: what happened while somebody counted is still found."""
    die(project, "checkpoint")
    record = journal.Journal.record

    def set_at_the_end(self: journal.Journal, name: str, **facts: Any) -> None:
        if name == "stage-finished":
            shift(monkeypatch, timedelta(hours=-1))
        record(self, name, **facts)

    monkeypatch.setattr(journal.Journal, "record", set_at_the_end)
    assert project.run(resume=True).status == "complete"
    assert len(accused_of(project)) == 1


def has_time_namespaces() -> bool:
    command = ["unshare", "-Ur", "-T", "--monotonic", "1000", "true"]
    if sys.platform != "linux":
        return False
    return subprocess.run(command, check=False, capture_output=True, timeout=30).returncode == 0


@pytest.mark.skipif(not has_time_namespaces(), reason="no time namespaces here")
@pytest.mark.parametrize("offset_s", sampled([-1000, 1_000_000], [1_000_000]))
def test_a_machine_that_was_restarted_counts_on(offset_s: int, project: Project) -> None:
    """E1: a real clock that begins anew, or is far ahead: a time namespace of its own."""
    if time.monotonic() + offset_s < 0:
        pytest.skip("this machine has not run for so long")
    die(project, "checkpoint")
    command = ["unshare", "-Ur", "-T", "--monotonic", str(offset_s), sys.executable, "-m"]
    ended = subprocess.run(
        [*command, "evidence", "run", "T1", "--resume"],
        cwd=project.root, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert accused_of(project) == []
