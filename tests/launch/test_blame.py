"""Of several processes that end, the one that began it is to blame: small real processes."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from evidence.attempt import ranks
from evidence.attempt.ranks import RankProcesses
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.worker.interface import Job
from tests.launch.milestone import MILESTONE

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="supervises")
BODY = """#!{python} -IS
import json, os, signal, sys, time
rank, events = int(os.environ["RANK"]), int(sys.argv[5])
def tell(event, **facts):
    os.write(events, json.dumps(dict(facts, event=event)).encode() + b"\\n")
def fail(message):
    tell("failed", kind="exception", type="RuntimeError", message=message)
    sys.exit(1)
LOST = "[gloo/transport/tcp/pair.cc:547] Connection closed by peer [127.0.0.1]:1"
print("here", rank, flush=True)
{does}
"""


def job_in(folder: Path) -> Job:
    """A training of two processes."""
    return Job(
        plan=plan_attempts(parse_milestone(MILESTONE.encode()))[0],
        stage="train",
        root=str(folder),
        scratch=str(folder),
        output=str(folder),
        segment=1,
        resume=None,
        run_stage="",
        rendezvous=str(folder / "rendezvous"),
    )


class Heard:
    """What the processes said and how they ended, as one worker."""

    def __init__(self, folder: Path, does: str) -> None:
        interpreter = folder / "python"
        interpreter.write_text(BODY.format(python=sys.executable, does=does))
        interpreter.chmod(0o755)
        job = job_in(folder)
        workers = RankProcesses(job, folder / "job", os.environ, folder, str(interpreter))
        self.events: list[dict[str, Any]] = []
        self.log = b""
        until_s = time.monotonic() + 50
        while not workers.finished():
            assert time.monotonic() < until_s
            for channel, data in workers.receive(0.1):
                if channel == "event":
                    self.events.append(json.loads(data))
                else:
                    self.log += data
        self.blamed, self.status = workers.blamed, workers.close()


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranks, "GRACE_S", 1.5)


def test_nobody_is_to_blame_where_all_end_well(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "tell('done', rank=rank)")
    assert (heard.blamed, heard.status) == ("", 0)
    assert heard.events == [{"event": "done", "rank": 0}]
    assert sorted(heard.log.splitlines()) == [b"[rank 1] here 1", b"here 0"]


def test_a_killed_process_is_to_blame_and_not_who_lost_it(tmp_path: Path) -> None:
    does = "if rank: time.sleep(0.5); os.kill(os.getpid(), signal.SIGKILL)\nfail(LOST)"
    heard = Heard(tmp_path, does)
    assert (heard.blamed, heard.status, heard.events) == ("rank 1 of 2", -9, [])
    assert heard.log.endswith(b"[rank 1] ended by SIGKILL; the last it printed:\n[rank 1] here 1\n")


def test_who_has_a_reason_of_its_own_is_to_blame(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "fail('my own') if rank and not time.sleep(0.5) else fail(LOST)")
    assert (heard.blamed, heard.status) == ("rank 1 of 2", 1)
    assert [one["message"] for one in heard.events] == ["my own"]


def test_a_watchdog_that_aborts_is_not_to_blame(tmp_path: Path) -> None:
    does = "if not rank: os.abort()\ntime.sleep(0.5)\nfail('my own')"
    assert Heard(tmp_path, does).blamed == "rank 1 of 2"


def test_who_ends_without_a_word_is_to_blame_and_who_waits_for_it_is_killed(
    tmp_path: Path,
) -> None:
    began_s = time.monotonic()
    heard = Heard(tmp_path, "sys.exit(7) if rank else time.sleep(100)")
    assert (heard.blamed, heard.status) == ("rank 1 of 2", 7)
    assert time.monotonic() - began_s < 40


def test_the_first_may_be_to_blame_too(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "fail(LOST) if rank and not time.sleep(0.5) else fail('my own')")
    assert heard.blamed == "rank 0 of 2"
    assert [one["message"] for one in heard.events] == ["my own"]


def test_nobody_alone_is_to_blame_for_what_all_say(tmp_path: Path) -> None:
    heard = Heard(tmp_path, "fail('step 3 has no loss')")
    assert (heard.blamed, heard.status) == ("", 1)
    assert [one["message"] for one in heard.events] == ["step 3 has no loss"]
