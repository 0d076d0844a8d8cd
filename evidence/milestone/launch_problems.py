"""What is wrong with [launch] in a milestone, as far as the file alone tells.

Responsible for stages that no several processes can compute, and for steps that they cannot divide.
Which backends have several processes is `running.launching`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evidence.records.milestone import Milestone

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
KEY = "gradient_accumulation"


def launch_problems(milestone: Milestone) -> Iterator[Problem]:
    """Every problem of [launch]."""
    if milestone.processes == 1:
        return
    if milestone.given_train is None and milestone.given_eval is not None:
        yield "/launch", "is of trainings, and this milestone has no [train]"
        return
    if milestone.given_train is None:
        yield (
            "/launch",
            "is of trainings; a program starts its processes in its own command line, such as "
            "torchrun --nproc-per-node 2 train.py",
        )
        return
    for place, accumulation in _stated(milestone):
        if accumulation % milestone.processes:
            yield (
                f"{place}/{KEY}",
                f"{accumulation} is no multiple of [launch] processes ({milestone.processes}): "
                "each of them takes as many forward passes of a step",
            )


def _stated(milestone: Milestone) -> Iterator[tuple[str, int]]:
    """Where the file says how many forward passes a step has, or leaves it to the default."""
    yield "/train", milestone.train.gradient_accumulation
    tables: list[tuple[str, dict[str, Any]]] = [
        *((f"/attempt/{n}/train", one.train) for n, one in enumerate(milestone.attempts)),
        *((f"/stage/{n}/train", one.train) for n, one in enumerate(milestone.stage)),
    ]
    yield from ((place, table[KEY]) for place, table in tables if KEY in table)
