"""What a worker's exception means, whichever library raised it."""

from __future__ import annotations

import errno

import pytest
from msgspec.structs import replace

from evidence.attempt.outcome import Limit, WorkerEnd, outcome_of
from evidence.records.execution import ExecutionRecord
from evidence.records.milestone import TrainSpec
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
