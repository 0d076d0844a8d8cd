"""Laws of a machine that starts no thread: the work is done all the same, once, in this one."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable

import pytest

from evidence.capture.process import TooSlowError, answer_within, collect_output, up_to
from evidence.cli import boundary
from evidence.errors import RanOutError
from evidence.system import threads
from tests.command import handlers_kept
from tests.project import Project

Start = Callable[[threading.Thread], None]


def starting(patch: pytest.MonkeyPatch, num_threads: int) -> None:
    """So many threads start, and then none."""
    left = [num_threads]
    start: Start = threading.Thread.start

    def limited(self: threading.Thread) -> None:
        if left[0] == 0:
            raise RuntimeError("can't start new thread")
        left[0] -= 1
        start(self)

    patch.setattr(threading.Thread, "start", limited)


@pytest.mark.parametrize("num_threads", [0, 1, 2, 9])
def test_work_is_done_once_and_its_errors_come_by_the_result(
    num_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting(monkeypatch, num_threads)
    done: list[int] = []

    def work(number: int) -> int:
        time.sleep(0.01)
        done.append(number)
        if number == 3:
            raise ValueError("three")
        return number

    with threads.pool(4) as pool:
        futures = [pool.submit(work, number) for number in range(6)]
        assert [one.result() for one in futures if one is not futures[3]] == [0, 1, 2, 4, 5]
        with pytest.raises(ValueError, match="three"):
            futures[3].result()
    assert sorted(done) == [0, 1, 2, 3, 4, 5]


def test_another_error_of_a_thread_is_none_of_this(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: threading.Thread) -> None:
        raise RuntimeError("threads can only be started once")

    monkeypatch.setattr(threading.Thread, "start", broken)
    with threads.pool() as pool, pytest.raises(RuntimeError, match="only be started once"):
        pool.submit(int)
    with pytest.raises(RuntimeError, match="only be started once"):
        answer_within(1.0, int)


def program(script: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
    )


def test_programs_are_asked_and_their_time_is_watched_without_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    starting(monkeypatch, 0)
    assert answer_within(1.0, lambda: 7) == 7
    found = collect_output(program("echo bad >&2; echo one; sleep 0.2; echo two"), 20.0, up_to(100))
    assert (found.output, found.errors, found.status) == (b"one\ntwo\n", b"bad\n", 0)
    began_s = time.monotonic()
    with pytest.raises(TooSlowError):
        collect_output(program("echo one; sleep 60"), 0.3, up_to(100))
    assert time.monotonic() - began_s < 30


def test_a_run_without_any_thread_is_as_any_other(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting(monkeypatch, 0)
    assert project.run().status == "complete"


def test_a_run_whose_own_process_has_no_memory_left_is_unfinished_and_goes_on(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr("evidence.running.publishing.seal_staging", none)
        with pytest.raises(RanOutError, match="no memory left") as caught:
            project.run()
        assert caught.value.exit_code == 4
        with pytest.raises(RanOutError):
            project.run(close=True)
    assert project.run(resume=True).status == "complete"


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("can't start new thread")], ids=repr)
def test_a_command_that_ran_out_says_so_in_words(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import click

    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr("sys.argv", ["evidence"])
    with handlers_kept(), pytest.raises(SystemExit) as ended:
        boundary.guarded(command)
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "no memory left" in said
    assert "Traceback" not in said
