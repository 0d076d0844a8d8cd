"""What is killed and gone on with loses nothing: neither its steps nor what it told of itself."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import psutil
import pytest

from evidence.errors import EvidenceError, WorkerLostError
from tests.recording.programs import PYTHON, make_repository, program, record, run
from tests.tiers import sampled

ALONE = (PYTHON, "-I")
TOLD = """
again = os.path.exists("once")
process(argv=["again" if again else "first"])
for n in range(1, 4): step(n, n / 4 if not again else n / 8)
tell("reported", what="metric", name="second" if again else "first", value=0.5)
if not again: tell("patched", what="torch.add", by="mine of train.py")
open("once", "w").close()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


def is_whole(root: Path, words: Sequence[str]) -> None:
    """Go on, and find both starts in the pack."""
    made = run(root, resume=True)
    report = made.verified()
    assert (made.result.status, report.verdict) == ("complete", "INTACT"), report.findings
    assert [(one["segment"], one["loss"]) for one in made.steps] == [
        *((1, n / 4) for n in range(1, 4)),
        *((2, n / 8) for n in range(1, 4)),
    ]
    found = made.read("program/program.json")
    (before,) = found["earlier"]
    assert (before["segment"], found["processes"][0]["argv"]) == (1, ["again"])
    assert [(one["argv"], one["num_steps"]) for one in before["processes"]] == [(["first"], 3)]
    assert [one["what"] for one in before["replaced"]] == ["torch.add"]
    told = made.read("program/reported.json")["values"]
    assert [one["name"] for one in told] == ["first", "second"]
    assert "The program replaced torch.add" in {one.message[:30] for one in report.findings}


@pytest.mark.parametrize("who", sampled(["getpid", "getppid"], ["getpid"]))
def test_a_killed_program_or_worker_goes_on_with_what_was_told(root: Path, who: str) -> None:
    source = f"{TOLD}if not again: os.kill(os.{who}(), 9); time.sleep(60)\n"
    words = [*ALONE, program(root, source)[1]]
    with pytest.raises(WorkerLostError) as lost:
        record(root, words)
    assert ("the program was" in lost.value.message) == (who == "getpid")
    is_whole(root, words)


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
def is_gone(pid: int) -> bool:
    """Soon: whoever inherits the dead may be slow to bury them."""
    until_s = time.monotonic() + 20
    while time.monotonic() < until_s:
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_killed_supervisor_takes_all_with_it_and_nothing_is_lost(root: Path) -> None:
    supervisor = "int(open('/proc/%d/stat' % os.getppid()).read().rpartition(')')[2].split()[1])"
    source = f"{TOLD}if not again:\n    open('pid', 'w').write(str(os.getpid()))\n"
    source += f"    os.kill({supervisor}, 9); time.sleep(60)\n"
    words = [*ALONE, program(root, source)[1]]
    command = [sys.executable, "-m", "evidence", "record", "R1", "--", *words]
    ended = subprocess.run(command, cwd=root, capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL
    is_whole(root, words)
    assert is_gone(int((root / "pid").read_text()))


@pytest.mark.full
def test_rows_of_an_earlier_start_that_it_does_not_count_are_found(root: Path) -> None:
    source = f"{TOLD}if not again: os.kill(os.getpid(), 9)\n"
    with pytest.raises(EvidenceError):
        record(root, [*ALONE, program(root, source)[1]])
    made = run(root, resume=True)
    path = made.pack / "program/program.json"
    path.write_text(path.read_text("utf-8").replace('"num_steps": 3', '"num_steps": 4', 1))
    assert "another number of rows than the process has" in {
        one.message for one in made.verified().findings
    }


def test_a_start_whose_spool_is_gone_is_said_to_be_unseen(root: Path) -> None:
    source = f"{TOLD}if not again: os.kill(os.getpid(), 9)\n"
    with pytest.raises(EvidenceError):
        record(root, [*ALONE, program(root, source)[1]])
    (spool,) = root.glob("runs/.work/R1/scratch-*/spool-1")
    for path in spool.iterdir():
        path.unlink()
    spool.rmdir()
    made = run(root, resume=True)
    assert made.verified().verdict == "INTACT"
    (before,) = made.read("program/program.json")["earlier"]
    assert [one["what"] for one in before["not_seen"]] == ["everything"]
    assert len(made.steps) == 6


@pytest.mark.full
def test_what_goes_on_with_its_own_command_is_run_with_it(root: Path) -> None:
    script = program(
        root,
        "process()\nstep(1)\nprint(sys.argv[1:])\n"
        "if 'more' not in sys.argv: os.kill(os.getpid(), 15)\n",
    )[1]
    text = f"""
schema = "milestone.v1"
id = "C1"
title = "A program"
kind = "recorded-program"
objective = "It goes on."
[command]
run = ["{PYTHON}", "-I", "{script}", "--out", "{{output}}"]
resume = ["{PYTHON}", "-I", "{script}", "more", "--out", "{{output}}"]
[[attempt]]
name = "as-it-is"
backend = "command"
"""
    (root / "milestones/C1.toml").write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError):
        run(root, "C1")
    made = run(root, "C1", resume=True)
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    assert made.read("program/program.json")["command"][3:] == ["more", "--out", "{output}"]
    assert "['more'" in made.log
