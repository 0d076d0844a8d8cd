"""Independent pieces of work side by side, in copies of our own process.

Responsible for sharing pieces out, for bringing what they give back in order, and for copies that
are gone when the work is done, however it ends. A copy that cannot finish costs nothing but time:
its pieces are done again by the caller, who meets what was wrong. Nothing is written, not even
the semaphores of a process pool: what a copy gives comes back through a pipe.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from select import select
from typing import Final, NoReturn, TypeVar

from evidence.system import posix

T = TypeVar("T")
R = TypeVar("R")

PIECES_A_COPY: Final = 8
"""For fewer pieces a copy of the process, made and waited for, is not worth it (a small pack takes
ten milliseconds)."""
_READ_BYTES: Final = 1 << 18


def worthwhile(num_pieces: int) -> int:
    """How many processes so many pieces deserve on this machine; below 2: none but our own."""
    return min(num_processors(), num_pieces // PIECES_A_COPY)


def num_processors() -> int:
    """Processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def each(work: Callable[[T], R], pieces: Sequence[T], num_processes: int) -> list[R]:
    """`work` of every piece, in the order of the pieces, by so many copies of this process.

    The first piece is done here: what it loads and compiles, every copy has from the start. `work`
    may run more than once for a piece, in a copy that broke and then here; what it gives must be
    picklable. Raises what `work` raises here. Without fork all of it is done here.
    """
    found: dict[int, R] = {0: work(pieces[0])} if pieces else {}
    num_processes = min(num_processes, len(pieces) - 1)
    if num_processes > 1 and posix.can_copy_process():
        shares = [range(first, len(pieces), num_processes) for first in range(1, num_processes + 1)]
        import pickle  # for several pieces only

        with ended() as children:
            pipes = [_start(work, pieces, share, children) for share in shares]
            for data in _read_all(pipes):
                with suppress(EOFError, pickle.UnpicklingError):  # the copy broke on the way
                    found.update(pickle.loads(data))  # noqa: S301 - our own copy wrote it
            while children:
                os.waitpid(children[-1], 0)
                children.pop()
    return [found[n] if n in found else work(piece) for n, piece in enumerate(pieces)]


@contextmanager
def ended() -> Iterator[list[int]]:
    """Children that are gone when this is left, however it is."""
    children: list[int] = []
    try:
        yield children
    finally:
        for child in children:
            posix.end_process(child)


def _start(work: Callable[[T], R], pieces: Sequence[T], share: range, children: list[int]) -> int:
    """A copy at work on its share; what it gives comes out of the pipe that is returned."""
    reading, writing = os.pipe()
    child = posix.copy_process()
    if child == 0:
        _work_and_leave(work, pieces, share, writing)
    children.append(child)
    os.close(writing)
    return reading


def _work_and_leave(
    work: Callable[[T], R], pieces: Sequence[T], share: range, writing: int
) -> NoReturn:
    # Nothing of the caller may run here: no handler, no `finally`, no flush of what it printed.
    try:
        import pickle

        done = pickle.dumps({number: work(pieces[number]) for number in share})
        with os.fdopen(writing, "wb") as stream:
            stream.write(done)
    finally:
        os._exit(0)


def _read_all(pipes: Sequence[int]) -> Iterator[bytes]:
    """Everything that comes out of the pipes, whichever has something first."""
    data: Mapping[int, bytearray] = {pipe: bytearray() for pipe in pipes}
    left = list(pipes)
    try:
        while left:
            for pipe in select(left, [], [])[0]:
                read = os.read(pipe, _READ_BYTES)
                data[pipe] += read
                if not read:
                    left.remove(pipe)
    finally:
        for pipe in pipes:
            os.close(pipe)
    yield from (bytes(part) for part in data.values())
