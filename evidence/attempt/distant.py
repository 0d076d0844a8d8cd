"""A worker that another process of the launch started, as `WorkerProcess` shows one of our own.

Responsible for reading what that worker says out of the folder of the launch, and for passing on
what it is asked. Nothing of it can be waited for but by looking again.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from evidence.attempt import exchange
from evidence.attempt.exchange import OtherSays, own_host
from evidence.attempt.lead import POLL_S, Lead
from evidence.attempt.process import GRACE_AFTER_KILL_S, Channel
from evidence.encoding import jsonio
from evidence.worker.failures import PROCESS_LOST
from evidence.worker.interface import FAILED_STATUS, event

PIECE_BYTES: Final = 1 << 20


class DistantWorker:
    """The worker of one rank and one order."""

    def __init__(self, lead: Lead, rank: int, number: int) -> None:
        self._lead, self._rank, self._number = lead, rank, number
        place = (lead.folder, rank, lead.session, number)
        self._output = _Growing(exchange.output_of(*place))
        self._events = _Growing(exchange.events_of(*place))
        self._partial = b""
        self._ended: OtherSays | None = None
        self._lost = self._told = False

    @property
    def pid(self) -> int:
        """Process id of the worker where it runs on this machine; else 0."""
        record = self._lead.heard(self._rank)
        here = record is not None and record.host == own_host() and record.order == self._number
        return record.pid if here and record is not None else 0

    @property
    def status(self) -> int | None:
        """How it ended; None while it runs."""
        self._look()
        if self._ended is not None:
            return self._ended.status
        return FAILED_STATUS if self._lost else None

    def receive(self, timeout_s: float) -> Iterator[tuple[Channel, bytes]]:
        """What is new: whole event lines, and output in any pieces. Waits for nothing."""
        self._look()  # first: what it had said before it ended is there by now
        data = self._output.more()
        if data:
            yield "output", data
        *lines, self._partial = (self._partial + self._events.more()).split(b"\n")
        for line in lines:
            yield "event", line
        if self._lost and not self._told:
            self._told = True
            yield "event", self._loss()

    def finished(self) -> bool:
        """Whether it is gone, and all that it said was heard."""
        self._look()
        if self._ended is None:
            return self._lost and self._told
        return (
            self._output.num_read >= self._ended.num_output_bytes
            and self._events.num_read >= self._ended.num_event_bytes
        )

    def ask_to_stop(self, *, by_interrupt: bool = False) -> None:
        """It ends after the current step, with a checkpoint."""
        self._lead.stop(self._number, 1)

    def kill(self) -> None:
        """SIGKILL, once its process has heard of it."""
        self._lead.stop(self._number, 2)

    def close(self) -> int | None:
        """Kill what is left and return the exit status; None where nothing is heard of its end."""
        self.kill()
        until_s = time.monotonic() + GRACE_AFTER_KILL_S
        while self.status is None and time.monotonic() < until_s:
            time.sleep(POLL_S)
        return self.status

    def _look(self) -> None:
        if self._ended is not None or self._lost:
            return
        record = self._lead.heard(self._rank)
        if record is not None and record.order == self._number and record.status is not None:
            self._ended = record
        elif self._lead.is_gone(self._rank):
            self._lost = True

    def _loss(self) -> bytes:
        record = self._lead.heard(self._rank)
        host = "" if record is None else f" on {record.host}"
        why = "" if record is None or not record.left else f": {record.left}"
        text = f"its `evidence run`{host}, which {self._lead.by} started, is gone{why}"
        told = event("failed", kind=PROCESS_LOST, type="", message=text)
        return jsonio.dump_row(told).rstrip()


class _Growing:
    """A file that another process writes on."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.num_read = 0

    def more(self) -> bytes:
        """What is new in it, up to a piece."""
        data = exchange.tail(self._path, self.num_read, PIECE_BYTES)
        self.num_read += len(data)
        return data
