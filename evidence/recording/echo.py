"""Hands on what a program prints, without holding it up.

Responsible for what waits: the supervisor cuts secrets out of every line, which takes longer than
printing them. Only a program that is far ahead waits for it.
"""

from __future__ import annotations

import os
from collections import deque
from select import select
from typing import Final

from evidence import limits

MAX_WAITING_BYTES: Final = 256 * limits.MIB
STDOUT: Final = 1


class Echo:
    """Output on its way to the supervisor."""

    def __init__(self) -> None:
        self._waiting: deque[memoryview] = deque()
        self._num_bytes = 0
        _block(False)

    @property
    def is_full(self) -> bool:
        """Whether no more should be read before some is gone."""
        return self._num_bytes >= MAX_WAITING_BYTES

    def put(self, data: bytes) -> None:
        """Take a piece, and hand on what can be handed on now."""
        if data:
            self._waiting.append(memoryview(data))
            self._num_bytes += len(data)
        while self._waiting and self._write():
            pass

    def wait(self, timeout_s: float) -> None:
        """Hand on for a while, however little is taken."""
        select([], [STDOUT], [], timeout_s)
        self.put(b"")

    def close(self) -> None:
        """Return when everything is handed on."""
        _block(True)
        while self._waiting:
            self._write()

    def _write(self) -> bool:
        """Whether the first piece, or a part of it, was taken."""
        view = self._waiting[0]
        try:
            num_taken = os.write(STDOUT, view)
        except BlockingIOError:
            return False
        self._num_bytes -= num_taken
        if num_taken == len(view):
            self._waiting.popleft()
        else:
            self._waiting[0] = view[num_taken:]
        return True


def _block(does: bool) -> None:
    set_blocking = getattr(os, "set_blocking", None)
    if set_blocking is not None:
        set_blocking(STDOUT, does)
