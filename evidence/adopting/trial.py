"""A program tried: run with the hooks of a recording until it has made two optimizer steps.

Responsible for starting it in a copy of the repository, for ending all of it (after its steps, in
time, or when asked), and for what is known then. Nothing is sealed: what is known is shown, and
gone. How it is shown is `shown`'s.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import psutil

from evidence.adopting.told import Outcome
from evidence.attempt.guard import Guard
from evidence.errors import UsageError
from evidence.recording import child, documents, places, tables
from evidence.recording.child import Child
from evidence.recording.gathering import NOT_HEARD, Gathering
from evidence.recording.opened import OpenedFiles
from evidence.recording.spool import Spool, made
from evidence.records.program import ProgramRecord, ProgramSeen
from evidence.records.record import Record
from evidence.redact.privacy import Privacy
from evidence.redact.this_process import identity_of_this_process, secrets_of_this_process
from evidence.system import posix
from evidence.worker.interface import StageFailure

NUM_STEPS: Final = 2
POLL_S: Final = 0.1
HOLD_WITHIN_S: Final = 60.0
"""After its steps a process tells what is told at the end; digests of large weights take time."""
MAX_ROWS: Final = 100_000
"""Of a data file: two steps take a few rows, anywhere in it."""
MAX_ROUNDS: Final = 20
"""Of looking for processes that were started while others were being ended."""
GONE_WITHIN_S: Final = 5.0
LAST_LINES: Final = 8
LAST_LINE_CHARS: Final = 300
_ENDS: Final = re.compile(r"[\r\n]+")
_ASKED: Final = "EOFError"


class Asked(Record):
    """What is to be tried."""

    command: tuple[str, ...]
    cwd: str
    """The folder from `root` in which it runs."""
    root: Path
    """The repository, or its copy."""
    scratch: Path
    """A folder of ours outside of it."""
    timeout_s: float
    original: Path
    """The repository; words of the command that lead into it lead into `root`."""


class Tried(Record):
    """What came of it."""

    command: tuple[str, ...]
    outcome: Outcome
    """stepped: ended by us after its steps. ended, failed: by itself. stopped: we were asked."""
    is_held: bool
    """Whether each process that made steps was held by its hooks, and told all."""
    num_steps: int
    """Of the process that made most."""
    exit_status: int | None
    """Of a program that ended by itself."""
    signal: int | None
    runtime_s: float
    last_lines: tuple[str, ...]
    """Of its output, without secrets."""
    seen: ProgramSeen
    program: ProgramRecord

    @property
    def has_asked_for_input(self) -> bool:
        """Whether it ended because nobody answered it."""
        return self.outcome == "failed" and any(line.startswith(_ASKED) for line in self.last_lines)


class _Heard:
    """What is known while it runs."""

    def __init__(self, root: Path, spool: Spool, began_s: float) -> None:
        self.spool = spool
        self.gathered = Gathering(1, began_s)
        self.opened = OpenedFiles(root)
        self.totals = documents.Totals()
        self.stepped_s: float | None = None
        """When the first process had made its steps."""

    def look(self) -> None:
        """Take what was told since the last look."""
        for source, event in self.spool.read():
            row = self.gathered.take(source, event)
            if row is not None:
                self.totals.add(row)
                if row.step >= NUM_STEPS and self.stepped_s is None:
                    self.stepped_s = time.monotonic()

    @property
    def num_steps(self) -> int:
        """Of the process that made most."""
        return max((one.num_steps for one in self.gathered.processes()), default=0)

    @property
    def is_held(self) -> bool:
        """Whether every process that made a step has told its end."""
        ends = [one.how_it_ended for one in self.gathered.processes() if one.num_steps]
        return bool(ends) and NOT_HEARD not in ends

    def is_over(self) -> bool:
        """Whether the steps are made, and all is told or was waited for."""
        if self.stepped_s is None:
            return False
        return self.is_held or time.monotonic() - self.stepped_s > HOLD_WITHIN_S


def try_out(asked: Asked, should_stop: Callable[[], bool]) -> Tried:
    """Run a program until it has made `NUM_STEPS` optimizer steps, and end it there.

    Raises UsageError where it cannot be started. What it has started is gone when this returns.
    """
    if not posix.can_supervise():
        raise UsageError("this system can run no program under our hooks; Linux and macOS can")
    command, began_s = _filled(asked), time.monotonic()
    heard = _Heard(asked.root, made(asked.scratch / "spool"), began_s)
    with _started(command, asked, heard.spool.folder) as running:
        outcome = _listen(running, heard, asked.timeout_s, should_stop)
        end_all(running.pid, heard.spool.folder)
        heard.look()
        while running.output(0.0):
            pass
        end = running.end()
    if outcome == "ended" and (end.exit_status or end.signal):
        outcome = "failed"
    privacy = Privacy(secrets_of_this_process(), identity_of_this_process())
    by_itself = outcome in ("ended", "failed")
    return Tried(
        command=asked.command,
        outcome=outcome,
        is_held=heard.is_held,
        num_steps=heard.num_steps,
        exit_status=end.exit_status if by_itself else None,
        signal=end.signal if by_itself else None,
        runtime_s=time.monotonic() - began_s,
        last_lines=tuple(_last_lines(running.printed, privacy)),
        seen=_seen(heard, asked.root, privacy),
        program=documents.program_record(heard.gathered, _ran(asked, command, end, running, heard)),
    )


def _filled(asked: Asked) -> tuple[str, ...]:
    words = places.filled(asked.command, asked.scratch / "output")
    if words != asked.command:
        (asked.scratch / "output").mkdir(exist_ok=True)
    if not (asked.root / asked.cwd).is_dir():
        raise UsageError(f"there is no folder {asked.cwd} to run it in; nothing was run")
    before, now = str(asked.original.resolve()), str(asked.root)
    inside = tuple(
        now + word[len(before) :] if word == before or word.startswith(f"{before}/") else word
        for word in words
    )
    try:
        child.found(inside[0], asked.root / asked.cwd, os.environ.get("PATH"))
    except StageFailure as failure:
        raise UsageError(f"{failure.message}; nothing was run") from failure
    return inside


@contextmanager
def _started(command: Sequence[str], asked: Asked, spool: Path) -> Iterator[Child]:
    try:
        running = Child(
            command, asked.root / asked.cwd, _variables(spool, asked.scratch), apart=True
        )
    except StageFailure as failure:
        raise UsageError(f"{failure.message}; nothing was run") from failure
    guard = Guard(running.pid)
    try:
        yield running
    finally:
        end_all(running.pid, spool)
        guard.release()


def _variables(spool: Path, scratch: Path) -> Mapping[str, str]:
    """The caller's, our hooks, and no place outside where trackers would keep two steps."""
    temporary = scratch / "tmp"
    temporary.mkdir()
    return {
        **child.environment(None, spool),
        places.HOLD_VARIABLE: str(NUM_STEPS),
        "TMPDIR": str(temporary),
        "WANDB_MODE": "disabled",
        "COMET_MODE": "disabled",
        "NEPTUNE_MODE": "offline",
        "MLFLOW_TRACKING_URI": (scratch / "mlruns").as_uri(),
    }


