"""Memory that runs out in training, said with what to change.

Responsible for adding those words, which are those of `worker.memory`, to the failure. That memory
ran out is told by `worker.failures`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from evidence.records.execution import ExecutionRecord
from evidence.records.training import TrainSpec
from evidence.worker.failures import kind_and_message
from evidence.worker.interface import StageFailure
from evidence.worker.memory import remedy


@contextmanager
def memory_named(spec: TrainSpec, execution: ExecutionRecord) -> Iterator[None]:
    """Say what to change where the block runs out of memory."""
    try:
        yield
    except Exception as error:
        kind, message = kind_and_message(error)
        if kind != "out-of-memory":
            raise
        raise StageFailure(kind, f"{message}. {remedy(spec, execution)}") from error
