"""Processes of one launch hear each other: orders, ends, refusals, and that one is gone."""

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

from evidence import __version__
from evidence.attempt import exchange, ranks
from evidence.attempt.exchange import FirstSays, OtherSays
from evidence.attempt.lead import Lead
from evidence.attempt.ranks import RankProcesses
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.errors import UsageError, WorkerLostError
from evidence.running import following, leading
from evidence.running.following import follow
from evidence.running.launching import Launched, launched_in
from evidence.running.leading import wait_for_others
from evidence.running.signals import StopRequest
from evidence.worker.interface import Job
from tests.launch.launchers import Srun, wait_until
from tests.launch.milestone import ALONE, project
from tests.launch.test_blame import BODY, job_in

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="supervises")
FOLLOWS = """
import sys
from pathlib import Path
from evidence.running.following import follow
from evidence.running.launching import Launched
from evidence.running.signals import StopRequest
with StopRequest() as stop:
    over = follow(Launched(1, 2, 1, "srun", "k"), Path(sys.argv[1]), Path(sys.argv[2]), stop)
print(over.line)
sys.exit(over.exit_code)
"""

LAUNCHED = Launched(1, 2, 1, "srun", "k")
OBEYS = """
def obey(*_):
    print("asked", rank, flush=True)
    sys.exit(3)
signal.signal(signal.SIGTERM, obey)
print("ready", flush=True)
time.sleep(100)
"""


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "GRACE_S", 1.5)


