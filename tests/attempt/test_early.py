"""Laws of the worker that imports its framework while the stage before still runs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence.attempt import early, process
from evidence.attempt.early import EarlyWorker
from evidence.attempt.process import WorkerProcess
from evidence.records.availability import Unavailable
from evidence.records.capture import TorchRecord
from evidence.verification.verification import verify_pack
from tests.project import Project, rows

SLOW = json.dumps({"stage": "train", "do": "slow", "seconds": 0.05, "frameworks": True})
NONE = Unavailable("none")
STUB = "stub_backend.stage:run_stage"


def torch(num_threads: int, device: str = "cpu") -> TorchRecord:
    """What a worker that computes so says."""
    return TorchRecord("2", "5", NONE, NONE, device, NONE, num_threads, 1, True, "highest")


@pytest.fixture
def told(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[WorkerProcess | None]]:
    """Workers that the early one gave to the stages of a run, where there is always room. The
    journal speaks of the stage before its worker is told its job."""
    found: list[WorkerProcess | None] = []
    give, stages = EarlyWorker.told, ["train", "eval"]
    others = set(psutil.Process().children(recursive=True))

    def watched(self: EarlyWorker, job_file: Path) -> WorkerProcess | None:
        last = rows(project.runs / ".work/T1/pack/journal.jsonl")[-1]
        assert (last["event"], last["data"]["stage"]) == ("stage-started", stages[len(found)])
        found.append(give(self, job_file))
        return found[-1]

    monkeypatch.setattr(early, "has_room", lambda _: True)
    monkeypatch.setattr(EarlyWorker, "told", watched)
    yield found
    assert set(psutil.Process().children(recursive=True)) <= others


def test_the_second_stage_is_done_by_a_worker_that_was_there_before_it(
    project: Project, told: list[WorkerProcess | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", SLOW)
    assert project.run().status == "complete"
    first, second = told
    assert (first is None, second is None) == (True, False)
    assert verify_pack(project.pack).verdict == "INTACT"
    events = [one["event"] for one in rows(project.pack / "journal.jsonl")]
    assert events.count("stage-started") == events.count("stage-finished") == 2


@pytest.mark.parametrize(
    ("order", "status"),
    [({"do": "slow", "seconds": 0.05}, "complete"), ({"at": 8, "do": "raise"}, "failed")],
    ids=["killed while it waits", "of no use: the stage before failed"],
)
def test_one_that_is_gone_or_of_no_use_harms_nothing(
    order: dict[str, Any],
    status: str,
    project: Project,
    told: list[WorkerProcess | None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begin = EarlyWorker._begin_to_import

    def then_killed(self: EarlyWorker) -> None:
        begin(self)
        assert self._worker is not None
        if status == "complete":
            self._worker.kill()

    monkeypatch.setattr(EarlyWorker, "_begin_to_import", then_killed)
    monkeypatch.setenv("EVIDENCE_STUB", json.dumps({"stage": "train", "frameworks": True, **order}))
    result = project.run()
    assert result.status == status
    assert not any(told)
    expected = {"complete": "INTACT", "failed": "UNFINISHED"}
    assert verify_pack(result.pack).verdict == expected[status]


def test_what_it_cannot_import_is_told_by_the_stage_as_ever(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its import is made again, and what goes wrong then is an event and words on its log."""
    jobs: list[dict[str, Any]] = []
    with monkeypatch.context() as patch:
        patch.setattr(EarlyWorker, "told", lambda _, job: jobs.append(json.loads(job.read_bytes())))
        project.run()
    job = project.root / "a\rjob\r\n.json"  # such a path is told as it is
    job.write_text(json.dumps({**jobs[1], "run_stage": "broken:run_stage"}))
    (project.root / "broken.py").write_text("import half\nraise RuntimeError('no such driver')")
    (project.root / "half.py").write_text("print('imported')")
    with waiting("broken:run_stage", project.root) as worker:
        found = b"".join(heard(worker, job)).decode()
    assert '"event":"failed"' in found
    assert "RuntimeError: no such driver" in found
    assert found.count("imported") == 2, "nothing is left of an import that broke off"


