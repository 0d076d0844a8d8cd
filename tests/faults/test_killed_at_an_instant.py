"""C2, C8: SIGKILL at seeded random instants, of everything, of the supervisor, of the worker."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import time
from pathlib import Path
from random import Random

import psutil
import pytest

from tests.faults import laws
from tests.faults.runs import Case, Command, copy_case
from tests.tiers import sampled

NUM_INSTANTS = 200
CHAINS = 20
NORMALLY = (0, 3)
"""Chains of `make test`: in each every victim is killed, and the last one is closed."""
PARTS = 13
SLOW = {"do": "slow", "seconds": 0.02}
"""Steps that take a moment, so that more of the instants are in the midst of them."""
VICTIMS = ("everything", "supervisor", "worker")


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


@pytest.fixture(scope="module")
def run_duration_s(fresh: Case, tmp_path_factory: pytest.TempPathFactory) -> float:
    """How long such a run takes here and now, undisturbed."""
    case = copy_case(fresh, tmp_path_factory.mktemp("timed") / "project")
    began_s = time.monotonic()
    assert case.start("run", "T1", stub=SLOW).wait().status == 0
    return time.monotonic() - began_s


def workers(command: Command) -> list[psutil.Process]:
    """The processes that a supervisor has at this moment. Its guard is none of them."""
    with contextlib.suppress(psutil.Error):
        children = psutil.Process(command.pid).children()
        return [one for one in children if "tests.faults.server" in one.cmdline()]
    return []


def is_over(command: Command) -> bool:
    """Whether it ended; nobody has waited for it yet."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(command.pid).status() == psutil.STATUS_ZOMBIE
    return True


def kill(command: Command, victim: str, delay_s: float) -> None:
    """SIGKILL after a delay; for the worker alone the delay begins when there is one."""
    if victim == "worker":
        until_s = time.monotonic() + 10
        while not (workers(command) or is_over(command)) and time.monotonic() < until_s:
            time.sleep(0.001)
        delay_s /= 4
    time.sleep(delay_s)
    targets = [] if victim == "supervisor" else [one.pid for one in workers(command)]
    for pid in (*targets, *([] if victim == "worker" else [command.pid])):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def killed_at(number: int, case: Case, run_duration_s: float, outcome: str) -> None:
    victim = VICTIMS[number % len(VICTIMS)]
    command = case.start("run", "T1", stub=SLOW)
    kill(command, victim, Random(number).uniform(0, run_duration_s))
    ended = command.wait()
    state = laws.honest(case, ended)
    if victim == "worker":
        assert (ended.status, state) in ((0, "published"), (4, "unfinished")), ended.printed
    if number % 4 == 3:
        laws.can_be_closed(case, state)
    else:
        laws.can_be_resumed(case, state, outcome)


@pytest.mark.parametrize("chain", sampled(range(CHAINS), NORMALLY))
def test_a_run_that_is_killed_again_and_again_goes_on_every_time(
    chain: int, fresh: Case, run_duration_s: float, outcome: str, tmp_path: Path
) -> None:
    """C2, C8, C10: 200 instants in all. Who goes on with a killed run is killed in turn, until the
    run is done; then the next run begins."""
    case, state = copy_case(fresh, tmp_path / "0"), "nothing"
    before = laws.acknowledged(case)
    for number in range(chain, NUM_INSTANTS, CHAINS):
        if state == "published":
            case, state = copy_case(fresh, tmp_path / str(number)), "nothing"
            before = laws.acknowledged(case)
        how = ("--resume",) if state == "unfinished" else ()
        command = case.start("run", "T1", *how, stub=SLOW)
        victim = VICTIMS[number // CHAINS % len(VICTIMS)]
        kill(command, victim, Random(number).uniform(0, run_duration_s))
        ended = command.wait()
        assert ended.status in (-9, 0, 4), ended.printed
        state = laws.honest(case, ended)
        if ended.status == 4:
            assert (victim, state) == ("worker", "unfinished")
        if state == "published":
            laws.complete(case.pack, outcome)
            laws.holds(case.pack, before)
        else:
            now = laws.acknowledged(case)
            assert now.journal.startswith(before.journal)
            before = now
    if state != "published":
        laws.can_be_closed(case, state) if chain % 4 == 3 else laws.can_be_resumed(
            case, state, outcome
        )


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_killed_at_any_of_200_instants_goes_on_or_can_be_closed(
    part: int, fresh: Case, run_duration_s: float, outcome: str, tmp_path: Path
) -> None:
    """C2: 200 of them."""
    for number in range(part, NUM_INSTANTS, PARTS):
        case = copy_case(fresh, tmp_path / str(number))
        killed_at(number, case, run_duration_s, outcome)
        shutil.rmtree(case.root)
