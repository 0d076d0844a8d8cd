"""The first of the processes that a launcher started, as it speaks with the others.

Responsible for its side of the exchange: it knows each of the others by what that one drew, gives
orders, hears how they were followed, and says how the run ended. What the others do is
`running.following`'s; which worker ended first and why is `ranks`'s.
"""

from __future__ import annotations

import secrets
import shutil
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Final

from filelock import FileLock
from msgspec.structs import replace

from evidence import __version__
from evidence.attempt import exchange
from evidence.attempt.exchange import FirstSays, Order, OtherSays, Over, Watch, own_host

POLL_S: Final = 0.1
PATIENCE_AT_END_S: Final = 10.0
"""How long the others may take to hear how the run ended."""


class Lead:
    """Rank 0 of a launch. A context manager: the folder is there from its beginning to its end."""

    def __init__(self, folder: Path, world: int, local_rank: int, by: str) -> None:
        self.folder, self.world, self.local_rank, self.by = folder, world, local_rank, by
        self._say = FirstSays(secrets.token_hex(8), __version__, own_host())
        self._heard: dict[int, OtherSays] = {}
        self._watches = {rank: Watch(folder, rank) for rank in range(1, world)}
        self._guard, self._over = threading.Lock(), threading.Event()
        self._thread = threading.Thread(target=self._beat, daemon=True)

    def __enter__(self) -> Lead:
        self._lock = FileLock(exchange.lock_of(self.folder, 0))
        self._lock.acquire(timeout=exchange.BEAT_S)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._over.set()
        self._thread.join()
        self._lock.release()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def session(self) -> str:
        """What tells this launch from others."""
        return self._say.session

    @property
    def on_one_machine(self) -> bool:
        """Whether all of them run on this one."""
        return all(one.host == own_host() for one in self._heard.values())

    def missing(self) -> list[int]:
        """Ranks that have not come."""
        with self._guard:
            self._listen()
        return [rank for rank in self._watches if not self._is_joined(rank)]

    def order(self, job_file: Path, root: Path, interpreter: str) -> int:
        """Let each of the others start its worker; the number of the order."""
        own = "" if interpreter == sys.executable else interpreter
        with self._guard:
            number = 1 if self._say.order is None else self._say.order.number + 1
            given = Order(number, str(job_file), str(root), own, self.on_one_machine)
            self._tell(replace(self._say, order=given, stop=0))
        return number

    def stop(self, number: int, level: int) -> None:
        """Let the workers of an order stop (1), or be killed (2)."""
        with self._guard:
            order = self._say.order
            if order is not None and order.number == number and self._say.stop < level:
                self._tell(replace(self._say, stop=level))

    def heard(self, rank: int) -> OtherSays | None:
        """What a process said last."""
        with self._guard:
            self._listen()
        return self._heard.get(rank)

    def is_gone(self, rank: int) -> bool:
        """Whether a process is no longer there, or is about to end."""
        record = self.heard(rank)
        return record is None or bool(record.left) or self._watches[rank].is_gone(record)

    def end(self, exit_code: int, line: str) -> None:
        """Say how the run ended, and wait until each has heard it."""
        with self._guard:
            self._tell(replace(self._say, over=Over(exit_code, line)))
        until_s = time.monotonic() + PATIENCE_AT_END_S
        while time.monotonic() < until_s:
            if not self.missing() and all(self.is_gone(rank) for rank in self._watches):
                return
            time.sleep(POLL_S)

    def _beat(self) -> None:
        while not self._over.wait(exchange.BEAT_S / 2):
            with self._guard:
                self._listen()
                self._tell(replace(self._say, beat=self._say.beat + 1))

    def _listen(self) -> None:
        """Hear the others, and answer who is new."""
        answers = dict(self._say.answers)
        for rank in self._watches:
            record = exchange.said(OtherSays, self.folder, rank)
            if record is not None:
                self._heard[rank] = record
                answers[exchange.name_of(rank)] = record.drawn
        if answers != self._say.answers:
            self._tell(replace(self._say, answers=answers))

    def _tell(self, record: FirstSays) -> None:
        self._say = record
        exchange.say(self.folder, 0, record)

    def _is_joined(self, rank: int) -> bool:
        record = self._heard.get(rank)
        return record is not None and record.session == self._say.session