class Launch:
    """The first process here, and another one that follows it."""

    def __init__(self, folder: Path, does: str) -> None:
        self.root, self.place = folder, folder / "launched"
        self.place.mkdir()
        self._interpreter = folder / "python"
        self._interpreter.write_text(BODY.format(python=sys.executable, does=does))
        self._interpreter.chmod(0o755)
        self.lead = Lead(self.place, 2, 0, "srun").__enter__()
        self.other = subprocess.Popen(
            [sys.executable, "-c", FOLLOWS, str(self.place), str(folder)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        wait_until(lambda: not self.lead.missing(), 30)
        self.events: list[dict[str, Any]] = []
        self.log = b""

    def begin(self) -> RankProcesses:
        job: Job = job_in(self.root)
        job_file = self.root / "job"
        job_file.write_bytes(jsonio.dump_document(encode(job)))
        interpreter = str(self._interpreter)
        self.workers = RankProcesses(job, job_file, os.environ, self.root, interpreter, self.lead)
        return self.workers

    def hear(self) -> None:
        until_s = time.monotonic() + 60
        while not self.workers.finished():
            assert time.monotonic() < until_s
            self.hear_once()
        self.blamed, self.status = self.workers.blamed, self.workers.close()

    def hear_once(self) -> None:
        for channel, data in self.workers.receive(0.1):
            if channel == "event":
                self.events.append(json.loads(data))
            else:
                self.log += data

    def end(self, exit_code: int, line: str) -> tuple[int, str]:
        self.lead.end(exit_code, line)
        self.lead.__exit__(None, None, None)
        out, _ = self.other.communicate(timeout=30)
        return self.other.returncode, out


def test_each_stage_is_computed_by_both_and_the_end_is_that_of_the_first(tmp_path: Path) -> None:
    launch = Launch(tmp_path, "print('x' * 100_000); tell('done', rank=rank)")
    for count in (1, 2):
        launch.begin()
        launch.hear()
        assert (launch.blamed, launch.status) == ("", 0)
        assert launch.events == [{"event": "done", "rank": 0}] * count
    assert launch.log.count(b"[rank 1] here 1\n") == 2
    assert launch.log.count(b"x" * 100_000) == 4
    assert launch.end(4, "failed: runs/L2") == (4, "failed: runs/L2\n")
    assert not launch.place.exists()


def test_what_fails_in_the_other_is_blamed_with_its_log(tmp_path: Path) -> None:
    launch = Launch(tmp_path, "fail('my own') if rank and not time.sleep(0.5) else fail(LOST)")
    launch.begin()
    launch.hear()
    assert (launch.blamed, launch.status) == ("rank 1 of 2", 1)
    assert [one["message"] for one in launch.events] == ["my own"]
    assert b"[rank 1] here 1\n" in launch.log
    launch.end(0, "")


def test_a_process_that_is_killed_is_blamed_and_its_worker_dies_with_it(tmp_path: Path) -> None:
    launch = Launch(tmp_path, "time.sleep(100)")
    workers = launch.begin()
    wait_until(lambda: not launch.hear_once() and launch.log.count(b"here") == 2, 30)
    (worker,) = workers.others
    launch.other.kill()
    launch.other.wait()
    launch.hear()
    assert launch.blamed == "rank 1 of 2"
    (failed,) = launch.events
    assert failed["kind"] == "process-lost"
    assert failed["message"].startswith("its `evidence run` on ")
    wait_until(lambda: not is_running(worker), 10)
    launch.end(0, "")


def test_a_request_to_stop_reaches_the_worker_of_the_other(tmp_path: Path) -> None:
    launch = Launch(tmp_path, OBEYS)
    workers = launch.begin()
    wait_until(lambda: not launch.hear_once() and launch.log.count(b"ready") == 2, 30)
    workers.ask_to_stop()
    launch.hear()
    assert b"[rank 1] asked 1\n" in launch.log
    assert launch.status == 3
    launch.end(0, "")


def test_a_process_that_is_asked_to_end_asks_its_worker_and_is_heard(tmp_path: Path) -> None:
    launch = Launch(tmp_path, OBEYS)
    launch.begin()
    wait_until(lambda: not launch.hear_once() and launch.log.count(b"ready") == 2, 30)
    launch.other.send_signal(signal.SIGTERM)
    launch.hear()
    assert b"[rank 1] asked 1\n" in launch.log
    assert launch.blamed == "rank 1 of 2"
    assert launch.end(143, "stopped")[0] == 143


def test_where_the_first_is_gone_the_worker_of_the_other_ends_with_it(tmp_path: Path) -> None:
    launch = Launch(tmp_path, "time.sleep(100)")
    workers = launch.begin()
    wait_until(lambda: not launch.hear_once() and launch.log.count(b"here") == 2, 30)
    (worker,) = workers.others
    launch.lead._lock.release()  # as the kernel does with that of a process that dies
    out, _ = launch.other.communicate(timeout=30)
    assert "rank 0 of this launch, on " in out
    wait_until(lambda: not is_running(worker), 10)
    workers.close()


def test_where_the_first_is_gone_the_others_end(tmp_path: Path) -> None:
    place = tmp_path / "launched"
    place.mkdir()
    with StopRequest() as stop:
        follower = following._Follower(LAUNCHED, place, tmp_path, stop)
        answers = {"rank-1": follower._says.drawn}
        exchange.say(place, 0, FirstSays("s", __version__, exchange.own_host(), answers=answers))
        with pytest.raises(WorkerLostError, match=r"rank 0 of this launch, on .*, is gone"):
            follower.follow()
    assert not place.exists()


def test_what_an_earlier_launch_left_is_nothing_that_was_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = FirstSays("s", "", "elsewhere", answers={"rank-1": "another"})
    exchange.say(tmp_path, 0, left)
    monkeypatch.setattr(following, "PATIENCE_S", 0.5)
    with StopRequest() as stop, pytest.raises(UsageError, match="rank 0 of this launch has not"):
        follow(LAUNCHED, tmp_path, tmp_path, stop)


def test_a_process_that_never_comes_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange.say(tmp_path, 1, OtherSays("another", "elsewhere", session="an earlier one"))
    monkeypatch.setattr(leading, "PATIENCE_S", 0.5)
    absent = pytest.raises(UsageError, match=r"rank 1 of 2 has not come within 0\.5 s")
    with Lead(tmp_path, 2, 0, "srun") as lead, StopRequest() as stop, absent:
        wait_for_others(lead, stop)


def test_one_of_another_version_or_another_project_is_refused(tmp_path: Path) -> None:
    with StopRequest() as stop:
        follower = following._Follower(LAUNCHED, tmp_path, tmp_path, stop)
        answers = {"rank-1": follower._says.drawn}
        exchange.say(tmp_path, 0, FirstSays("s", "0.0", "elsewhere", answers=answers))
        with pytest.raises(UsageError, match=r"rank 0 runs evidence-pack 0\.0"):
            follower.follow()
    launch = Launch(tmp_path, "")
    launch.lead.order(tmp_path / "job", tmp_path / "other", "")
    out, _ = launch.other.communicate(timeout=30)
    assert f"rank 0 runs the project {tmp_path / 'other'}" in out
    assert launch.lead.is_gone(1)
    launch.end(2, "")


def test_silence_tells_that_a_process_on_another_machine_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "SILENCE_S", 0.2)
    watch, record = exchange.Watch(tmp_path, 1), OtherSays("d", "elsewhere", beat=1)
    assert not watch.is_gone(record)
    time.sleep(0.3)
    assert watch.is_gone(record)
    assert not watch.is_gone(OtherSays("d", "elsewhere", beat=2))


def test_what_the_first_refuses_ends_all_with_its_status_and_one_line(tmp_path: Path) -> None:
    folder = project(tmp_path / "project", ALONE)
    began_s = time.monotonic()
    (first, said), (second, other) = Srun(folder).ended()
    assert (first, second) == (2, 2)
    assert "srun started 2 processes, and L2 trains in one" in said
    (line,) = other.splitlines()
    assert line.startswith("rank 1 of 2: as rank 0: srun started 2 processes")
    assert time.monotonic() - began_s < 60
    assert not (folder / "runs").exists()


def test_a_milestone_that_is_not_there_is_refused_by_all(tmp_path: Path) -> None:
    (tmp_path / "project/milestones").mkdir(parents=True)
    statuses = [status for status, _ in Srun(tmp_path / "project").ended()]
    assert statuses == [2, 2]
    assert not (tmp_path / "project/runs").exists()


@pytest.mark.parametrize(
    ("variables", "found"),
    [
        ({"RANK": "1", "WORLD_SIZE": "2", "LOCAL_RANK": "0"}, (1, 2, 0, "torchrun")),
        ({"SLURM_PROCID": "3", "SLURM_STEP_NUM_TASKS": "4", "SLURM_LOCALID": "1"},
         (3, 4, 1, "srun")),
        ({"OMPI_COMM_WORLD_RANK": "0", "OMPI_COMM_WORLD_SIZE": "2"}, (0, 2, 0, "mpirun")),
        ({"RANK": "0", "WORLD_SIZE": "2", "SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "2"},
         (0, 2, 0, "torchrun")),
    ],
)  # fmt: skip
def test_a_process_knows_its_place_by_what_its_launcher_says(
    variables: dict[str, str], found: tuple[int, int, int, str]
) -> None:
    launched = launched_in(variables)
    assert launched is not None
    assert (launched.rank, launched.world, launched.local_rank, launched.by) == found


def test_launches_are_told_apart_and_processes_of_one_are_not() -> None:
    one = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_PROCID": "0", "SLURM_JOB_ID": "1"}
    keys = [
        found.key
        for changed in ({}, {"SLURM_PROCID": "1"}, {"SLURM_JOB_ID": "2"})
        if (found := launched_in({**one, **changed})) is not None
    ]
    assert keys[0] == keys[1] != keys[2]


def is_running(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
