"""The outcome of a worker, and its reason in plain words. Pure.

Responsible for `outcome_of`: a `WorkerEnd` (last events, exit status, limits, signals) becomes one
of the outcomes; and for `left_by`: whether the attempt is over with it. It is over where it would
end so again for the same reason. Whether the next attempt follows is decided by `running`.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from typing import Final, Literal

from evidence.errors import LossKind
from evidence.records.record import Record
from evidence.records.run import OutcomeKind
from evidence.stages.kind import Kind
from evidence.worker.failures import (
    GPU_LOST,
    INPUT_CHANGED,
    PROCESS_LOST,
    UNREACHABLE,
    said_by_a_line,
)

_SIGNAL_HINTS: Final = {
    "SIGKILL": "often the kernel, out of memory: see `dmesg` or `journalctl -k`",
    "SIGSEGV": "a crash in native code",
    "SIGBUS": "a full shared-memory disk (`df /dev/shm`), a file cut short, or native code",
    "SIGABRT": "native code gave up",
}
_PROGRAM_HINTS: Final = {
    "SIGKILL": "by whom is not known: another process, or the kernel; see `dmesg`"
}
"""Of a program that is recorded: it may be killed on purpose."""
_FAILURES: Final[dict[str, OutcomeKind]] = {
    "exception": "exception",
    "out-of-memory": "out-of-memory",
    "diverged": "diverged",
    "requirement-not-met": "requirement-not-met",
    "bad-data": "bad-data",
    INPUT_CHANGED: "bad-data",
}
_CRASHES: Final = frozenset(("SIGSEGV", "SIGILL", "SIGFPE", "SIGABRT", "SIGTRAP", "SIGSYS"))
"""A process brings these on itself; any other signal comes from outside. So does SIGBUS: a page
could not be had, of a full shared-memory disk or of a file that is shorter by now."""
_MEMORY_WORDS: Final = re.compile(
    r"\bMemoryError\b|std::bad_alloc|[Cc]an(?:not|'t) allocate memory"
    r"|memory allocation of \d{1,20} bytes failed|[Oo]ut of memory"
)
_STUCK: Final = (
    "; it does not even react to SIGKILL: it is stuck in the kernel, most likely in a driver, and "
    "only a restart of the machine ends it"
)


class Limit(Record):
    """A limit of time that ran out."""

    kind: Literal["attempt", "silence"]
    """The attempt as a whole; or no event and no output."""
    seconds: float


class StageResult(Record):
    """How one stage of an attempt came out, and what was learned in it."""

    outcome: OutcomeKind
    reason: str
    exit_status: int | None
    last_lines: tuple[str, ...]
    left: Left | None = None
    """What there is to go on with, where the attempt need not be over."""


class WorkerEnd(Record):
    """What the supervisor knows when a worker is gone."""

    kind: Kind
    done: bool
    failure: tuple[str, str] | None
    """Kind and message of a `failed` event."""
    exit_status: int | None
    """As subprocess gives it: negative is minus the signal. None: it could not be ended."""
    stopped: bool
    """We were asked to stop and passed it on."""
    limit: Limit | None
    """The limit that ran out, if one did."""
    checkpoint_step: int | None = None
    """Step of the last checkpoint that the journal has."""
    num_oom_kills: int = 0
    """Processes that the kernel killed for want of memory meanwhile."""
    memory_remedy: str = ""
    """What to set so that less memory is needed, where that is known."""
    program_signal: int | None = None
    """The signal that ended the program which the worker ran, as the worker saw."""
    obeyed: bool = False
    """The worker says that it stopped because it was asked to."""
    has_begun: bool = True
    """It came as far as its schedule: backend, data and model were loaded."""
    last_lines: tuple[str, ...] = ()
    """Of its output."""
    stage: str = ""
    """Name of the stage, where that is not its kind's."""
    blamed: str = ""
    """Which of several processes ended first, or failed for a reason of its own."""

    @property
    def place(self) -> str:
        """What its stage is called."""
        return self.stage or self.kind.name


class Left(Record):
    """What a worker leaves whose end need not come again: a run that can go on."""

    kind: LossKind
    yields: bool
    """Whether the next attempt, where there is one, follows all the same: it may well end so
    again, and no work would be lost."""


def left_by(ended: WorkerEnd) -> Left | None:
    """What is left to go on with; None where the attempt is over, or was stopped by us."""
    if ended.limit is not None or outcome_of(ended)[0] == "completed":
        return None
    if ended.failure is not None:
        return _left_by_failure(ended, ended.failure[0])
    if ended.stopped:
        return None
    outcome, signalled = outcome_of(ended)[0], ended.exit_status is None or ended.exit_status < 0
    if outcome == "out-of-memory":
        return Left("out-of-memory", yields=not ended.num_oom_kills and not _holds(ended))
    if signalled and _signal_of(ended) == "SIGBUS":
        return Left("worker-failed", yields=not _holds(ended))
    if outcome == "interrupted" or (signalled and _signal_of(ended) not in _CRASHES):
        return Left("worker-killed", yields=False)
    if _said_last(ended, said_by_a_line):  # a thread that a library could not start, a full disk
        return Left("worker-failed", yields=not _holds(ended))
    return _passed_before(ended)


