"""The reason why a run stopped before its end, recorded in its work folder.

Responsible for the kind of the reason and for writing it, even on a full disk. `verify` shows it,
and `recovery` puts it into the journal.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager

from evidence import limits
from evidence.errors import (
    RAN_OUT_HINT,
    DurabilityError,
    EvidenceError,
    ExitCode,
    RanOutError,
    RejectedError,
    SecretFoundError,
    StoppedError,
    WorkerLostError,
)
from evidence.pack.journal import utc_now
from evidence.records.run import StopKind, StopRecord
from evidence.redact.privacy import Privacy
from evidence.running.workspace import Workspace
from evidence.system.durable import NO_ROOM, hint_of
from evidence.system.threads import ran_out
from evidence.text import commands
from evidence.text.escape import one_line


@contextmanager
def recording_stop_reason(space: Workspace, privacy: Privacy) -> Iterator[None]:
    """Record the reason of whatever ends the block early, and raise it on.

    An error of the operating system becomes a DurabilityError: it is no bug of ours.
    """
    try:
        yield
    except OSError as error:
        known = _of_system(error)
        _record_reason(space, privacy, known)
        raise known from error
    except Exception as error:
        if ran_out(error):
            known_as = _ran_out(space)
            _record_reason(space, privacy, known_as)
            raise known_as from error
        _record_reason(space, privacy, error)
        raise


def _ran_out(space: Workspace) -> RanOutError:
    again = commands.to_resume(space.work.name, space.runs)
    return RanOutError(
        "the process that watches over the run has no memory left, or may start no thread; what "
        "was done is kept",
        hint=f"{RAN_OUT_HINT}\n  Then: {again}",
    )


def _of_system(error: OSError) -> DurabilityError:
    return DurabilityError(
        f"cannot go on: {error.strerror or error}"
        + (f": {error.filename}" if error.filename else ""),
        hint=hint_of(error.errno),
        no_room=error.errno in NO_ROOM,
    )


def _record_reason(space: Workspace, privacy: Privacy, error: Exception) -> None:
    kind = _kind(error)
    if kind is None:
        return
    message = error.message if isinstance(error, EvidenceError) else repr(error)
    reason = one_line(privacy.clean(message), limits.MAX_REASON_CHARS)
    with contextlib.suppress(DurabilityError):  # the error itself is what must come out
        space.write_stop(StopRecord(kind, reason, utc_now()))


def _kind(error: Exception) -> StopKind | None:
    if isinstance(error, StoppedError):
        return "interrupted"
    if isinstance(error, WorkerLostError):
        return error.kind
    if isinstance(error, RanOutError):
        return "out-of-memory"
    if isinstance(error, DurabilityError):
        return "disk-full" if error.no_room else "io-error"
    if isinstance(error, SecretFoundError):
        return "secret-found"
    if isinstance(error, RejectedError):
        return "internal-error"
    if isinstance(error, EvidenceError) and error.exit_code != ExitCode.BUG:
        return None  # a usage error: nothing was done, what was kept before still holds
    return "internal-error"
