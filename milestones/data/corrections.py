"""Traces with a mistake in them: two arms of training data (M46), two evaluation sets (M47).

Responsible for where a mistake stands and that it is one. In the arms the same questions are
answered, once straight and once with a wrong step that the next one corrects. In the evaluation
sets a first step is given with each question, once right and once wrong, and `error` says which
words are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import tasks
from compose import draw
from tasks import Draft, Task

OF_ARMS: tuple[Task, ...] = (
    tasks.shopping, tasks.average, tasks.remainder, tasks.unit_price, tasks.distance, tasks.area,
)  # fmt: skip
OF_CHECKS: tuple[Task, ...] = (tasks.shopping, tasks.average, tasks.remainder)
"""Two calculations each: a step can be given without giving the answer."""
NUM_OF_ARM, NUM_CHECKS = 80, 40
CORRECT = "CORRECT:"


@dataclass(frozen=True, slots=True)
class Check:
    """A question with its first step, as it is and with a wrong result."""

    draft: Draft
    step: str
    error: str


def arms(random: Random, seen: set[str]) -> dict[str, list[Draft]]:
    """Drafts of the arm `control` and of the arm `correct`: the same questions in one order."""
    control = list(draw(OF_ARMS, NUM_OF_ARM, seen, random))
    return {"control": control, "correct": [corrected(one, random) for one in control]}


def corrected(draft: Draft, random: Random) -> Draft:
    """The same with one of its calculations wrong at first, and put right in the step after it."""
    places = [place for place, step in enumerate(draft.steps) if step[0] == "calculation"]
    place = random.choice(places)
    right = draft.steps[place][1]
    steps = (
        *draft.steps[:place],
        ("mistake", mistaken(right, random)),
        ("correct", f"{CORRECT} {right}"),
        *draft.steps[place + 1 :],
    )
    return replace(draft, steps=steps)


def checks(random: Random, seen: set[str]) -> list[Check]:
    """Questions of the evaluation sets `clean` and `injected`, with both forms of a first step."""
    drafts = draw(OF_CHECKS, NUM_CHECKS, seen, random)
    return [Check(one, one.steps[0][1], mistaken(one.steps[0][1], random)) for one in drafts]


def mistaken(calculation: str, random: Random) -> str:
    """The same calculation with another result: up to nine too many or too few."""
    expression, _, value = calculation.rpartition(" = ")
    wrong = int(value) + random.choice((-1, 1)) * random.randint(1, 9)
    return f"{expression} = {wrong if wrong > 0 else int(value) + 10}"
