"""How a worker ended, told apart and in plain words. Pure.

Responsible for turning what was heard and the exit status into an outcome. Whether the next
attempt follows is `pipeline`'s decision.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

from evidence.records.run import OutcomeKind

_SIGNAL_HINTS: Final = {
    "SIGKILL": "often the kernel, out of memory: see `dmesg` or `journalctl -k`",
    "SIGSEGV": "a crash in native code",
    "SIGBUS": "a crash in native code, or a full shared-memory disk",
    "SIGABRT": "native code gave up",
}
_FAILURES: Final[dict[str, OutcomeKind]] = {
    "exception": "exception",
    "out-of-memory": "out-of-memory",
    "diverged": "diverged",
    "requirement-not-met": "requirement-not-met",
    "bad-data": "bad-data",
}


@dataclass(frozen=True, slots=True)
class Heard:
    """What the supervisor knows when a worker is gone."""

    stage: str
    done: bool
    failure: tuple[str, str] | None
    """Kind and message of a `failed` event."""
    exit_status: int
    """As subprocess gives it: negative is minus the signal."""
    stopped: bool
    """We were asked to stop and passed it on."""
    timeout_s: float | None
    """The limit that ran out, if one did."""


def judge(heard: Heard) -> tuple[OutcomeKind, str]:
    """Outcome and reason. A worker that did not say `done` never counts as completed."""
    if heard.timeout_s is not None:
        return "timed-out", f"the {heard.stage} stage took longer than {heard.timeout_s:g} s"
    if heard.failure is not None:
        kind, message = heard.failure
        return _FAILURES.get(kind, "exception"), message
    if heard.done and heard.exit_status == 0:
        return "completed", ""
    if heard.stopped:
        return "interrupted", f"stopped during the {heard.stage} stage, as asked"
    if heard.exit_status < 0:
        name = _signal_name(-heard.exit_status)
        hint = _SIGNAL_HINTS.get(name)
        reason = f"the worker was killed by {name} during the {heard.stage} stage"
        return "killed-by-signal", f"{reason} ({hint})" if hint else reason
    if heard.done:
        return "exception", (
            f"the worker finished the {heard.stage} stage and then ended with status "
            f"{heard.exit_status}"
        )
    return "exception", (
        f"the worker ended with status {heard.exit_status} during the {heard.stage} stage "
        "without saying why; the last lines of its log are below"
    )


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