def _left_by_failure(ended: WorkerEnd, kind: str) -> Left | None:
    if kind == "out-of-memory":
        return Left("out-of-memory", yields=not _holds(ended))
    if kind == GPU_LOST:
        return Left("gpu-lost", yields=False)
    if kind == PROCESS_LOST:
        return Left("worker-killed", yields=False)
    if kind == INPUT_CHANGED:  # another attempt would meet the same files
        return Left("worker-failed", yields=False)
    if kind == UNREACHABLE:
        return Left("worker-failed", yields=not _holds(ended))
    if kind == "exception" and ended.stopped:  # what it had started was asked to end, too
        return Left("worker-failed", yields=False)
    return _passed_before(ended)


def _holds(ended: WorkerEnd) -> bool:
    """Whether there is a checkpoint to go on from."""
    return ended.checkpoint_step is not None


def _passed_before(ended: WorkerEnd) -> Left | None:
    """Loading worked for the process before this one: it is this machine that is another by now."""
    if _holds(ended) and not ended.has_begun:
        return Left("worker-failed", yields=False)
    return None


def of_signal(exit_status: int | None, last_lines: tuple[str, ...]) -> int | None:
    """The exit status, as that of a signal where Python had no time to turn it into one.

    An interpreter that gets SIGINT while it starts ends with status 1 and says so.
    """
    interrupted = exit_status == 1 and last_lines[-1:] == ("KeyboardInterrupt",)
    return -signal.SIGINT if interrupted else exit_status


def outcome_of(ended: WorkerEnd) -> tuple[OutcomeKind, str]:
    """Outcome and reason. A worker that did not say `done` never counts as completed."""
    outcome, reason = _outcome_of(ended)
    of_one = ended.blamed and outcome not in ("completed", "interrupted", "timed-out")
    return outcome, f"{ended.blamed}: {reason}" if of_one else reason


def _outcome_of(ended: WorkerEnd) -> tuple[OutcomeKind, str]:
    stage = ended.place
    if ended.limit is not None:
        stuck = _STUCK if ended.exit_status is None else ""
        return "timed-out", f"{_passed(ended.limit, stage)}{stuck}"
    if ended.failure is not None:
        kind, message = ended.failure
        return _FAILURES.get(kind, "exception"), message
    if ended.done and ended.exit_status == 0:
        return "completed", ""
    if ended.stopped:
        return "interrupted", f"stopped during the {stage} stage, as asked{_checkpoint_note(ended)}"
    if ended.obeyed:
        return "interrupted", (
            f"the worker was asked to stop during the {stage} stage, by somebody else than its "
            f"supervisor{_checkpoint_note(ended)}"
        )
    said = _said_last(ended, _MEMORY_WORDS.search)
    if said:
        return "out-of-memory", f"the worker ended in the {stage} stage for want of memory: {said}"
    if ended.exit_status is None or ended.exit_status < 0:
        return _killed(ended)
    if ended.done:
        return "exception", (
            f"the worker finished the {stage} stage and then ended with status {ended.exit_status}"
        )
    return "exception", (
        f"the worker ended with status {ended.exit_status} during the {stage} stage "
        "without saying why; the last lines of its log are below"
    )


def _passed(limit: Limit, stage: str) -> str:
    if limit.kind == "attempt":
        return f"the attempt took longer than {limit.seconds:g} s; it was in its {stage} stage"
    return (
        f"no progress for {limit.seconds:g} s in the {stage} stage: no step, no example, no line "
        "of output"
    )


def _checkpoint_note(ended: WorkerEnd) -> str:
    if not ended.kind.resumes:
        return f"; {ended.kind.stopped}"
    if ended.checkpoint_step is None:
        return "; there is no checkpoint yet"
    return f"; the last checkpoint is of step {ended.checkpoint_step}"


def _killed(ended: WorkerEnd) -> tuple[OutcomeKind, str]:
    name = _signal_of(ended)
    during = f"during the {ended.place} stage"
    by_program = ended.program_signal is not None and _signal_name(ended.program_signal) == name
    who = "the program" if by_program else "the worker"
    if name == "SIGKILL" and ended.num_oom_kills:
        return "out-of-memory", (
            f"the machine ran out of memory {during}: {who} was killed by SIGKILL, and the "
            f"kernel's count of kills for want of memory rose by {ended.num_oom_kills} meanwhile"
            + (f". {ended.memory_remedy}" if ended.memory_remedy else "")
        )
    hint = (
        _PROGRAM_HINTS.get(name, _SIGNAL_HINTS.get(name)) if by_program else _SIGNAL_HINTS.get(name)
    )
    reason = (
        f"the program was killed by {name}"
        if by_program
        else f"the worker was killed by {name} {during}"
    )
    return "killed-by-signal", f"{reason} ({hint})" if hint else reason


def _said_last(ended: WorkerEnd, is_it: Callable[[str], object]) -> str:
    """The last line of a worker that gave up by itself of which that holds; else empty."""
    if ended.done or (ended.exit_status != 1 and _signal_of(ended) != "SIGABRT"):
        return ""
    return next((one for one in reversed(ended.last_lines) if is_it(one)), "")


def _signal_of(ended: WorkerEnd) -> str:
    return "SIGKILL" if ended.exit_status is None else _signal_name(-ended.exit_status)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
