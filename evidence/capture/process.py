"""The output of a program that may hang, print without end, or ignore signals.

Responsible for limits of time and of bytes, and for ending a program with its children. Which
program is started, and what its output means, is decided by the probes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from typing import IO, Any, Final, Generic, TypeVar

from evidence.records.record import Record

T = TypeVar("T")

_CHUNK_BYTES: Final = 1 << 16
_MAX_ERROR_BYTES: Final = 1 << 16


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
    """
    answers: list[T] = []
    failures: list[BaseException] = []

    def ask() -> None:
        try:
            answers.append(question())
        except BaseException as error:  # carried to the caller's thread
            failures.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(max(timeout_s, 0))
    if failures:
        raise failures[0]
    if not answers:
        raise TooSlowError
    return answers[0]


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
    if process.stderr is not None:
        threading.Thread(target=_drain, args=(process.stderr, errors), daemon=True).start()

    def listen() -> T:
        with stdout:  # closed by its only reader: closing under a blocked reader would block too
            return consume(stdout)

    try:
        output = answer_within(timeout_s, listen)
        status = process.wait(timeout=max(end_s - time.monotonic(), 0))
    except subprocess.TimeoutExpired as error:
        _kill(process)
        raise TooSlowError from error
    except BaseException:
        _kill(process)
        raise
    return ProgramOutput(output=output, errors=bytes(errors), status=status)


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
        while part := stream.read(_CHUNK_BYTES):
            into += part[: _MAX_ERROR_BYTES - len(into)]


def _kill(process: subprocess.Popen[Any]) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            process.kill()
        else:
            os.killpg(process.pid, signal.SIGKILL)
    # A process stuck in the kernel cannot be reaped: leave it, we have what we need.
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(timeout=1)
