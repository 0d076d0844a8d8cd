"""Training data in stages (M45): short skills, then checked work, then several steps.

Responsible for which questions a stage has. The wording of questions is `tasks`'s, the row format
`rows`'s.
"""

from __future__ import annotations

from random import Random

import tasks
from compose import GOLDEN, draw
from tasks import Draft, Task

STAGES: dict[str, tuple[tuple[Task, ...], int]] = {
    "a": (
        (tasks.count_letter, tasks.sort_numbers, tasks.largest, tasks.sequence),
        120,
    ),
    "b": (GOLDEN, 60),
    "c": (
        (tasks.unit_price, tasks.distance, tasks.area, tasks.percent, tasks.remainder,
         tasks.shopping, tasks.average, tasks.minutes),
        300,
    ),
}  # fmt: skip
"""By stage: its kinds of question, in turn, and how many it has."""


def curriculum(random: Random, seen: set[str]) -> dict[str, list[Draft]]:
    """The drafts of each stage. No prompt is in `seen`, which grows, and none is there twice."""
    return {
        name: list(draw(sources, count, seen, random)) for name, (sources, count) in STAGES.items()
    }
