"""What supervisor and worker agree on, and what every backend offers.

Backends never import each other; the worker finds them by name through `worker.BACKENDS`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal, Protocol

from evidence.records.record import Record
from evidence.records.run import AttemptPlan

Stage = Literal["train", "eval"]


class Job(Record):
    """One stage for one worker. Paths of data and models are relative to `root`."""

    plan: AttemptPlan
    stage: Stage
    root: str
    scratch: str
    """Checkpoints go to scratch/checkpoint-<step>; nothing of it is evidence. Old ones are removed
    by the supervisor, once newer ones are in the journal, and by nobody else."""
    output: str
    """The final model goes to output/training_output/final_model."""
    segment: int
    resume: str | None
    """Checkpoint folder to go on from."""


Emit = Callable[..., None]
"""`emit(event, **data)` sends one event to the supervisor."""


class Backend(Protocol):
    """What executes a stage."""

    def __call__(self, job: Job, emit: Emit) -> None:
        """Run the stage to its end. Raises StageFailure, or anything else for an exception."""


class StageFailure(Exception):  # noqa: N818 - an outcome that the worker reports, not an accident
    """A stage cannot go on for a reason that has a name.

    `kind` is one of bad-data, diverged, out-of-memory, requirement-not-met.
    """

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class Stopped(Exception):  # noqa: N818 - obeying a request is no error
    """The stage ended early because the supervisor asked for it."""


def event(name: str, **data: Any) -> dict[str, Any]:
    """The JSON object of an event."""
    return {"event": name, **data}
