"""A process that a launcher started beside the first of a run: it starts the workers of its rank.

Responsible for one rank's side of the exchange (`attempt.exchange`): it makes no run of its own,
starts a worker where the first process orders it, hands on what that says, and ends as the run
does. What the first does around a run is `leading`'s.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import time
from pathlib import Path
from typing import Final

from filelock import FileLock, Timeout
from msgspec.structs import replace

from evidence import __version__
from evidence.attempt import exchange
from evidence.attempt.attempt import worker_environment
from evidence.attempt.exchange import FirstSays, Order, OtherSays, Over, Watch, own_host
from evidence.attempt.process import WorkerProcess
from evidence.attempt.ranks import Place, variables_of
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.errors import BusyError, StoppedError, UsageError, WorkerLostError
from evidence.running.launching import Launched
from evidence.running.signals import StopRequest
from evidence.worker.interface import Job

POLL_S: Final = 0.1
PATIENCE_S: Final = 120.0
"""How long the first process may take to come."""
PATIENCE_TO_STOP_S: Final = 10.0
"""How long one that is asked to end waits for the first to say how the run ended."""


def follow(launched: Launched, folder: Path, root: Path, stop: StopRequest) -> Over:
    """Follow the first process to the end of the run, and say how that ended.

    Raises UsageError where it does not come, or is another program; WorkerLostError where it is
    gone; StoppedError where this process alone is asked to end.
    """
    lock = FileLock(exchange.lock_of(folder, launched.rank))
    try:
        lock.acquire(timeout=exchange.BEAT_S)
    except Timeout as error:
        message = f"another process is rank {launched.rank} of this launch already"
        raise BusyError(message, hint="Wait for it, or end it.") from error
    except OSError as error:
        raise UsageError(f"cannot lock {lock.lock_file}: {error.strerror or error}") from error
    try:
        return _Follower(launched, folder, root, stop).follow()
    finally:
        lock.release()


class _Follower:
    """One rank and what it knows."""

    def __init__(self, launched: Launched, folder: Path, root: Path, stop: StopRequest) -> None:
        self._launched, self._folder, self._root, self._stop = launched, folder, root, stop
        self._says = OtherSays(secrets.token_hex(8), own_host())
        self._watch = Watch(folder, 0)
        self._first: FirstSays | None = None
        self._worker: WorkerProcess | None = None
        self._asked = 0
        self._began_s = self._beat_s = time.monotonic()
        self._stopping_since_s: float | None = None

    def follow(self) -> Over:
        try:
            while True:
                self._hear()
                if self._first is not None and self._first.over is not None:
                    return self._first.over
                self._refuse_absent()
                self._obey_signals()
                self._work()
        except (UsageError, StoppedError, WorkerLostError) as error:
            self._say(left=error.message)
            raise
        finally:
            self._end_worker()
            self._say(left=self._says.left or "the run is over")

    def _say(self, **changes: object) -> None:
        self._says = replace(self._says, **changes)
        exchange.say(self._folder, self._launched.rank, self._says)

    def _hear(self) -> None:
        """What the first says, if it says it to this process: a file may be of another launch."""
        now = time.monotonic()
        if now - self._beat_s > exchange.BEAT_S or not self._says.beat:
            self._beat_s = now
            self._say(beat=self._says.beat + 1)
        found = exchange.said(FirstSays, self._folder, 0)
        own = exchange.name_of(self._launched.rank)
        if found is None or found.answers.get(own) != self._says.drawn:
            return
        self._first = found
        if self._says.session != found.session:
            if found.version != __version__:
                raise UsageError(
                    f"rank 0 runs evidence-pack {found.version}, and this process {__version__}",
                    hint="Install the same on every machine.",
                )
            self._say(session=found.session)

    def _refuse_absent(self) -> None:
        if self._first is None:
            if time.monotonic() - self._began_s > PATIENCE_S:
                raise UsageError(
                    f"rank 0 of this launch has not come within {PATIENCE_S:g} s; looked in "
                    f"{self._folder}",
                    hint="Every process needs the same runs folder, on a disk that all see.",
                )
        elif self._watch.is_gone(self._first):
            self._end_worker()
            shutil.rmtree(self._folder, ignore_errors=True)
            raise WorkerLostError(
                f"rank 0 of this launch, on {self._first.host}, is gone",
                hint="Go on in the same launcher, with --resume.",
            )

    def _obey_signals(self) -> None:
        """Where a worker runs, it is asked; the first process hears of its end."""
        level = self._stop.level
        if not level:
            return
        now = time.monotonic()
        self._stopping_since_s = self._stopping_since_s or now
        if self._worker is not None:
            self._ask(level)
        elif level > 1 or now - self._stopping_since_s > PATIENCE_TO_STOP_S:
            raise StoppedError(
                f"rank {self._launched.rank} was asked to end", by_sigterm=self._stop.by_sigterm
            )

    def _ask(self, level: int) -> None:
        if self._worker is None or level <= self._asked:
            return
        self._asked = level
        if level > 1:
            self._worker.kill()
        else:
            self._worker.ask_to_stop()

    def _work(self) -> None:
        """Start what is ordered, or hand on what a worker says."""
        order = None if self._first is None else self._first.order
        if self._worker is None:
            if order is not None and order.number > self._says.order:
                self._begin(order)
            else:
                time.sleep(POLL_S)
            return
        for channel, data in self._worker.receive(POLL_S):
            self._hand_on(channel, data)
        if self._first is not None:
            self._ask(self._first.stop)
        if self._worker.finished():
            self._end_worker()

    def _begin(self, order: Order) -> None:
        if Path(order.root) != self._root:
            raise UsageError(
                f"rank 0 runs the project {order.root}, and this process {self._root}",
                hint="Start every process in the same folder, on a disk that all see.",
            )
        launched, job_file = self._launched, Path(order.job_file)
        job = decode(Job, jsonio.load_document(job_file.read_bytes()))
        place = Place(launched.rank, launched.world, launched.local_rank, order.on_one_machine)
        environment = {**worker_environment(job.plan), **variables_of(place)}
        interpreter = order.interpreter or sys.executable
        self._asked = 0
        self._worker = WorkerProcess(job_file, environment, self._root, interpreter)
        self._say(order=order.number, pid=self._worker.pid, status=None)

    def _hand_on(self, channel: str, data: bytes) -> None:
        of = exchange.output_of if channel == "output" else exchange.events_of
        place = (self._folder, self._launched.rank, self._says.session, self._says.order)
        ending = b"" if channel == "output" else b"\n"
        handle = os.open(of(*place), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(handle, data + ending)
        finally:
            os.close(handle)

    def _end_worker(self) -> None:
        """Say how the worker ended, after all that it said itself."""
        if self._worker is None:
            return
        status, self._worker = self._worker.close(), None
        place = (self._folder, self._launched.rank, self._says.session, self._says.order)
        self._say(
            status=-9 if status is None else status,
            num_output_bytes=_size_of(exchange.output_of(*place)),
            num_event_bytes=_size_of(exchange.events_of(*place)),
        )


def _size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
