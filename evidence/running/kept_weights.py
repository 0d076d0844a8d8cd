"""Weights of trainings that came to their end in an attempt that did not.

Responsible for keeping them beside the run: the pack of a failed run holds no weights, and hours
of training are not removed for that. What else an attempt leaves is placed by `workspace`.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from evidence import layout
from evidence.records.run import JournalEvent
from evidence.running.workspace import Workspace, free_name, retired
from evidence.stages.stage import Stage
from evidence.system.durable import make_folder, move
from evidence.system.entries import type_of


def trained(
    attempt: str, stages: Iterable[Stage], events: Iterable[JournalEvent]
) -> tuple[str, ...]:
    """The folders of weights, below that of an attempt, whose trainings the journal ended."""
    ended = {
        one.data["stage"]
        for one in events
        if one.attempt == attempt and one.event == "stage-finished"
    }
    return tuple(
        stage.path(stage.kind.weights_folder)
        for stage in stages
        if stage.kind.weights_folder and stage.name in ended
    )


def of_models(space: Workspace) -> tuple[str, ...]:
    """Every folder of a model that the attempts of a run have left, by its name in its folder."""
    below = (layout.FINAL_MODEL, f"{layout.STAGES}/*/{layout.FINAL_MODEL}")
    found = [
        one.relative_to(space.work).as_posix()
        for start in (layout.STAGED, "attempt-*")
        for path in below
        for one in space.work.glob(f"{start}/{path}")
    ]
    return tuple(sorted(one for one in found if type_of(space.work / one) == "folder"))


def keep(space: Workspace, names: Iterable[str]) -> None:
    """Move these entries of the work folder to where weights are kept; doing it twice changes
    nothing."""
    for name in names:
        if type_of(space.work / name) is None:
            continue
        target = free_name(space.weights / name)
        make_folder(target.parent)
        move(space.work / name, target)


def retire(space: Workspace, label: str) -> Path | None:
    """Leave what was kept to a name of its own, for good; where it lies, if anything does."""
    return retired(space.weights, label)


def said(place: Path) -> str:
    """What is kept there, and why, in a sentence."""
    models = place.glob(f"*/{layout.STAGES}/*/{layout.FINAL_MODEL}")
    names = sorted({one.relative_to(place).parts[2] for one in models})
    kind = "stage" if len(names) == 1 else "stages"
    whose = f"{kind} {', '.join(names)}" if names else "the training"
    return (
        f"the weights that {whose} left are kept in {place}: no pack holds those of an attempt "
        "that did not complete; remove them once they are of no use"
    )