def test_an_import_that_breaks_off_once_breaks_no_stage(
    project: Project, told: list[WorkerProcess | None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where the stage before takes the last file handle. What it leaves is half a framework."""
    (project.root / "sitecustomize.py").write_text(BREAKS_ONCE)
    monkeypatch.setenv("PYTHONPATH", f"{project.root}{os.pathsep}{os.environ['PYTHONPATH']}")
    monkeypatch.setenv("EVIDENCE_STUB", SLOW)
    assert project.run().status == "complete"
    assert told[1] is not None
    assert (project.root / "broke").exists()


@pytest.mark.parametrize("lacking", ["killed", "no guard", "no process"])
def test_of_one_that_is_gone_nothing_stays_open(
    lacking: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A guard with the number of a group that is another's by then; pipes, once a stage."""
    me = psutil.Process()
    others, num_open = set(me.children(recursive=True)), me.num_fds()

    def none(*_: object, **__: object) -> None:
        raise BlockingIOError

    if lacking == "no guard":
        monkeypatch.setattr(process, "Guard", none)
    elif lacking == "no process":
        monkeypatch.setattr(process.subprocess, "Popen", none)
    one = EarlyWorker(STUB, os.environ, tmp_path, sys.executable)
    with one, contextlib.suppress(BlockingIOError):
        one._begin_to_import()
        assert one._worker is not None
        one._worker.kill()
        wait_until(lambda: one._worker is not None and one._worker.status is not None)
        assert one.told(tmp_path / "job.json") is None
        assert me.num_fds() == num_open
    assert me.num_fds() == num_open
    assert set(me.children(recursive=True)) <= others


def test_who_is_told_nothing_ends(tmp_path: Path) -> None:
    with waiting(STUB, tmp_path) as worker:
        pid = worker._worker.pid if worker._worker else 0
        assert psutil.pid_exists(pid)
    wait_until(lambda: not psutil.pid_exists(pid))


BREAKS_ONCE = """
import sys
from importlib.machinery import SourceFileLoader as Loader
from pathlib import Path
broke, run, half = Path(__file__).with_name("broke"), Loader.exec_module, []

def once(self, module):
    if module.__name__ == "stub_backend.stage" and (half or not broke.exists()) and IS_EARLY:
        broke.touch()
        half.append(module)
        raise ImportError("partially initialized module")
    run(self, module)

IS_EARLY = len(sys.orig_argv) > 7
Loader.exec_module = once
"""
"""Of one that waits, the first import breaks off, and another in the same process as well."""

SUPERVISOR = """
import sys, time
from pathlib import Path
from evidence.attempt import early, process
one = early.EarlyWorker("json:loads", {**__import__("os").environ}, Path("."), sys.executable)
one._begin_to_import()
print(one._worker.pid, flush=True)
time.sleep(60)
"""


def test_it_does_not_outlive_its_supervisor(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR], stdout=subprocess.PIPE, cwd=tmp_path
    ) as supervisor:
        assert supervisor.stdout is not None
        pid = int(supervisor.stdout.readline())
        assert psutil.pid_exists(pid)
        supervisor.send_signal(signal.SIGKILL)
        wait_until(lambda: not psutil.pid_exists(pid))


@pytest.mark.parametrize(
    ("seen", "starts"),
    [
        ([(1, 10, torch(1)), (2, 10, torch(1))], True),
        ([(1, 10, torch(1))], False),
        ([(1, 10, None), (2, 10, None)], False),
        ([(1, 10, NONE), (2, 10, NONE)], False),
        ([(1, 10, torch(1)), (10, 10, torch(1))], False),
        ([(1, 10**9, torch(1)), (2, 10**9, torch(1))], False),
        ([(7, 10, torch(1)), (7, 10, torch(1))], False),
        ([(1, 10, torch(2)), (2, 10, torch(2))], False),
        ([(1, 10, torch(1, "cuda:0")), (2, 10, torch(1, "cuda:0"))], False),
    ],
    ids=["near", "no rate yet", "nothing said", "no framework", "over", "far", "no progress",
         "no processor left", "on a GPU"],
)  # fmt: skip
def test_it_starts_near_the_end_where_a_processor_is_left_over(
    seen: list[tuple[int, int, TorchRecord | Unavailable | None]],
    starts: bool,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun: list[EarlyWorker] = []
    monkeypatch.setattr(EarlyWorker, "_begin_to_import", lambda self: begun.append(self))
    monkeypatch.setattr(early, "num_processors", lambda: 2)
    for name in ("core_limit", "memory_limit_bytes"):
        monkeypatch.setattr(early, name, lambda: None)
    one = EarlyWorker(STUB, {}, Path(), "")
    for is_followed in (False, True):
        one.stage_begins(is_followed=is_followed)
        for args in seen:
            one.progressed(*args)
            time.sleep(0.001)
        assert bool(begun) is (starts and is_followed)


def test_it_starts_in_no_container_and_where_memory_is_scarce_not_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(early, "num_processors", lambda: 2)
    unlimited: dict[str, Callable[[], float | None]] = {
        "core_limit": lambda: None,
        "memory_limit_bytes": lambda: None,
    }
    for limited in ("", *unlimited):
        for name, none in unlimited.items():
            monkeypatch.setattr(early, name, (lambda: 1.5) if name == limited else none)
        assert early.has_room(1) is (not limited)
    monkeypatch.setattr(early, "ROOM_BYTES", psutil.virtual_memory().total)
    assert not early.has_room(1)


def waiting(run_stage: str, folder: Path) -> EarlyWorker:
    """An early worker that imports already."""
    one = EarlyWorker(run_stage, {**os.environ, "PYTHONPATH": str(folder)}, folder, sys.executable)
    one._begin_to_import()
    return one


def heard(one: EarlyWorker, job: Path) -> Iterator[bytes]:
    """All that it says once it was told its job."""
    worker = one.told(job)
    assert worker is not None
    while not worker.finished():
        for _, data in worker.receive(0.2):
            yield data
    worker.close()


def wait_until(seen: Callable[[], bool]) -> None:
    for _ in range(500):
        if seen():
            return
        time.sleep(0.02)
    pytest.fail("never came")
