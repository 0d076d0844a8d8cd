"""What a worker's exception means, whichever library raised it."""

from __future__ import annotations

import errno
import os
import signal

import pytest
from msgspec.structs import replace

from evidence.attempt.outcome import Limit, WorkerEnd, left_by, outcome_of
from evidence.records.execution import ExecutionRecord
from evidence.records.training import TrainSpec
from evidence.stages.train import TRAIN
from evidence.worker.failures import kind_and_message
from evidence.worker.interface import StageFailure
from evidence.worker.memory import remedy


class OutOfMemoryError(RuntimeError):
    """Named as torch's own, which is not imported here."""


class SafetensorError(Exception):
    """Named as the safetensors library's."""


def caused(cause: BaseException) -> BaseException:
    try:
        raise RuntimeError("cannot save") from cause
    except RuntimeError as error:
        return error


FAILURES: list[tuple[BaseException, str, str]] = [
    (MemoryError(), "out-of-memory", "Python ran out of memory"),
    (OutOfMemoryError("CUDA out of memory. Tried 2 GiB"), "out-of-memory", "the GPU ran out of"),
    (RuntimeError("CUDA error: out of memory"), "out-of-memory", "the GPU ran out of memory"),
    (
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: 12 bytes"),
        "out-of-memory",
        "the machine ran out of memory",
    ),
    (OSError(errno.ENOMEM, "Cannot allocate memory"), "out-of-memory", "the machine ran out"),
    (RuntimeError("CUDA error: unspecified launch failure"), "gpu-lost", "the GPU failed or was"),
    (RuntimeError("NCCL error: unhandled system error"), "gpu-lost", "the GPU failed or was lost"),
    (OSError(errno.ENOSPC, "No space left on device"), "disk-full", "No space left"),
    (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk-full", "quota"),
    (OSError(errno.EFBIG, "File too large"), "disk-full", "File too large"),
    (
        SafetensorError('IoError(Os { code: 28, kind: StorageFull, message: "No space left" })'),
        "disk-full",
        "code: 28",
    ),
    (caused(OSError(errno.ENOSPC, "No space left on device")), "disk-full", "No space left"),
    (RuntimeError("the download ended with exit code: 28"), "exception", "exit code: 28"),
    (OSError(errno.ENOENT, "No such file"), "exception", "No such file"),
    (StageFailure("diverged", "the loss of step 3 is nan"), "diverged", "step 3"),
]


PASSING = (
    "EIO", "EROFS", "ESTALE", "ENODEV", "ENXIO", "EACCES", "EPERM", "EAGAIN", "EBUSY", "ENOLCK",
    "EMFILE", "ENFILE", "EPIPE", "ENOBUFS", "ENETDOWN", "ENETUNREACH", "EHOSTUNREACH", "ETIMEDOUT",
    "ECONNRESET", "ECONNREFUSED", "ECONNABORTED",
)  # fmt: skip
KINDS = {
    **dict.fromkeys(("ENOSPC", "EDQUOT", "EFBIG"), "disk-full"),
    **dict.fromkeys(PASSING, "unreachable"),
    "ENOMEM": "out-of-memory",
    **dict.fromkeys(
        ("ENOENT", "EISDIR", "ENOTDIR", "EINVAL", "EEXIST", "ENAMETOOLONG"), "exception"
    ),
}


def spelled(name: str) -> list[BaseException]:
    """An error of the system as Python, Rust, C++ and those who wrap them raise it."""
    number = int(getattr(errno, name))
    text = os.strerror(number)
    return [
        OSError(number, text, "checkpoint-10/optimizer.pt"),
        RuntimeError(f"cannot save: [Errno {number}] {text}: 'x'"),
        SafetensorError(f"Error while serializing: I/O error: {text} (os error {number})"),
        SafetensorError(f"I/O error (os error {number})"),
        SafetensorError(f'IoError(Os {{ code: {number}, kind: Other, message: "{text}" }})'),
        RuntimeError(f"filesystem error: cannot create directories: {text} [/x]"),
        RuntimeError(f"unable to open shared memory object </torch_1>: {text} ({number})"),
        caused(OSError(number, text)),
        ExceptionGroup("two", [ValueError("x"), OSError(number, text)]),
    ]


@pytest.mark.parametrize("name", KINDS)
def test_an_error_of_the_system_means_the_same_however_it_is_spelled(name: str) -> None:
    found = {str(one): kind_and_message(one)[0] for one in spelled(name)}
    assert set(found.values()) == {KINDS[name]}, found


@pytest.mark.parametrize(
    "text",
    [
        "[enforce fail at inline_container.cc:858] . PytorchStreamWriter failed writing central "
        "directory: file write failed",
        "[enforce fail at inline_container.cc:668] . unexpected pos 64 vs 0",
        "basic_ios::clear: iostream error",
        "received 0 items of ancdata",
        "can't start new thread",
    ],
)
def test_a_library_that_could_not_write_or_open_and_says_no_number_may_not_fail_again(
    text: str,
) -> None:
    assert kind_and_message(RuntimeError(text))[0] == "unreachable"


@pytest.mark.parametrize(
    "line",
    [
        "libgomp: Thread creation failed: Resource temporarily unavailable",
        "OpenBLAS blas_thread_init: pthread_create failed for thread 1 of 2: "
        "Resource temporarily unavailable",
        "OSError: [Errno 24] Too many open files: 'x'",
        "  what():  Resource temporarily unavailable",
    ],
)
def test_a_worker_whose_library_ended_it_for_a_limit_is_lost_and_not_over(line: str) -> None:
    for status in (1, -signal.SIGABRT):
        left = left_by(replace(worker_end(status), last_lines=("begun", line)))
        assert left is not None
        assert left.kind == "worker-failed"
    assert left_by(replace(worker_end(1), last_lines=("ValueError: x",))) is None
    assert left_by(replace(worker_end(7), last_lines=(line,))) is None


@pytest.mark.parametrize(("error", "kind", "words"), FAILURES, ids=lambda value: str(value)[:40])
def test_memory_disk_and_gpu_are_told_apart(error: BaseException, kind: str, words: str) -> None:
    """E5, C8: as libraries report them."""
    found, message = kind_and_message(error)
    assert found == kind
    assert words in message


def worker_end(
    exit_status: int | None, limit: Limit | None = None, oom_kills: int = 0
) -> WorkerEnd:
    return WorkerEnd(TRAIN, False, None, exit_status, False, limit, num_oom_kills=oom_kills)


def test_a_kill_by_the_kernel_for_want_of_memory_is_no_plain_kill() -> None:
    assert outcome_of(worker_end(-9)) == (
        "killed-by-signal",
        "the worker was killed by SIGKILL during the train stage (often the kernel, out of memory: "
        "see `dmesg` or `journalctl -k`)",
    )
    outcome, reason = outcome_of(worker_end(-9, oom_kills=1))
    assert outcome == "out-of-memory"
    assert "the machine ran out of memory during the train stage" in reason


def test_a_kill_for_want_of_memory_names_the_setting_that_asks_for_less() -> None:
    merged = ExecutionRecord("fast", 8, 1, "cpu", 1)
    said = remedy(TrainSpec(batch_size=1), merged)
    assert 'execution = "as-written"' in said
    killed = replace(worker_end(-9, oom_kills=1), memory_remedy=said)
    assert outcome_of(killed)[1].endswith(f"meanwhile. {said}")
    assert said not in outcome_of(replace(worker_end(-9), memory_remedy=said))[1]


def test_a_worker_that_nothing_can_end_is_said_to_be_stuck() -> None:
    outcome, reason = outcome_of(worker_end(None, Limit("silence", 5.0)))
    assert outcome == "timed-out"
    assert reason.startswith("no progress for 5 s in the train stage")
    assert "only a restart of the machine ends it" in reason
