"""Threads that leave off when whoever waits for them is stopped, where threads can be had at all.

Responsible for that alone: a program that is asked to end waits for its threads, and one that
hashes gigabytes would keep it for minutes. Long work in such a thread asks between two pieces.
Under a limit of memory or of processes (`ulimit -v`, `ulimit -u`) no thread may start: what it
would have done is done by whoever asks for it, one after the other.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

P = ParamSpec("P")
T = TypeVar("T")
V = TypeVar("V")

_NO_THREAD: Final = "can't start new thread"
_own = threading.local()


class LeftOffError(Exception):
    """Nobody waits for this work any more; nobody gets to see this either."""


def ran_out(error: BaseException) -> bool:
    """Whether this process has no memory left, or may start no thread: no bug, and no verdict."""
    no_thread = isinstance(error, RuntimeError) and _NO_THREAD in str(error)
    return no_thread or isinstance(error, MemoryError)


class Pool:
    """Threads that take work, or none where none can be started."""

    def __init__(self, executor: ThreadPoolExecutor, told: threading.Event) -> None:
        self._executor = executor
        self._told = told

    def submit(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Have `work` done; its result comes by the future."""
        once = _Once(lambda: work(*args, **kwargs))
        try:
            self._executor.submit(once)
        except (RuntimeError, MemoryError) as error:
            if self._told.is_set() or not ran_out(error):
                raise
            once()  # a thread that had started before may have taken it: whoever comes first
        return once.future

    def each(self, work: Callable[[V], T], values: Iterable[V]) -> Iterator[T]:
        """The result of `work` for each value, in their order; all of it begins at once."""
        for future in [self.submit(work, value) for value in values]:
            yield future.result()


class _Once:
    """Work that is done by the first who calls it."""

    def __init__(self, work: Callable[[], Any]) -> None:
        from concurrent.futures import Future  # most commands need none

        self.future: Future[Any] = Future()
        self._work = work
        self._taken = threading.Lock()

    def __call__(self) -> None:
        if not self._taken.acquire(blocking=False):
            return
        try:
            found = self._work()
        except Exception as error:  # whoever asks for the result gets it
            self.future.set_exception(error)
        except BaseException as error:  # a Ctrl-C
            self.future.set_exception(error)
            raise
        else:
            self.future.set_result(found)


@contextmanager
def pool(num_threads: int | None = None) -> Iterator[Pool]:
    """Threads for the block. What they have not done when it ends is left off."""
    from concurrent.futures import ThreadPoolExecutor  # most commands need none

    told = threading.Event()
    executor = ThreadPoolExecutor(num_threads, initializer=_join, initargs=(told,))
    try:
        yield Pool(executor, told)
    finally:
        told.set()
        executor.shutdown(cancel_futures=True)


def _join(told: threading.Event) -> None:
    _own.told = told


def leave_off_if_told() -> None:
    """To be called between two pieces of long work; outside of a pool it does nothing."""
    told = getattr(_own, "told", None)
    if told is not None and told.is_set():
        raise LeftOffError
