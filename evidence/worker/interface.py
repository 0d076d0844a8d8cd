"""What supervisor and worker agree on, and what every backend offers.

A backend is a `Backend` record, which costs nothing to import, and a function `run_stage`, which
only a worker imports. Backends never import each other; `backends.registry` finds them by name.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

from evidence.records.record import Record
from evidence.records.run import AttemptPlan

STOPPED_STATUS: Final = 3
FAILED_STATUS: Final = 1
"""Exit statuses of a worker that says why it ends."""


class Job(Record):
    """One stage for one worker. Paths of data and models are relative to `root`."""

    plan: AttemptPlan
    stage: str
    """Name of the kind of stage (`stages`): train, eval, or one that a plug-in brings."""
    root: str
    scratch: str
    """Checkpoints go to scratch/checkpoint-<step>; nothing of it is evidence. Old ones are removed
    by the supervisor, once newer ones are in the journal, and by nobody else."""
    output: str
    """The final model goes to output/training_output/final_model."""
    segment: int
    resume: str | None
    """Checkpoint folder to go on from."""
    run_stage: str
    """`module:function` of the backend."""
    evaluates_given: bool = False
    """Whether an evaluation is of the plan's model, as it is given; else of the model that the same
    attempt trained, in `output`."""
    rendezvous: str = ""
    """A file, new for each start, by which the processes of this stage find one another. Empty:
    one process does all of it."""
    supervisor: str = ""
    """The interpreter of the supervisor: what a worker under another one needs of packages that
    are installed there is asked of it, as a process of its own."""


Emit = Callable[..., None]
"""`emit(event, **data)` sends one event to the supervisor."""


class RunStage(Protocol):
    """What executes a stage."""

    def __call__(self, job: Job, emit: Emit) -> None:
        """Run the stage to its end. Raises StageFailure, or anything else for an exception."""


class Package(Record):
    """A Python package without which a backend cannot run, and how to get it."""

    name: str
    """As it is imported: `torch`."""
    remedy: str


class Planned(Record):
    """Stands for the function of a backend that is known by name and cannot run in this version."""

    reason: str
    remedy: str


class Backend(Record):
    """What executes the attempts that name it: all that is asked of it before a worker starts."""

    name: str
    """As milestones spell it."""
    title: str
    """As people call it."""
    run_stage: str | Planned
    """`module:function` of a RunStage. A string: what is heavy is imported by a worker only."""
    packages: tuple[Package, ...] = ()
    """What must be installed for it."""
    launches: bool = False
    """Whether several processes can train with it."""
    takes_checkpoints: bool = False
    """Whether it trains and evaluates from the checkpoint of another stage or pack
    (`Job.evaluates_given`)."""
    takes_either: bool = False
    """Whether it takes a milestone that has [train] alone, or [eval] alone: `plan.given_train` or
    `plan.given_eval` is None then, and an evaluation is of the model that is given."""
    measures_likelihood: bool = False
    """Whether it measures what `EvalSpec.measures_likelihood` asks for."""
    runs_functions: bool = False
    """Whether it has answers scored by functions of the author's (`EvalSpec.functions`)."""
    replays: bool = False
    """Whether a run can begin from a checkpoint that was kept of another one
    (`publish.keep_checkpoints`), which it loads without running anything that stands in it."""
    lacks: tuple[str, ...] = ()
    """Settings of [train] that it would leave alone, each a key, or `key = value`: another value
    than the default, or that value, is refused before anything is run."""


class StageFailure(Exception):  # noqa: N818 - an outcome that the worker reports, not an accident
    """A stage cannot go on for a reason that has a name.

    `kind` is one of bad-data, diverged, out-of-memory, requirement-not-met; and of gpu-lost and
    unreachable, of which nothing says that they would come again.
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