def _listen(
    running: Child, heard: _Heard, timeout_s: float, should_stop: Callable[[], bool]
) -> Outcome:
    began_s, gone_s = time.monotonic(), None
    while True:
        running.output(POLL_S)
        heard.look()
        now_s = time.monotonic()
        if should_stop():
            return "stopped"
        if heard.is_over():
            return "stepped"
        if not running.is_running:
            gone_s = now_s if gone_s is None else gone_s
            if running.is_heard or now_s - gone_s > child.GRACE_AFTER_EXIT_S:
                heard.look()
                return "stepped" if heard.is_over() else "ended"
        if now_s - began_s > timeout_s and heard.stepped_s is None:
            return "too-long"


def end_all(pid: int, spool: Path) -> None:
    """End a program and all that it started: first each is stopped, so that none goes on because
    another ended (a script with its next command, a launcher with a restart), then killed."""
    stopped: dict[int, psutil.Process] = {}
    for _ in range(MAX_ROUNDS):
        new = [one for one in _started_by(pid, str(spool)) if one.pid not in stopped]
        if not new:
            break
        for one in new:
            stopped[one.pid] = one
            with suppress(psutil.Error, OSError):
                one.suspend()
    for one in stopped.values():
        with suppress(psutil.Error, OSError):
            one.kill()
    psutil.wait_procs(list(stopped.values()), timeout=GONE_WITHIN_S)


def _started_by(pid: int, spool: str) -> Iterator[psutil.Process]:
    """The program, what descends from it, and what has its session or our spool."""
    session_of = getattr(os, "getsid", None)
    below = set()
    with suppress(psutil.Error):
        below = {pid, *(one.pid for one in psutil.Process(pid).children(recursive=True))}
    for process in psutil.process_iter():
        try:
            ours = process.pid != os.getpid() and (
                process.pid in below
                or (session_of is not None and session_of(process.pid) == pid)
                or process.environ().get(places.SPOOL_VARIABLE) == spool
            )
            if ours and process.status() != psutil.STATUS_ZOMBIE:
                yield process
        except (OSError, psutil.Error):
            continue  # gone meanwhile, or somebody else's


def _last_lines(printed: bytes, privacy: Privacy) -> Iterator[str]:
    text = privacy.clean(printed.decode("utf-8", "replace"))
    lines = [line for line in _ENDS.split(text) if line.strip()]
    yield from (line[:LAST_LINE_CHARS] for line in lines[-LAST_LINES:])


def _seen(heard: _Heard, root: Path, privacy: Privacy) -> ProgramSeen:
    told = {
        key: one
        for key, one in heard.gathered.opened.items()
        if one.mode != "written" and tables.is_data(one.path)
    }
    heard.opened.look(told, all_of_them=True)
    return documents.seen_record(
        heard.gathered,
        heard.opened,
        root,
        {},
        heard.totals,
        heard.spool.folder,
        privacy.secrets,
        MAX_ROWS,
    )


def _ran(
    asked: Asked, command: tuple[str, ...], end: child.End, running: Child, heard: _Heard
) -> documents.Ran:
    return documents.Ran(
        command=asked.command,
        executable=command[0],
        cwd=asked.cwd,
        end=end,
        num_output_bytes=running.num_output_bytes,
        spool=heard.spool.folder,
        num_steps=heard.num_steps,
    )
