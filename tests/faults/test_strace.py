"""C1, C2, cross-checked from outside: the kernel kills the real command at a system call.

Nothing here knows of `evidence.system.durable`: what it forgot to go through would be found.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from random import Random

import psutil
import pytest

from tests.faults import laws
from tests.faults.runs import Case, copy_case
from tests.tiers import sampled

SEED = 1
NUM_POINTS = 100
NORMALLY = 2
PARTS = 10
CALLS = "openat,write,fsync,close,rename,mkdir,unlink,rmdir,ftruncate"
LINE = re.compile(r"^(\d+) +(\w+)\((.*)")


def _traceable() -> bool:
    if shutil.which("strace") is None:
        return False
    command = ["strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "true"]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


pytestmark = pytest.mark.skipif(
    not _traceable(), reason="strace is not here, or may not trace (a container without ptrace)"
)

Point = tuple[str, int]
"""A system call, and which of its occurrences in the supervisor."""


def traced(case: Case, *options: str) -> int:
    command = ["strace", "-f", "--seccomp-bpf", "-qq", f"--trace={CALLS}", *options]
    done = subprocess.run(
        [*command, sys.executable, "-m", "evidence", "run", "T1"],
        cwd=case.root,
        capture_output=True,
        check=False,
    )
    return done.returncode


@pytest.fixture(scope="module")
def points(fresh: Case, tmp_path_factory: pytest.TempPathFactory) -> list[Point]:
    """Seeded calls of the supervisor below runs/, as one traced run made them."""
    case = copy_case(fresh, tmp_path_factory.mktemp("traced") / "project")
    log = case.root / "strace.txt"
    assert traced(case, "-y", "-o", str(log)) == 0
    counts: Counter[str] = Counter()
    found: list[Point] = []
    supervisor = None
    for line in log.read_text("utf-8", "replace").splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        supervisor = supervisor or match[1]
        if match[1] == supervisor:
            counts[match[2]] += 1
            if str(case.runs) in match[3]:
                found.append((match[2], counts[match[2]]))
    assert len({name for name, _ in found}) >= 7, "the run no longer changes the disk like this"
    return Random(SEED).sample(found, NUM_POINTS)


@pytest.fixture(scope="module")
def outcome(undisturbed: Case) -> str:
    return laws.outcome_of(undisturbed.pack)


def killed_from_outside(case: Case, point: Point, outcome: str) -> None:
    name, at = point
    status = traced(case, "-o", "/dev/null", "-e", f"inject={name}:signal=SIGKILL:when={at}")
    assert status in (-9, 0, 4)  # 0, 4: this time the call came in the worker alone, or not at all
    left = [p.pid for p in psutil.process_iter(["cwd"]) if p.info["cwd"] == str(case.root)]
    _, alive = psutil.wait_procs([psutil.Process(pid) for pid in left if psutil.pid_exists(pid)], 5)
    assert not alive
    state = laws.honest(case)
    if at % 3 == 2:
        laws.can_be_closed(case, state)
    else:
        laws.can_be_resumed(case, state, outcome)


@pytest.mark.parametrize("number", sampled(range(NORMALLY), (1,)))
def test_a_run_that_the_kernel_kills_at_a_system_call_goes_on(
    number: int, points: list[Point], outcome: str, case: Case
) -> None:
    """C1: a sample."""
    killed_from_outside(case, points[number], outcome)


@pytest.mark.exhaustive
@pytest.mark.parametrize("part", range(PARTS))
def test_a_run_that_the_kernel_kills_at_any_of_100_system_calls_goes_on(
    part: int, points: list[Point], outcome: str, fresh: Case, tmp_path: Path
) -> None:
    """C1, C2: 100 seeded points."""
    for number in range(part, NUM_POINTS, PARTS):
        case = copy_case(fresh, tmp_path / str(number))
        killed_from_outside(case, points[number], outcome)
        shutil.rmtree(case.root)
