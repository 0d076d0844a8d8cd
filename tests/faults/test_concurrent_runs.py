"""C9, C11: two runs on one pack, locks of the dead, and packs that are sealed already."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.errors import UsageError
from evidence.progress import Silent
from evidence.running.run import RunOptions, run_milestone
from evidence.running.signals import StopRequest
from tests.faults import laws
from tests.faults.runs import Case, copy_case

NUM_PAIRS = 50
NORMALLY = 3
SLOW = {"do": "slow", "seconds": 0.1}
"""A run that lasts longer than the other one waits for the lock."""
PARTS = 7


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


def one_wins(case: Case, outcome: str) -> None:
    """Both at once: one is done, the other says who is at work and touches nothing."""
    other = Case(case.root, case.server, "other.txt")
    pair = [one.start("run", "T1", stub=SLOW) for one in (case, other)]
    first, second = (command.wait() for command in pair)
    assert sorted((first.status, second.status)) == [0, 75], first.printed + second.printed
    assert laws.honest(case, first) == laws.honest(case, second) == "published"
    assert "another run of T1 is at work" in (first.printed + second.printed)
    laws.complete(case.pack, outcome)
    assert not case.work.exists()


@pytest.mark.parametrize("number", range(NORMALLY))
def test_of_two_runs_on_one_pack_one_wins(number: int, case: Case, outcome: str) -> None:
    """C9: the loser exits 75."""
    one_wins(case, outcome)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_of_50_pairs_of_runs_one_wins_each(
    part: int, fresh: Case, outcome: str, tmp_path: Path
) -> None:
    """C9: 50 pairs."""
    for number in range(part, NUM_PAIRS, PARTS):
        case = copy_case(fresh, tmp_path / str(number))
        one_wins(case, outcome)
        shutil.rmtree(case.root)


def test_a_lock_file_of_a_dead_run_blocks_nobody(case: Case) -> None:
    """C9: what counts is the kernel's lock, not the file: its writer's number may live again."""
    lock = case.runs / layout.WORK / "T1.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(f"{os.getpid()}\n")
    assert case.do("run", "T1").status == 0


def test_a_lock_held_by_a_living_run_blocks(case: Case) -> None:
    """C9: also the recovery of what that run is working on."""
    lock = case.runs / layout.WORK / "T1.lock"
    lock.parent.mkdir(parents=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        for how in ((), ("--resume",), ("--close",), ("--again",)):
            ended = case.do("run", "T1", *how)
            assert (ended.status, "at work" in ended.printed) == (75, True), ended.printed
    assert not case.work.exists()


def test_a_disk_without_locks_is_refused(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """C9: two runs could not be told apart there."""

    def none(_: int, __: int) -> None:
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr("fcntl.flock", none)
    with StopRequest() as stop, pytest.raises(UsageError, match="No locks available"):
        run_milestone("T1", RunOptions(case.root, case.runs), Silent(), stop)
    assert not case.work.exists()


def test_a_pack_that_was_sealed_while_we_waited_for_the_lock_is_not_run_again(
    undisturbed: Case, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    """C9, C11: the first look was before the lock was ours."""
    from evidence.running import run

    held = run.held_name

    def sealed_meanwhile(runs: Path, name: str) -> object:
        shutil.copytree(undisturbed.pack, case.pack)
        return held(runs, name)

    monkeypatch.setattr(run, "held_name", sealed_meanwhile)
    with StopRequest() as stop, pytest.raises(UsageError, match="sealed already"):
        run_milestone("T1", RunOptions(case.root, case.runs), Silent(), stop)
    assert not case.work.exists()


@pytest.mark.parametrize("how", [(), ("--resume",), ("--close",)])
def test_a_sealed_pack_is_never_run_into(
    how: tuple[str, ...], undisturbed: Case, tmp_path: Path
) -> None:
    """C11: neither anew nor on."""
    case = copy_case(undisturbed, tmp_path / "project")
    before = {path: path.read_bytes() for path in case.runs.rglob("*") if path.is_file()}
    ended = case.do("run", "T1", *how)
    assert (ended.status, "sealed already" in ended.printed) == (2, True)
    assert before == {path: path.read_bytes() for path in case.runs.rglob("*") if path.is_file()}


def test_what_a_run_left_that_died_after_publishing_is_cleared_away(
    undisturbed: Case, tmp_path: Path
) -> None:
    """C11: it is no unfinished run, and does not stand in the way of the next."""
    case = copy_case(undisturbed, tmp_path / "project")
    case.work.mkdir()
    (case.work / layout.REMEMBERED).write_bytes(b"{}\n")
    (case.work / layout.PUBLISHED).write_bytes(b"{}\n")
    ended = case.do("run", "T1", "--again")
    assert (ended.status, laws.honest(case, ended)) == (0, "published")
    assert not case.work.exists()
