"""The workers of a stage that several processes compute together, as one worker.

Responsible for starting them with their numbers, for telling apart what they say, for ending all
when one is gone, and for which of them is to blame. The first one reports; of the others only
output and failures are heard. What an end means is `outcome`'s.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from evidence.attempt.distant import DistantWorker
from evidence.attempt.early import EarlyWorker
from evidence.attempt.lead import Lead
from evidence.attempt.process import Channel, WorkerProcess
from evidence.encoding import jsonio
from evidence.errors import MalformedError
from evidence.records.record import Record
from evidence.worker.interface import Job

GRACE_S: Final = 5.0
"""How long the others may take to end by themselves once one is gone before its time."""
NUM_LAST_LINES: Final = 8
"""Of the process to blame, said once more at the end of the log."""
_RANK_VARIABLES: Final = re.compile(
    r"(?:GROUP_|ROLE_|LOCAL_)?RANK|(?:ROLE_|LOCAL_|GROUP_)?WORLD_SIZE|MASTER_(?:ADDR|PORT)|ROLE_NAME"
    r"|(?:TORCHELASTIC|ACCELERATE|FSDP|PMI|OMPI_COMM_WORLD|MV2_COMM_WORLD|MPI)_\w{1,100}"
)
"""What other launchers tell the processes that they start: accelerate would obey it."""
_LOST_PEER: Final = re.compile(
    r"Connection (?:closed|reset|refused)|Broken pipe|[Ss]ocket [Tt]imeout|Timed out waiting"
    r"|remote process exited|recvValue failed|pair closure|NCCL error|unhandled system error"
    r"|connect(?:FullMesh|ion) failed|Rank \d{1,4} failed"
)
"""What is said by a process of which another is gone."""


def without_ranks(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables without those of another launcher."""
    return {
        name: value for name, value in variables.items() if _RANK_VARIABLES.fullmatch(name) is None
    }


def started(
    job: Job,
    job_file: Path,
    environment: Mapping[str, str],
    root: Path,
    interpreter: str,
    lead: Lead | None = None,
    early: EarlyWorker | None = None,
) -> WorkerProcess | RankProcesses:
    """The worker of a stage, or its workers as one."""
    if not job.rendezvous:
        waiting = None if early is None else early.told(job_file)
        return waiting or WorkerProcess(job_file, environment, root, interpreter)
    return RankProcesses(job, job_file, environment, root, interpreter, lead)


class _Failed(Record):
    """A `failed` event: whose, its line and its message."""

    rank: int
    line: bytes
    message: str


