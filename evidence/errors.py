"""Every error the project raises on purpose, each family with its exit code.

Responsible for the mapping from kind of failure to exit code (docs/threats.md#exit-codes).
Leaves to `evidence.cli` the one boundary that turns an error into a message and a process exit.
Findings of verify are no errors: they are records (`evidence.records.finding`).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum
from typing import Literal

LossKind = Literal["worker-killed", "out-of-memory", "gpu-lost", "worker-failed"]
"""How a run loses its worker without an attempt of it being over (`evidence.attempt.outcome`)."""


class ExitCode(IntEnum):
    """What a command's exit status means. Where several apply: 5 > 1 > 4 > 3 > 0."""

    DONE = 0
    FINDINGS = 1
    USAGE = 2
    ORIGIN = 3
    UNFINISHED = 4
    REFUSED = 5
    BUG = 70
    BUSY = 75
    INTERRUPTED = 130
    OUTPUT_CLOSED = 141
    """Our output did not arrive (its reader is gone, its disk full): no verdict was given."""
    TERMINATED = 143


RAN_OUT = "this process has no memory left, or may start no thread; nothing was concluded"
RAN_OUT_HINT = "Free some memory, or raise the limit (ulimit -v, -d, -u)."

_GRAVEST_FIRST = (
    ExitCode.REFUSED,
    ExitCode.FINDINGS,
    ExitCode.UNFINISHED,
    ExitCode.ORIGIN,
)


def gravest(codes: Iterable[int]) -> ExitCode:
    """The one exit code of several packs: 5 > 1 > 4 > 3 > 0. Unsafe is graver than untrue."""
    found = set(codes)
    return next((code for code in _GRAVEST_FIRST if code in found), ExitCode.DONE)


class EvidenceError(Exception):
    """Base of all errors meant for a person.

    `message` says what is wrong and where; `hint` says what to do next.
    """

    exit_code: ExitCode = ExitCode.BUG

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        if hint:
            self.add_note(hint)  # a traceback, in a script or a notebook, shows it too


class UsageError(EvidenceError):
    """The command cannot be done as asked: wrong argument, missing file, existing pack."""

    exit_code = ExitCode.USAGE


class RowsWithheldError(UsageError):
    """Rows of a pack are asked for that this copy of it may lack, and does."""


class UnknownValueError(UsageError, KeyError):
    """The results of a pack have no value of this name."""

    __str__ = Exception.__str__  # a KeyError shows its message in quotes


class NotMeasuredError(EvidenceError):
    """A value was asked for that the run did not measure. The message has the reason."""

    exit_code = ExitCode.UNFINISHED


class MilestoneError(UsageError):
    """The milestone file, or data it names, is not valid. The message has file, line, key."""


class DataError(MilestoneError):
    """Data that is well-formed and cannot be trained on or evaluated as the milestone asks."""


class SecretFoundError(EvidenceError):
    """A finished run holds a secret and is not sealed. The message has places, not secrets."""

    exit_code = ExitCode.USAGE


class PackBrokenError(EvidenceError):
    """A pack is not what it says, found by a command that needs it whole (render, note)."""

    exit_code = ExitCode.FINDINGS


class PageRefusedError(EvidenceError):
    """Markers of a page cannot be filled, for the page or for a pack that it names."""

    def __init__(
        self, message: str, *, hint: str = "", exit_code: ExitCode = ExitCode.USAGE
    ) -> None:
        super().__init__(message, hint=hint)
        self.exit_code = exit_code


class RejectedError(PackBrokenError):
    """A run was sealed, and our own verify rejects it: it is not published."""

    def __init__(
        self, message: str, *, hint: str = "", addresses: frozenset[str] = frozenset()
    ) -> None:
        super().__init__(message, hint=hint)
        self.addresses = addresses
        """Files of the pack that verify complains of."""


class UnfinishedRunError(PackBrokenError):
    """A run that was never published, asked for as a pack: honest, and not finished."""

    exit_code = ExitCode.UNFINISHED


class UnsafePackError(EvidenceError):
    """Reading the pack any further would be unsafe: a link, a device, a name, a limit."""

    exit_code = ExitCode.REFUSED

    def __init__(self, code: str, address: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.address = address

    def __reduce__(self) -> tuple[object, ...]:
        """How to make it again: it may be raised in one process and said in another."""
        return type(self), (self.code, self.address, self.message), vars(self)


class MalformedError(EvidenceError):
    """Bytes that are not strict JSON, JSON lines or TOML as this project writes them.

    `line` counts from 1; 0 means the document as a whole.
    """

    exit_code = ExitCode.FINDINGS

    def __init__(self, message: str, *, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class PastLimitError(MalformedError):
    """Malformed in a way that would cost memory or time to read on: a cap of `limits` is passed."""

    exit_code = ExitCode.REFUSED


class DurabilityError(EvidenceError):
    """A write, fsync or rename failed. It ends the run and is never retried into success."""

    exit_code = ExitCode.UNFINISHED

    def __init__(self, message: str, *, hint: str = "", no_room: bool = False) -> None:
        super().__init__(message, hint=hint)
        self.no_room = no_room
        """The disk is full, or a quota or a limit on the size of files is reached."""


class RanOutError(EvidenceError):
    """This process has no memory left, or may start no thread. What it has written still holds."""

    exit_code = ExitCode.UNFINISHED


class BusyError(EvidenceError):
    """Another process holds this pack."""

    exit_code = ExitCode.BUSY


class WorkerLostError(EvidenceError):
    """A worker died of what another process may not meet: the run stays unfinished, and goes on."""

    exit_code = ExitCode.UNFINISHED

    def __init__(self, message: str, *, hint: str = "", kind: LossKind = "worker-killed") -> None:
        super().__init__(message, hint=hint)
        self.kind: LossKind = kind


class StoppedError(EvidenceError):
    """The user or the system asked us to stop."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self, message: str, *, hint: str = "", by_sigterm: bool = False) -> None:
        super().__init__(message, hint=hint)
        if by_sigterm:
            self.exit_code = ExitCode.TERMINATED
