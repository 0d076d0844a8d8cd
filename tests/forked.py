"""Processes that are forked where a user's are executed: what is imported is imported once.

Responsible for workers that are forked from their supervisor, and for what a forked process has to
put right. Who forks whole commands are tests/faults/server.py and tests/warm_server.py.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
import types
from itertools import pairwise
from typing import Any, NoReturn

import psutil

from evidence.attempt import process
from evidence.system import durable
from evidence.worker import main as worker_main


def fork_workers() -> None:
    """From here on every supervisor of this process forks its workers."""
    forked = types.SimpleNamespace(**{**vars(subprocess), "Popen": ForkedWorker})
    process.subprocess = forked  # type: ignore[assignment]


class ForkedWorker:
    """Stands for `subprocess.Popen` where the supervisor starts its worker."""

    witness = -1
    room_bytes: int | None = None
    """How much more memory than at its start a worker may take."""

    def __init__(self, command: list[str], **options: Any) -> None:
        reading, writing = os.pipe()
        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            _work(command, writing, options)
        os.close(writing)
        self.stdout = os.fdopen(reading, "rb", buffering=0)

    def poll(self) -> int | None:
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        deadline_s = time.monotonic() + (timeout or 60.0)
        while (status := self.poll()) is None:
            if time.monotonic() > deadline_s:
                raise subprocess.TimeoutExpired("worker", timeout or 60.0)
            time.sleep(0.001)
        return status


def _work(command: list[str], output: int, options: dict[str, Any]) -> NoReturn:
    status = 70
    try:
        os.setsid()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        durable.os = os  # type: ignore[attr-defined]
        redirect(output, output)
        kept = {2, *options["pass_fds"], 1024} | {ForkedWorker.witness} - {-1}
        for low, high in pairwise(sorted(kept)):
            os.closerange(low + 1, high)
        os.chdir(options["cwd"])
        os.environ.clear()
        os.environ.update(options["env"])
        sys.argv = command[command.index("-m") + 1 :]
        if ForkedWorker.room_bytes is not None:
            limit_bytes = psutil.Process().memory_info().vms + ForkedWorker.room_bytes
            resource.setrlimit(resource.RLIMIT_AS, (limit_bytes, limit_bytes))
        status = worker_main.main()
    except BaseException:
        traceback.print_exc()
    finally:
        end(status)


def begin(out: int, err: int, folder: str) -> None:
    """A forked process as one that a shell begins: a session, signals and a folder of its own."""
    os.setsid()
    for number in (signal.SIGTERM, signal.SIGHUP):  # these tests may run under nohup
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    redirect(out, err)
    os.chdir(folder)


def redirect(out: int, err: int) -> None:
    """Standard streams of a forked process: nothing to read, and these to write to."""
    sys.stdout.flush()
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(out, 1)
    os.dup2(err, 2)


def end(status: int) -> NoReturn:
    """Leave a forked process, with nothing of its parent's done again."""
    with contextlib.suppress(OSError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)
