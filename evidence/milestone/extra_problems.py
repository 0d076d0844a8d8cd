"""What is wrong with [train.extra], as far as the file alone tells.

Responsible for names that a key of ours says, or that this tool sets itself. Which names there are
at all is known where transformers is installed: `running.extra_names`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evidence.records.milestone import Milestone
from evidence.rules.arguments import OF_ONE, OF_SEVERAL, refusal
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
EXTRA = "extra"


def extra_tables(milestone: Milestone) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each [train.extra] with its pointer: of the milestone, of attempts and of stages."""
    if milestone.given_train is not None:
        yield f"/train/{EXTRA}", milestone.given_train.extra
    for number, attempt in enumerate(milestone.attempts):
        yield f"/attempt/{number}/train/{EXTRA}", attempt.train.get(EXTRA, {})
    for number, stage in enumerate(milestone.stage):
        if stage.kind == TRAIN.name:
            yield f"/stage/{number}/train/{EXTRA}", stage.train.get(EXTRA, {})


def extra_problems(milestone: Milestone) -> Iterator[Problem]:
    """Every name that cannot be given."""
    for place, given in extra_tables(milestone):
        for name in given:
            if said := refusal(name) or _of_processes(name, milestone.processes):
                yield f"{place}/{name}", said


def _of_processes(name: str, processes: int) -> str:
    if name.startswith(OF_SEVERAL) and processes == 1:
        return "is of several processes, and there is no [launch] that asks for them"
    if name.startswith(OF_ONE) and processes > 1:
        return "is of one process: with [launch] each loads its rows by a loader of this tool"
    return ""
