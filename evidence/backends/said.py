"""What every backend of ours says of a stage in the same words: lines of its log, and events.

Responsible for the words alone. `verification.consistency.own_lines` holds these very lines against
the evidence, whatever the framework.
"""

from __future__ import annotations

from collections.abc import Iterable

from evidence.records.inputs import SeamRecord
from evidence.records.milestone import ModelSpec
from evidence.worker.interface import Emit


def show_seam(seam: SeamRecord) -> None:
    """Say in the log where evaluation stops feeding, and what is measured and scored."""
    print(f"evaluation feeds … {seam.fed!r}; the training text goes on {seam.continuation!r}")
    print(f"the first token that carries loss: {seam.first_target!r}")
    print(f"the probe measures {seam.probe_wanted!r} after … {seam.probe_given!r}")


def warn(emit: Emit, texts: Iterable[str]) -> None:
    """Say each in the log, and to whoever watches the run."""
    for text in texts:
        print(f"warning: {text}")
        emit("warning", message=f"warning: {text}")


def begin_training(model: ModelSpec, num_rows: int) -> None:
    """Say what is trained on how much."""
    print(f"training {model.called} on {num_rows} rows")


def begin_evaluation(emit: Emit, num_asked: int, num_available: int) -> None:
    """Say how many of the questions are asked, and report them as the schedule of the stage."""
    print(f"evaluating {num_asked} of {num_available} questions with the saved model")
    emit(
        "schedule",
        num_rows=num_available,
        num_steps=num_asked,
        steps_per_epoch=num_asked,
        resumed_from_step=0,
    )
