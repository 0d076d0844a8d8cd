"""The worker as an operating-system process: start it, read its pipes, stop it, leave no orphan.

Responsible for pipes, signals and exit status. The worker's events are interpreted by `stage`;
what its end means is decided by `outcome`.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, Literal

from evidence.attempt.guard import Guard
from evidence.errors import EvidenceError
from evidence.system import posix
from evidence.worker.interpreter import MAIN

READ_BYTES: Final = 1 << 16
GRACE_AFTER_EXIT_S: Final = 2.0
"""How long a grandchild may keep the pipes open after the worker itself is gone."""

MAX_LEFT_BYTES: Final = 4 << 20
"""More than pipes can hold after the worker ended: beyond it, a child process still writes."""

GRACE_AFTER_KILL_S: Final = 10.0
"""SIGKILL takes milliseconds, unless a driver holds the process in the kernel for ever."""

OUR_TURN_S: Final = 2.0
"""Who asks every process of a machine to end may reach the worker so long before us."""

_ASKING: Final = ("SIGTERM", "SIGINT", "SIGHUP")
"""SIGHUP is not everywhere."""

Channel = Literal["event", "output"]


class WorkerProcess:
    """One running worker, in a session of its own so that a Ctrl-C reaches only the supervisor."""

    def __init__(
        self,
        job: Path | str,
        environment: Mapping[str, str],
        root: Path,
        interpreter: str,
        job_read: int | None = None,
    ) -> None:
        """Start it. `job_read`: the pipe by which it is told its job later; `job` is then the
        `module:function` that it imports before."""
        if not posix.can_supervise():
            raise EvidenceError(
                "a run needs Linux, WSL2 or macOS", hint="verify and render work on Windows."
            )
        events_read, events_write = os.pipe()
        command = [interpreter, "-P", "-m", MAIN, str(job), str(events_write), str(os.getpid())]
        later = () if job_read is None else (job_read,)
        try:
            self._process = subprocess.Popen(
                [*command, *map(str, later)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                pass_fds=(events_write, *later),
                start_new_session=True,
                env=dict(environment),
                cwd=root,
            )
            self._guard = self._guarded()
        except OSError:
            os.close(events_read)
            raise
        finally:
            os.close(events_write)
        assert self._process.stdout is not None  # noqa: S101 - Popen was given a pipe
        self._output = self._process.stdout
        self._events_read = events_read
        self._selector = selectors.DefaultSelector()
        self._selector.register(events_read, selectors.EVENT_READ, "event")
        self._selector.register(self._output, selectors.EVENT_READ, "output")
        self._partial = b""
        self._gone_since_s: float | None = None
        self._silent = False
        self._num_bytes_since_gone = 0

    def _guarded(self) -> Guard:
        """What ends it with us; without one there is no worker either."""
        try:
            return Guard(self._process.pid)
        except OSError:
            with self._process:  # waits for it, and closes its pipe
                self.kill()
            raise

    @property
    def pid(self) -> int:
        """Process id of the worker, also the id of its process group."""
        return self._process.pid

    @property
    def others(self) -> tuple[int, ...]:
        """Process ids of further workers: there are none."""
        return ()

    @property
    def status(self) -> int | None:
        """The exit status, as `close` gives it; None where it runs."""
        return self._process.poll()

    @property
    def blamed(self) -> str:
        """Which of several is to blame: it is the only one."""
        return ""

    def receive(self, timeout_s: float) -> Iterator[tuple[Channel, bytes]]:
        """What arrived within `timeout_s`: whole event lines, and output in any pieces."""
        ready = self._selector.select(timeout_s)
        self._silent = not ready
        for key, _ in ready:
            data = os.read(key.fd, READ_BYTES)
            if self._gone_since_s is not None:
                self._num_bytes_since_gone += len(data)
            if not data:
                self._selector.unregister(key.fileobj)
            elif key.data == "output":
                yield "output", data
            else:
                *lines, self._partial = (self._partial + data).split(b"\n")
                for line in lines:
                    yield "event", line

    def finished(self) -> bool:
        """Whether the worker is gone and all it said has been heard, however late we come to it.

        Only silence ends the wait for pipes that a grandchild keeps open: on a busy machine there
        may be unread rows long after the worker is gone, and the last of them says `done`.
        """
        if self._process.poll() is None:
            return False
        if not self._selector.get_map():
            return True
        now = time.monotonic()
        if self._gone_since_s is None:
            self._gone_since_s = now
        if now - self._gone_since_s <= GRACE_AFTER_EXIT_S:
            return False
        self.kill()  # whom it left behind, and who may be talking on
        return self._silent or self._num_bytes_since_gone > MAX_LEFT_BYTES

    def ask_to_stop(self, *, by_interrupt: bool = False) -> None:
        """SIGTERM: the worker ends after the current step, with a checkpoint."""
        posix.stop_group(self._process.pid, by_interrupt=by_interrupt)

    def kill(self) -> None:
        """SIGKILL for the worker and everything it started."""
        posix.kill_group(self._process.pid)

    def close(self) -> int | None:
        """Kill what is left, reap it, and return the exit status (negative: minus the signal).

        None where even SIGKILL does not end it.
        """
        self.kill()
        self._guard.release()
        status: int | None = None
        with contextlib.suppress(subprocess.TimeoutExpired):
            status = self._process.wait(GRACE_AFTER_KILL_S)
        self._selector.close()
        self._output.close()
        os.close(self._events_read)
        return status


def are_told_too(exit_status: int | None, obeyed: bool, stop_level: Callable[[], int]) -> bool:
    """Whether the signal that ended a worker reaches us as well: then it was meant for the run."""
    asking = [-getattr(signal, name) for name in _ASKING if hasattr(signal, name)]
    until_s = time.monotonic() + OUR_TURN_S
    while obeyed or exit_status in asking:
        if stop_level() or time.monotonic() > until_s:
            return stop_level() > 0
        time.sleep(0.05)
    return False
