"""The kind of failure that an exception of a worker means, in plain words. Pure.

Responsible for memory, GPU and disk, which libraries report in a dozen ways. Nothing is imported
to ask: classes are known by their names, since this runs without any framework too. An error of
the system is known by its number as Python has it, and as Python, Rust and C++ spell it in texts.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from typing import Final

from evidence.errors import EvidenceError, MilestoneError
from evidence.system.durable import NO_ROOM
from evidence.worker.interface import StageFailure

DISK_FULL: Final = "disk-full"
"""No outcome of an attempt: the run itself stops, and goes on when there is room."""
INPUT_CHANGED: Final = "input-changed"
"""An input is another one than when the run began. The run goes on once it is put back."""
GPU_LOST: Final = "gpu-lost"
UNREACHABLE: Final = "unreachable"
"""Two kinds of `exception` that may not come again: a GPU that is gone; a network or a disk."""
PROCESS_LOST: Final = "process-lost"
"""Of several processes that a launcher started, one is gone with its worker: by whom is not known.
"""
_GPU_MEMORY: Final = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|HIP out of memory|CUBLAS_STATUS_ALLOC_FAILED"
    r"|RESOURCE_EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY"
)
_MEMORY: Final = re.compile(
    r"can't allocate memory|Cannot allocate memory|std::bad_alloc"
    r"|failed to map segment from shared object|memory allocation of \d{1,20} bytes failed"
)
_NUMBER: Final = re.compile(
    r"\[Errno (\d{1,5})\]|\(os error (\d{1,5})\)|\bOs \{ code: (\d{1,5})\b"
    r"|\berrno(?: is|:|=)? ?(\d{1,5})\b"
)
"""An error of the system by its number: Python, Rust twice, C and C++."""
_GPU: Final = re.compile(
    r"\b(?:CUDA|HIP|NCCL|cuDNN|CUBLAS) error|CUDNN_STATUS_|CUBLAS_STATUS_|cudaError|CUDA_ERROR_"
    r"|GPU is lost|fallen off the bus|\bECC error|\bXid\b"
)
_GPU_REFUSED: Final = re.compile(
    r"device-side assert|invalid argument|invalid configuration|invalid device function"
    r"|no kernel image|_NOT_SUPPORTED|_BAD_PARAM|_INVALID_VALUE|_ARCH_MISMATCH|_NO_BINARY_FOR_GPU"
)
"""What a GPU says of what it was given. It will say so again, whatever GPU it is."""
_NAMES: Final = (
    "EIO", "EROFS", "ESTALE", "ENODEV", "ENXIO", "EREMOTEIO", "ENOMEDIUM", "EACCES", "EPERM",
    "EAGAIN", "EBUSY", "ENOLCK", "EMFILE", "ENFILE", "EUSERS", "EPIPE", "ENOBUFS",
    "ENETDOWN", "ENETUNREACH", "ENETRESET", "EHOSTDOWN", "EHOSTUNREACH", "ENOTCONN", "ESHUTDOWN",
    "ETIMEDOUT", "ECONNRESET", "ECONNREFUSED", "ECONNABORTED", "ETIME", "ENOLINK", "ECOMM",
)  # fmt: skip
_PASSING: Final = frozenset(getattr(errno, name) for name in _NAMES if hasattr(errno, name))
"""A disk, a permission, a network or a limit of the system failed, which can be put right: no file
is said to be wrong or missing. Not every system knows each of them."""
_WORDS: Final = {
    os.strerror(number): number for number in sorted({*_PASSING, *NO_ROOM, errno.ENOMEM})
}
_SPELLED: Final = re.compile("|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True))))
_WRITING: Final = re.compile(
    r"PytorchStreamWriter failed|\bunexpected pos \d{1,20} vs \d|iostream error"
    r"|received 0 items of ancdata|DataLoader worker \(pid[^)]{1,40}\) exited unexpectedly"
)
"""C++ that could not write, without a word why; files that could not be opened any more."""
_NO_CONNECTION_NAMES: Final = frozenset(
    (
        "ConnectionError", "ConnectError", "ConnectTimeout", "ReadTimeout", "ReadError",
        "ProxyError", "ProtocolError", "RemoteProtocolError", "MaxRetryError",
        "NameResolutionError", "NewConnectionError", "IncompleteRead", "gaierror",
    )
)  # fmt: skip
_BUSY_SERVER: Final = re.compile(r"\b(?:429 Client|5\d\d Server) Error\b|can't start new thread")


def kind_and_message(error: BaseException) -> tuple[str, str]:
    """Kind and message of a failure, from the exception or from what caused it."""
    if isinstance(error, StageFailure):
        return error.kind, error.message
    if isinstance(error, EvidenceError):
        kind = "bad-data" if isinstance(error, MilestoneError) else "exception"
        return kind, error.message
    for one in _chain(error):
        text = str(one)
        number = _number_of(one, text)
        if number in NO_ROOM:
            return DISK_FULL, text
        what = _memory_of(one, text, number)
        if what:
            return "out-of-memory", f"{what} ran out of memory" + (f": {text}" if text else "")
        if _GPU.search(text):
            if _GPU_REFUSED.search(text):
                return "exception", f"the GPU refused what it was given: {text}"
            return GPU_LOST, f"the GPU failed or was lost: {text}"
        if number in _PASSING or _is_unreachable(one, text):
            return UNREACHABLE, str(error)
    return "exception", str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, what caused it, and what caused that; of a group each of its errors first."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        current = waiting.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting.append(
            current.__cause__ or (None if current.__suppress_context__ else current.__context__)
        )
        if isinstance(current, BaseExceptionGroup):
            waiting += reversed(current.exceptions)


def _is_unreachable(error: BaseException, text: str) -> bool:
    named = {one.__name__ for one in type(error).__mro__}
    return (
        not named.isdisjoint(_NO_CONNECTION_NAMES)
        or _BUSY_SERVER.search(text) is not None
        or _WRITING.search(text) is not None
    )


def _number_of(error: BaseException, text: str) -> int | None:
    """The number of the system's error that this is; None where it is none of the system's."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    found = _NUMBER.search(text)
    if found is not None:
        return int(next(one for one in found.groups() if one))
    spelled = _SPELLED.search(text)
    return None if spelled is None else _WORDS[spelled[0]]


def _memory_of(error: BaseException, text: str, number: int | None) -> str:
    """What ran out of memory; empty where nothing did."""
    if type(error).__name__ == "OutOfMemoryError" or _GPU_MEMORY.search(text):
        return "the GPU"
    if number == errno.ENOMEM:
        return "the machine"
    if isinstance(error, MemoryError):
        return "Python"
    return "the machine" if _MEMORY.search(text) else ""


def said_by_a_line(line: str) -> bool:
    """Whether the last words of a process tell of what can be put right: a limit, a disk."""
    number = _number_of(Exception(), line)
    return number in _PASSING or number in NO_ROOM or _BUSY_SERVER.search(line) is not None
