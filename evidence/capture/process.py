"""The output of a program that may hang, print without end, or ignore signals.

Responsible for limits of time and of bytes, and for ending a program with its children. Which
program is started, and what its output means, is decided by the probes.
"""

from __future__ import annotations

import contextlib
import io
import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Final, Generic, TypeVar

from evidence.records.record import Record
from evidence.system.threads import ran_out

T = TypeVar("T")

_CHUNK_BYTES: Final = 1 << 16
_MAX_ERROR_BYTES: Final = 1 << 16
_LAST_WORDS_S: Final = 1.0
"""How long a child that was left behind may keep the errors of an ended program open."""


class TooSlowError(Exception):
    """A program or a library did not answer in time."""


class TooLongError(Exception):
    """A program printed more than its limit."""


class ProgramOutput(Record, Generic[T]):
    """Output and exit status of a program that ended in time."""

    output: T
    errors: bytes
    status: int


def answer_within(timeout_s: float, question: Callable[[], T]) -> T:
    """The answer to a question that may hang in a driver. Raises TooSlowError, or what it raised.

    A call stuck in the kernel cannot be ended: its thread is left behind and holds up nobody.
    Where no thread can be started, the question is asked in this one, without a limit.
    """
    answers: list[T] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # carried to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    if not started(thread):
        return question()
    thread.join(max(timeout_s, 0))
    if failures:
        raise failures[0]
    if not answers:
        raise TooSlowError
    return answers[0]


def started(thread: threading.Thread) -> bool:
    """Start a thread; False where a limit of memory or of processes forbids it."""
    try:
        thread.start()
    except (RuntimeError, MemoryError) as error:
        if not ran_out(error):
            raise
        return False
    return True


def collect_output(
    process: subprocess.Popen[bytes], timeout_s: float, consume: Callable[[IO[bytes]], T]
) -> ProgramOutput[T]:
    """The output of a process started with `start_new_session=True`, until it ends.

    Raises TooSlowError, or what `consume` raised; the process and its children are then killed.
    """
    end_s = time.monotonic() + timeout_s
    assert process.stdout is not None  # noqa: S101 - callers start it with a pipe
    stdout = process.stdout
    errors = bytearray()
    unread = drain = None
    if process.stderr is not None:
        drain = threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True)
        if not started(drain):  # nobody can read it meanwhile
            unread, drain = process.stderr, None
    asking = threading.current_thread()

    def listen() -> T:
        with stdout:  # closed by its only reader: closing under a blocked reader would block too
            here = threading.current_thread() is asking  # nobody else watches the time
            return consume(io.BufferedReader(_Until(stdout, end_s)) if here else stdout)

    try:
        output = answer_within(timeout_s, listen)
        status = process.wait(timeout=max(end_s - time.monotonic(), 0))
        if drain is not None:  # what it said last may still be on its way
            drain.join(_LAST_WORDS_S)
    except subprocess.TimeoutExpired as error:
        _kill(process)
        raise TooSlowError from error
    except BaseException:
        _kill(process)
        raise
    finally:
        if unread is not None:
            _read_left(unread, errors)
    return ProgramOutput(output=output, errors=bytes(errors), status=status)


class _Until(io.RawIOBase):
    """A pipe that is read up to a moment, and raises TooSlowError from then on."""

    def __init__(self, pipe: IO[bytes], end_s: float) -> None:
        super().__init__()
        self._pipe = pipe
        self._end_s = end_s

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, into: Any) -> int:
        """What has come, at least one byte; 0 at its end."""
        if os.name != "nt":  # where only sockets can be waited for
            left_s = max(self._end_s - time.monotonic(), 0)
            if not select.select([self._pipe], [], [], left_s)[0]:
                raise TooSlowError
        data = os.read(self._pipe.fileno(), len(into))
        into[: len(data)] = data
        return len(data)


def up_to(limit_bytes: int) -> Callable[[IO[bytes]], bytes]:
    """Reads everything. Raises TooLongError past the limit, without reading on."""

    def consume(stream: IO[bytes]) -> bytes:
        found = bytearray()
        while part := stream.read(_CHUNK_BYTES):
            found += part
            if len(found) > limit_bytes:
                raise TooLongError
        return bytes(found)

    return consume


def _drain(stream: IO[bytes], into: bytearray) -> None:
    with stream:
        while part := os.read(stream.fileno(), _CHUNK_BYTES):
            into += part[: _MAX_ERROR_BYTES - len(into)]


def _read_left(stream: IO[bytes], into: bytearray) -> None:
    """What a program that has ended said; of children that keep the pipe open, nothing."""
    with stream, contextlib.suppress(TooSlowError):
        into += io.BufferedReader(_Until(stream, time.monotonic())).read(_MAX_ERROR_BYTES)


def _kill(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    # A process stuck in the kernel cannot be reaped: leave it, we have what we need.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
