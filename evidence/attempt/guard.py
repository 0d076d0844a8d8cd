"""Ends the worker's process group when the supervisor dies, however it dies.

Responsible for the case that nobody else can handle: SIGKILL of the supervisor, with a worker that
has started processes of its own. A tiny process waits for the end of a pipe that only the
supervisor holds open; the kernel closes it for a supervisor that can do nothing any more.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from typing import Final

_RELEASE: Final = b"."
_WATCH: Final = """
import os, signal, sys
if not os.read(0, 1):
    os.killpg(int(sys.argv[1]), signal.SIGKILL)
"""
_GONE_WITHIN_S: Final = 5.0


class Guard:
    """Watches over one process group until released."""

    def __init__(self, group: int) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _WATCH, str(group)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def release(self) -> None:
        """The group is gone by the supervisor's own hand: nothing is left to watch."""
        with contextlib.suppress(BrokenPipeError, subprocess.TimeoutExpired):
            self._process.communicate(_RELEASE, timeout=_GONE_WITHIN_S)
