"""C7, C8: what a user, a terminal, a scheduler or a lack of memory does to a run."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from evidence import layout
from evidence.running.signals import StopRequest
from tests.faults import laws
from tests.faults.runs import Case, Command, copy_case
from tests.project import rows

SLOW = {"do": "slow", "seconds": 0.1}
HUNG = {"stage": "train", "at": 3, "do": "hang"}


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


def events(case: Case) -> list[str]:
    path = case.work / layout.STAGED / layout.JOURNAL
    if not path.exists():
        return []
    return [json.loads(line)["event"] for line in laws.whole_lines(path)]


def wait_until(there: Callable[[], bool]) -> None:
    until_s = time.monotonic() + 20
    while not there():
        assert time.monotonic() < until_s, "it never came so far"
        time.sleep(0.005)


def begun(case: Case, stub: dict[str, object], event: str = "probe") -> Command:
    command = case.start("run", "T1", stub=stub)
    wait_until(lambda: event in events(case))
    return command


STOPS = [
    pytest.param((signal.SIGINT,), 130, id="SIGINT"),
    pytest.param((signal.SIGINT, signal.SIGINT), 130, id="SIGINT-twice"),
    pytest.param((signal.SIGTERM,), 143, id="SIGTERM"),
]


@pytest.mark.parametrize("event", ["captured", "stage-started", "checkpoint"])
@pytest.mark.parametrize(("numbers", "status"), STOPS)
def test_a_run_that_is_asked_to_stop_stops_and_goes_on_later(
    numbers: tuple[int, ...], status: int, event: str, case: Case, outcome: str
) -> None:
    """C7: at several stages; the exit status says which signal it was."""
    command = begun(case, SLOW, event)
    for number in numbers:
        command.signal_after(number)
    ended = command.wait()
    assert ended.status == status, ended.printed
    assert "--resume" in ended.printed
    state = laws.honest(case, ended)
    assert state == "unfinished"
    laws.can_be_resumed(case, state, outcome)


LATER = ("run-started", "attempt-started", "schedule", "probe", "final-model", "sealing")


@pytest.mark.exhaustive
@pytest.mark.parametrize("event", LATER)
@pytest.mark.parametrize(("numbers", "status"), STOPS)
def test_a_run_that_is_asked_to_stop_at_any_stage_stops_or_is_done(
    numbers: tuple[int, ...], status: int, event: str, case: Case, outcome: str
) -> None:
    """C7: twenty stages in all; who is asked too late is done."""
    command = begun(case, SLOW, event)
    for number in numbers:
        command.signal_after(number, 0.01)
    ended = command.wait()
    state = laws.honest(case, ended)
    assert (ended.status, state) in ((status, "unfinished"), (0, "published")), ended.printed
    laws.can_be_resumed(case, state, outcome)


def test_a_second_sigint_stops_a_worker_that_does_not_listen(case: Case, outcome: str) -> None:
    """C7: twice means now."""
    command = begun(case, HUNG)
    command.signal_after(signal.SIGINT)
    command.signal_after(signal.SIGINT, 0.1)
    ended = command.wait()
    assert ended.status == 130
    laws.can_be_resumed(case, laws.honest(case, ended), outcome)


def test_a_closed_terminal_leaves_a_run_that_goes_on(case: Case, outcome: str) -> None:
    """C7: SIGHUP; whether it is obeyed or fatal, no worker stays behind."""
    command = begun(case, SLOW)
    command.signal_after(signal.SIGHUP)
    ended = command.wait()
    assert ended.status in (143, -signal.SIGHUP)
    laws.can_be_resumed(case, laws.honest(case, ended), outcome)


def test_a_run_under_nohup_outlives_its_terminal() -> None:
    """C7: who ignored SIGHUP before the run began asked for that."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with StopRequest() as stop:
            signal.raise_signal(signal.SIGHUP)
            assert stop.level == 0
            signal.raise_signal(signal.SIGTERM)
            assert stop.level == 1
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_during_sealing_finishes_or_stops_and_never_seals_half(
    number: int, case: Case, outcome: str
) -> None:
    """C7: once everything is journalled."""
    command = case.start("run", "T1")
    wait_until(lambda: "sealing" in events(case) or case.pack.exists())
    command.signal_after(number)
    ended = command.wait()
    laws.can_be_resumed(case, laws.honest(case, ended), outcome)


