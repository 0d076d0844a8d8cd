"""Threads that leave off when whoever waits for them is stopped.

Responsible for that alone: a program that is asked to end waits for its threads, and one that
hashes gigabytes would keep it for minutes. Long work in such a thread asks between two pieces.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

    Pool: TypeAlias = ThreadPoolExecutor

_own = threading.local()


class LeftOffError(Exception):
    """Nobody waits for this work any more; nobody gets to see this either."""


@contextmanager
def pool(num_threads: int | None = None) -> Iterator[Pool]:
    """Threads for the block. What they have not done when it ends is left off."""
    from concurrent.futures import ThreadPoolExecutor  # most commands need none

    told = threading.Event()
    executor = ThreadPoolExecutor(num_threads, initializer=_join, initargs=(told,))
    try:
        yield executor
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
