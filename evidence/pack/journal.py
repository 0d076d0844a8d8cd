"""The journal of a run: an append-only, hash-chained list of events.

Responsible for the form of a line, the chain and reading it back. When an event is written is
`running`'s and `attempt`'s business; what the events must say among themselves is checked by
`verification.consistency`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from evidence import limits
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.errors import MalformedError, PastLimitError
from evidence.records.record import Record
from evidence.records.run import JournalEvent
from evidence.system.durable import LineWriter, Written

GENESIS: Final = "0" * 64
"""`prev` of the first event."""
CHECKPOINT: Final = "checkpoint"
"""The one event of which a run may have thousands."""
_LEFT_BYTES: Final = 2 * limits.MIB
"""For how a run ends, which must be told."""


def utc_now() -> str:
    """UTC to the microsecond, as every record of this project writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class Clock(Record):
    """Where times come from; tests put their own here."""

    utc: Callable[[], str] = utc_now
    monotonic_s: Callable[[], float] = time.monotonic


def continued_clock(events: tuple[JournalEvent, ...]) -> Clock:
    """A clock that goes on where the journal stopped, also after a restart of the machine."""
    if not events:
        return Clock()
    last_s, start_s = events[-1].monotonic_s, time.monotonic()
    return Clock(monotonic_s=lambda: last_s + time.monotonic() - start_s)


class Journal:
    """Writes events. Every event is on disk when `record` returns."""

    def __init__(self, path: Path, clock: Clock | None = None) -> None:
        existing = path.read_bytes() if path.exists() else b""
        lines = existing.splitlines(keepends=True)
        self._seq = len(lines)
        self._size_bytes = len(existing)
        self._prev = sha256_hex(lines[-1]) if lines else GENESIS
        self._writer = LineWriter(path)
        self._clock = clock or Clock()

    @property
    def written(self) -> dict[Path, Written]:
        """What the file holds by now."""
        return {self._writer.path: self._writer.written}

    def record(self, event: str, *, attempt: str | None = None, **data: Any) -> None:
        """Append one event durably. `data` must be JSON values."""
        entry = JournalEvent(
            seq=self._seq,
            utc=self._clock.utc(),
            monotonic_s=self._clock.monotonic_s(),
            event=event,
            attempt=attempt,
            data=data,
            prev=self._prev,
        )
        line = jsonio.dump_row(encode(entry))
        if len(line) > limits.MAX_JSONL_LINE_BYTES:
            raise PastLimitError(
                f"the event {event!r} has {len(line)} bytes, and a line of the journal holds "
                f"{limits.MAX_JSONL_LINE_BYTES}"
            )
        self._size_bytes += len(line)
        if event == CHECKPOINT and self._size_bytes > limits.MAX_JOURNAL_BYTES - _LEFT_BYTES:
            raise PastLimitError(
                f"the journal has no room for another checkpoint: it has {self._size_bytes} bytes, "
                f"and a pack holds {limits.MAX_JOURNAL_BYTES}; a higher checkpoint_every_steps fits"
            )
        self._writer.append(line)
        self._writer.sync()
        self._seq += 1
        self._prev = sha256_hex(line)

    def close(self) -> None:
        """Close the file. Recording after this is a bug."""
        self._writer.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def read(data: bytes) -> Iterator[JournalEvent]:
    """Events of a journal, chain checked. Raises MalformedError with the line that breaks it."""
    previous = GENESIS
    for number, line in jsonio.iter_lines(data):
        event = decode(JournalEvent, jsonio.load_row(line, number))
        if event.seq != number - 1:
            raise MalformedError(f"event number {event.seq}, expected {number - 1}", line=number)
        if event.prev != previous:
            raise MalformedError("the hash chain is broken here", line=number)
        previous = sha256_hex(line + b"\n")
        yield event