class RankProcesses:
    """Several running workers of one stage."""

    def __init__(
        self,
        job: Job,
        job_file: Path,
        environment: Mapping[str, str],
        root: Path,
        interpreter: str,
        lead: Lead | None = None,
    ) -> None:
        Path(job.rendezvous).unlink(missing_ok=True)  # of a process that was killed
        self._world = job.plan.processes
        self._workers: list[WorkerProcess | DistantWorker] = []
        here = range(self._world) if lead is None else range(1)
        try:
            for rank in here:
                place = _place(rank, self._world) if lead is None else place_of_first(lead)
                own = {**environment, **variables_of(place)}
                self._workers.append(WorkerProcess(job_file, own, root, interpreter))
            if lead is not None:
                number = lead.order(job_file, root, interpreter)
                others = (DistantWorker(lead, rank, number) for rank in range(1, self._world))
                self._workers.extend(others)
        except BaseException:
            for worker in self._workers:
                worker.close()
            raise
        self._partial = [b""] * self._world
        self._last = [deque[bytes](maxlen=NUM_LAST_LINES) for _ in range(self._world)]
        self._failed: list[_Failed] = []
        self._fallen: list[int] = []
        """Processes that ended before their time, by themselves, in the order in which it was
        seen."""
        self._fallen_since_s: float | None = None
        self._killed = self._told = False

    @property
    def pid(self) -> int:
        """Process id of the first."""
        return self._workers[0].pid

    @property
    def others(self) -> tuple[int, ...]:
        """Process ids of the others, by number, as far as they run on this machine."""
        return tuple(worker.pid for worker in self._workers[1:] if worker.pid)

    @property
    def blamed(self) -> str:
        """Which process is to blame where one is; empty where all ended well, or all failed for
        one and the same reason."""
        rank = self._blamed()
        return "" if rank is None or self._all_say_one() else f"rank {rank} of {self._world}"

    def receive(self, timeout_s: float) -> Iterator[tuple[Channel, bytes]]:
        """What arrived within `timeout_s`: event lines of the first, and output in whole lines."""
        for rank, worker in enumerate(self._workers):
            for channel, data in worker.receive(timeout_s / self._world):
                if channel == "output":
                    yield from self._lines(rank, data)
                elif not self._hold(rank, data) and rank == 0:
                    yield "event", data
        if self._all_gone() and not self._told:
            self._told = True
            yield from self._end()

    def finished(self) -> bool:
        """Whether all are gone and what they said has been heard. Where one falls, the others are
        given a moment to end, and are then killed: they would wait for it."""
        self._look()
        since = self._fallen_since_s
        if since is not None and not self._killed and time.monotonic() - since > GRACE_S:
            self.kill()
        return self._all_gone() and self._told

    def _look(self) -> None:
        """Note who has ended before its time by now."""
        for rank, worker in enumerate(self._workers):
            if worker.status and rank not in self._fallen and not self._killed:
                self._fallen.append(rank)
                self._fallen_since_s = self._fallen_since_s or time.monotonic()

    def _all_gone(self) -> bool:
        self._look()
        gone = [worker.finished() for worker in self._workers]  # each is to be asked
        return all(gone)

    def ask_to_stop(self, *, by_interrupt: bool = False) -> None:
        """All end after the current step, which is the same of all, with a checkpoint."""
        for worker in self._workers:
            worker.ask_to_stop(by_interrupt=by_interrupt)

    def kill(self) -> None:
        """SIGKILL for all."""
        self._killed = True
        for worker in self._workers:
            worker.kill()

    def close(self) -> int | None:
        """Kill what is left; the exit status of the one to blame, or of the first that has one."""
        rank = self._blamed()
        self._killed = True
        statuses = [worker.close() for worker in self._workers]
        if rank is not None:
            return statuses[rank]
        return next((status for status in statuses if status != 0), 0)

    def _lines(self, rank: int, data: bytes) -> Iterator[tuple[Channel, bytes]]:
        *lines, self._partial[rank] = (self._partial[rank] + data).split(b"\n")
        for line in lines:
            if line.strip():
                self._last[rank].append(line)
            yield "output", _of(rank) + line + b"\n"

    def _hold(self, rank: int, line: bytes) -> bool:
        """Keep a failure until all are gone: the first that is read need not be the first."""
        if b'"failed"' not in line:
            return False
        try:
            event = jsonio.load_document(line)
            if event["event"] != "failed":
                return False
            self._failed.append(_Failed(rank, line, str(event["message"])))
        except (MalformedError, KeyError, TypeError):
            return False
        return True

    def _end(self) -> Iterator[tuple[Channel, bytes]]:
        """What is left of lines; then who is to blame, with what it said last."""
        for number, rest in enumerate(self._partial):
            if rest:
                yield from self._lines(number, b"\n")
        rank = self._blamed()
        if rank is None:
            return
        lines = list(self._last[rank])
        if self._all_say_one():
            yield "event", self._failed[0].line
            return
        said = "; the last it printed:" if lines else "; it had printed nothing"
        yield "output", f"[rank {rank}] {self._ended(rank)}{said}\n".encode()
        for line in lines:
            yield "output", f"[rank {rank}] ".encode() + line + b"\n"
        for one in self._failed:
            if one.rank == rank:
                yield "event", one.line
                return

    def _all_say_one(self) -> bool:
        """Whether each failed with the same words, as over data that all of them have."""
        told = {one.rank for one in self._failed}
        return len(told) == self._world and len({one.message for one in self._failed}) == 1

    def _ended(self, rank: int) -> str:
        status = self._workers[rank].status
        if status is not None and status < 0:
            try:
                return f"ended by {signal.Signals(-status).name}"
            except ValueError:
                return f"ended by signal {-status}"
        return f"ended with status {status}"

    def _blamed(self) -> int | None:
        """Killed by a signal that is not ours, and not by its own watchdog; then who failed for a
        reason of its own; then who said nothing; then the first."""
        statuses = {rank: self._workers[rank].status or 0 for rank in self._fallen}
        by_signal = [rank for rank, status in statuses.items() if status < 0]
        unlikely = [rank for rank in by_signal if statuses[rank] == -signal.SIGABRT]
        own = [one.rank for one in self._failed if _LOST_PEER.search(one.message) is None]
        told = {one.rank for one in self._failed}
        silent = [rank for rank in self._fallen if rank not in told and rank not in unlikely]
        ways: Sequence[Sequence[int]] = (
            [rank for rank in by_signal if rank not in unlikely],
            own,
            silent,
            [one.rank for one in self._failed],
            unlikely,
        )
        return next((ranks[0] for ranks in ways if ranks), None)


def _of(rank: int) -> bytes:
    return f"[rank {rank}] ".encode() if rank else b""


class Place(Record):
    """Which of the workers of a stage one is."""

    rank: int
    world: int
    local_rank: int
    """Among those of its machine: which GPU is its own."""
    on_one_machine: bool = True


def _place(rank: int, world: int) -> Place:
    return Place(rank, world, rank)


def place_of_first(lead: Lead) -> Place:
    """Of the worker that the first process of a launch starts."""
    return Place(0, lead.world, lead.local_rank, lead.on_one_machine)


def variables_of(place: Place) -> dict[str, str]:
    """What torch and accelerate ask for. Of one machine they listen on it alone."""
    found = {
        "RANK": str(place.rank),
        "LOCAL_RANK": str(place.local_rank),
        "WORLD_SIZE": str(place.world),
        "LOCAL_WORLD_SIZE": str(place.world),
        "MASTER_ADDR": "127.0.0.1",
    }
    if not place.on_one_machine:
        return found
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    return {**found, "GLOO_SOCKET_IFNAME": os.environ.get("GLOO_SOCKET_IFNAME", loopback)}
