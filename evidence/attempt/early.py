"""A worker that is started before its stage is, and imports its framework while the stage before
still runs.

Responsible for when that pays and harms nobody: near the end of the stage before, where that
computes on processors and leaves one of them over, and memory. Beside one on a GPU, of which an
import may ask things, none is started: that was never tried. It is told its job when its stage
begins, and ends unasked where that never does. One that is gone by then, or that could not be
started, is no news: the stage starts its own.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

import psutil

from evidence.attempt.process import WorkerProcess
from evidence.capture.cgroups import core_limit, memory_limit_bytes
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord
from evidence.system.processes import num_processors

LEAD_S: Final = 15.0
"""So long before the expected end of the stage before: an import takes a third of it."""
CPU: Final = "cpu"
ROOM_BYTES: Final = 2 << 30
"""So much memory must be free: some times what an import takes."""


class EarlyWorker:
    """The worker of the next stage. There is at most one."""

    def __init__(
        self, run_stage: str, environment: Mapping[str, str], root: Path, interpreter: str
    ) -> None:
        self._start = (run_stage, environment, root, interpreter)
        self._worker: WorkerProcess | None = None
        self._job_write: int | None = None
        self._is_due = False
        self._since: tuple[float, int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        """End a worker that was told no job, and one that is gone: no other group may have its
        number by the time that we kill it, and another worker may come after it."""
        if self._job_write is not None:
            os.close(self._job_write)
        if self._worker is not None:
            self._worker.close()
        self._worker = self._job_write = None

    def stage_begins(self, *, is_followed: bool) -> None:
        """A stage begins, and a worker for the one after it would be welcome, or not."""
        self._is_due, self._since = is_followed, None

    def progressed(self, done: int, total: int, by: FrameworkRecord | Unavailable | None) -> None:
        """So much of the stage is done, on what the worker said: start, once it is time to."""
        if not self._is_due or by is None or isinstance(by, Unavailable):
            return
        if by.device.partition(":")[0] != CPU:
            return
        now = time.monotonic()
        if self._since is None:
            self._since = now, done
        since_s, before = self._since
        if not before < done < total or (now - since_s) / (done - before) * (total - done) > LEAD_S:
            return
        self._is_due = False
        with contextlib.suppress(OSError):  # the machine has no room for it after all
            if has_room(by.num_threads):
                self._begin_to_import()

    def _begin_to_import(self) -> None:
        job_read, self._job_write = os.pipe()
        try:
            self._worker = WorkerProcess(*self._start, job_read)
        except OSError:
            self._end()
            raise
        finally:
            os.close(job_read)

    def told(self, job_file: Path) -> WorkerProcess | None:
        """The worker that was started, and has been told its job; None where there is none."""
        worker, job_write = self._worker, self._job_write
        if worker is None or job_write is None or worker.status is not None:
            self._end()
            return None
        self._worker = self._job_write = None
        with contextlib.suppress(BrokenPipeError), os.fdopen(job_write, "wb") as pipe:
            pipe.write(os.fsencode(job_file))
        return worker


def has_room(num_threads: int) -> bool:
    """Whether the machine has a processor that nobody computes on, and memory to spare. Where a
    container has less of either than the machine, how much is left is not asked."""
    is_limited = core_limit() is not None or memory_limit_bytes() is not None
    is_spare = num_threads < num_processors() and psutil.virtual_memory().available > ROOM_BYTES
    return is_spare and not is_limited
