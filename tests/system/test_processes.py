"""Laws of work shared out among copies of the process: nobody can tell, but by the clock."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import errors
from evidence.errors import EvidenceError, UnsafePackError
from evidence.system import posix, processes
from tests.copies import assert_gone

needs_copies = pytest.mark.skipif(sys.platform != "linux", reason="processes are not copied here")
PIECES = list(range(11))


@pytest.mark.parametrize("num_processes", [0, 1, 2, 3, 50])
@pytest.mark.parametrize("num_pieces", [0, 1, 2, 3, 11])
def test_results_come_in_the_order_of_the_pieces(num_pieces: int, num_processes: int) -> None:
    pieces = PIECES[:num_pieces]
    assert processes.each(str, pieces, num_processes) == [str(piece) for piece in pieces]


@needs_copies
def test_all_but_the_first_piece_are_done_in_copies(copies: list[int]) -> None:
    found = processes.each(lambda _: os.getpid(), PIECES, 2)
    assert found[0] == os.getpid()
    assert set(found[1:]) == set(copies)
    assert len(copies) == 2
    assert_gone(copies)


@needs_copies
def test_more_than_a_pipe_holds_comes_back_from_every_copy(copies: list[int]) -> None:
    found = processes.each(lambda piece: bytes([piece]) * 3_000_000, PIECES, 3)
    assert [(len(one), one[0]) for one in found] == [(3_000_000, piece) for piece in PIECES]
    assert len(copies) == 3


def breaks() -> None:
    raise RuntimeError("the copy breaks")


def dies() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


@needs_copies
@pytest.mark.parametrize("end", [breaks, dies])
def test_what_a_copy_could_not_finish_is_done_here(
    end: Callable[[], None], copies: list[int]
) -> None:
    parent = os.getpid()

    def work(piece: int) -> int:
        if piece == 4 and os.getpid() != parent:
            end()
        return piece * piece

    assert processes.each(work, PIECES, 3) == [piece * piece for piece in PIECES]
    assert_gone(copies)


@needs_copies
def test_what_is_wrong_with_a_piece_is_raised_here(copies: list[int]) -> None:
    def work(piece: int) -> int:
        if piece == 4:
            raise LookupError(piece)
        return piece

    with pytest.raises(LookupError, match="4"):
        processes.each(work, PIECES, 2)
    assert_gone(copies)


def open_descriptors() -> int:
    """How many this process has; 0 where the system does not say."""
    place = Path("/proc/self/fd")
    return len(list(place.iterdir())) if place.is_dir() else 0


@needs_copies
def test_an_interrupted_caller_leaves_no_copy_behind(
    copies: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    def work(piece: int) -> None:
        if piece:
            time.sleep(60)  # far longer than the caller stays

    monkeypatch.setattr(processes, "select", interrupted)
    before = open_descriptors()
    with pytest.raises(KeyboardInterrupt):
        processes.each(work, PIECES, 3)
    assert_gone(copies)
    assert open_descriptors() == before


@needs_copies
@pytest.mark.usefixtures("copies")
@pytest.mark.parametrize("goes_wrong", [False, True])
def test_a_copy_leaves_without_running_anything_of_its_caller(
    monkeypatch: pytest.MonkeyPatch, goes_wrong: bool
) -> None:
    class Left(BaseException):
        """In place of the end of the process, which no test would survive."""

    def leave(code: int) -> None:
        raise Left(code)

    done: list[int] = []

    def work(piece: int) -> int:
        done.append(piece)
        if goes_wrong and piece:
            breaks()
        return piece

    monkeypatch.setattr(posix, "copy_process", lambda: 0)  # as the copy sees it
    monkeypatch.setattr(os, "_exit", leave)
    with pytest.raises(Left):
        processes.each(work, PIECES[:5], 2)
    assert done == ([0, 1] if goes_wrong else [0, 1, 3])


def test_beside_another_thread_no_process_is_copied() -> None:
    ended = threading.Event()
    other = threading.Thread(target=ended.wait)
    other.start()
    try:
        assert processes.each(lambda _: os.getpid(), PIECES, 2) == [os.getpid()] * len(PIECES)
    finally:
        ended.set()
        other.join()


def test_few_pieces_are_not_worth_a_copy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "num_processors", lambda: 4)
    found = [processes.worthwhile(count) for count in (0, 1, 15, 16, 24, 32, 500)]
    assert found == [0, 0, 1, 2, 3, 4, 4]


def test_this_process_has_a_processor() -> None:
    assert 1 <= processes.num_processors() <= (os.cpu_count() or 1)


def every_kind() -> list[type[EvidenceError]]:
    return [one for one in vars(errors).values()
            if isinstance(one, type) and issubclass(one, EvidenceError)]  # fmt: skip


@pytest.mark.parametrize("kind", every_kind())
def test_an_error_says_the_same_in_another_process(kind: type[EvidenceError]) -> None:
    error = UnsafePackError("link", "a", "why") if kind is UnsafePackError else kind("why")
    error.hint = "what to do"
    repeated = pickle.loads(pickle.dumps(error))  # noqa: S301 - what we wrote ourselves
    assert type(repeated) is kind
    assert (str(repeated), vars(repeated)) == (str(error), vars(error))