def run_for_real(case: Case, *argv: str, **options: object) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "evidence", *argv]
    return subprocess.Popen(command, cwd=case.root, **options)  # type: ignore[call-overload]


def test_a_run_whose_reader_goes_away_runs_on(case: Case, outcome: str) -> None:
    """C7: SIGPIPE; `evidence run T1 2>&1 | head -1` must not end it, nor exit 0 unheard."""
    reading, writing = os.pipe()
    process = run_for_real(case, "run", "T1", stdout=writing, stderr=writing)
    os.close(writing)
    os.read(reading, 1)
    os.close(reading)
    assert process.wait(timeout=60) == 141
    laws.complete(case.pack, outcome)


def test_a_full_disk_behind_stdout_changes_nothing_of_how_a_run_ends(
    case: Case, outcome: str
) -> None:
    with Path("/dev/full").open("wb") as full:
        process = run_for_real(case, "run", "T1", stdout=full, stderr=subprocess.PIPE)
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0
    assert said.endswith(b"complete: runs/T1 (stdout: No space left on device)\n")
    laws.complete(case.pack, outcome)


def test_a_run_whose_stderr_is_closed_ends_as_any_other(case: Case, outcome: str) -> None:
    process = run_for_real(case, "run", "T1", preexec_fn=partial(os.close, 2))
    assert process.wait(timeout=120) == 0
    laws.complete(case.pack, outcome)


def test_a_verdict_that_nobody_heard_is_no_exit_0(undisturbed: Case) -> None:
    """C7: SIGPIPE in a script that looks at exit codes."""
    reading, writing = os.pipe()
    os.close(reading)
    process = run_for_real(undisturbed, "verify", "runs/T1", stdout=writing)
    os.close(writing)
    assert process.wait(timeout=60) == 141


@pytest.mark.parametrize("do", ["oom", "kill"])
def test_a_lack_of_memory_leaves_a_run_that_goes_on_or_is_closed_by_its_name(
    do: str, case: Case, outcome: str, tmp_path: Path
) -> None:
    """C8: a MemoryError, and the kernel's SIGKILL."""
    ended = case.start("run", "T1", stub={"stage": "train", "at": 3, "do": do}).wait()
    assert (ended.status, laws.honest(case, ended)) == (4, "unfinished")
    laws.can_be_resumed(copy_case(case, tmp_path / "resumed"), "unfinished", outcome)
    laws.can_be_closed(case, "unfinished")
    record = json.loads((case.pack / "attempts/02-stub/outcome.json").read_bytes())
    expected = {"oom": "out-of-memory", "kill": "killed-by-signal"}
    assert record["outcome"] == expected[do]
    assert "memory" in record["reason"]


def test_an_address_space_that_is_used_up_is_an_outcome(case: Case) -> None:
    """C8: RLIMIT_AS, and an allocation that really fails."""
    with (case.root / "data/train.jsonl").open("a") as stream:
        stream.write(json.dumps({"prompt": "long " * (1 << 17), "answer": "a"}) + "\n")
    ended = case.start("run", "T1", worker_room_bytes=1 << 16).wait()
    assert (ended.status, laws.honest(case, ended)) == (4, "unfinished"), ended.printed
    laws.can_be_closed(case, "unfinished")
    record = json.loads((case.pack / "attempts/02-stub/outcome.json").read_bytes())
    assert record["outcome"] == "out-of-memory", record


def test_rows_are_on_disk_before_the_worker_can_die(case: Case) -> None:
    """C8, C2: rows that the worker reported are there when it is killed."""
    ended = case.start("run", "T1", stub={"stage": "train", "at": 4, "do": "kill"}).wait()
    assert ended.status == 4
    steps = rows(case.work / "attempt-02-stub" / layout.METRICS)
    assert [row["step"] for row in steps] == [1, 2, 3]
