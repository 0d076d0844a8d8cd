"""The kind of failure that an exception of a worker means, in plain words. Pure.

Responsible for memory, GPU and disk, which libraries report in a dozen ways. Nothing is imported
to ask: classes are known by their names, since this runs without any framework too.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator
from typing import Final

from evidence.errors import EvidenceError, MilestoneError
from evidence.system.durable import NO_ROOM
from evidence.worker.interface import StageFailure

DISK_FULL: Final = "disk-full"
"""No outcome of an attempt: the run itself stops, and goes on when there is room."""
GPU_LOST: Final = "gpu-lost"
UNREACHABLE: Final = "unreachable"
"""Two kinds of `exception` that may not come again: a GPU that is gone; a network or a disk."""
_NO_ROOM_WORDS: Final = re.compile(
    r"No space left on device|Disk quota exceeded|\(os error 28\)|Os \{ code: 28\b"
)
_GPU_MEMORY: Final = re.compile(
    r"CUDA out of memory|CUDA error: out of memory|HIP out of memory|CUBLAS_STATUS_ALLOC_FAILED"
    r"|RESOURCE_EXHAUSTED|CUDA_ERROR_OUT_OF_MEMORY"
)
_MEMORY: Final = re.compile(r"can't allocate memory|Cannot allocate memory|std::bad_alloc")
_GPU: Final = re.compile(
    r"\b(?:CUDA|HIP|NCCL|cuDNN|CUBLAS) error|CUDNN_STATUS_|CUBLAS_STATUS_|cudaError|CUDA_ERROR_"
    r"|GPU is lost|fallen off the bus|\bECC error|\bXid\b"
)
_GPU_REFUSED: Final = re.compile(
    r"device-side assert|invalid argument|invalid configuration|invalid device function"
    r"|no kernel image|_NOT_SUPPORTED|_BAD_PARAM|_INVALID_VALUE|_ARCH_MISMATCH|_NO_BINARY_FOR_GPU"
)
"""What a GPU says of what it was given. It will say so again, whatever GPU it is."""
_NO_CONNECTION: Final = frozenset(
    (
        errno.EIO, errno.ESTALE, errno.ENODEV, errno.ENXIO, errno.EAGAIN, errno.EMFILE,
        errno.ENFILE, errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENOTCONN,
        errno.ETIMEDOUT, errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED,
    )
)  # fmt: skip
"""A disk, a network or a limit of the system failed: no file is said to be wrong or missing."""
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
        if _is_no_room(one, text):
            return DISK_FULL, text
        what = _memory_of(one, text)
        if what:
            return "out-of-memory", f"{what} ran out of memory" + (f": {text}" if text else "")
        if _GPU.search(text):
            if _GPU_REFUSED.search(text):
                return "exception", f"the GPU refused what it was given: {text}"
            return GPU_LOST, f"the GPU failed or was lost: {text}"
        if _is_unreachable(one, text):
            return UNREACHABLE, str(error)
    return "exception", str(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (
            None if current.__suppress_context__ else current.__context__
        )


def _is_unreachable(error: BaseException, text: str) -> bool:
    if isinstance(error, OSError) and error.errno in _NO_CONNECTION:
        return True
    named = {one.__name__ for one in type(error).__mro__}
    return not named.isdisjoint(_NO_CONNECTION_NAMES) or _BUSY_SERVER.search(text) is not None


def _is_no_room(error: BaseException, text: str) -> bool:
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno in NO_ROOM
    return _NO_ROOM_WORDS.search(text) is not None


def _memory_of(error: BaseException, text: str) -> str:
    """What ran out of memory; empty where nothing did."""
    if type(error).__name__ == "OutOfMemoryError" or _GPU_MEMORY.search(text):
        return "the GPU"
    if isinstance(error, OSError) and error.errno == errno.ENOMEM:
        return "the machine"
    if isinstance(error, MemoryError):
        return "Python"
    return "the machine" if _MEMORY.search(text) else ""
