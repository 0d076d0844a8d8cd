"""Which stages of a milestone are held against each other: trainings, and evaluations.

Responsible for what follows from the milestone alone, so that names of values are known before a
run. What two of them differ in is `rules.arms`'s and `rules.paired`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final

from evidence.records.evaluation import Compared
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.stages.eval import EVAL
from evidence.stages.stage import OF_STAGE, Stage
from evidence.stages.train import TRAIN

MAX_PAIRS: Final = 24
"""Evaluations of which pairs are made; each takes verify some tenths of a second."""


class TwoArms(Record):
    """Two trainings, and what they are meant to differ in."""

    first: Stage
    second: Stage
    varies: tuple[str, ...]
    is_declared: bool


class Pair(Record):
    """Two evaluations of the same questions."""

    first: Stage
    second: Stage
    compared: Compared


def arms_of(milestone: Milestone, stages: Sequence[Stage]) -> Iterator[TwoArms]:
    """The declared arms, each with the first of its group; then stages that begin from one place
    and that no [[arms]] names, likewise."""
    named = {one.name: one for one in stages if one.is_named and one.kind is TRAIN}
    for spec in milestone.arms:
        first = named[spec.stages[0]]
        for name in spec.stages[1:]:
            yield TwoArms(first, named[name], spec.varies, is_declared=True)
    declared = {name for spec in milestone.arms for name in spec.stages}
    first_from: dict[str, Stage] = {}
    for stage in named.values():
        if stage.name in declared:
            continue
        first = first_from.setdefault(stage.init, stage)
        if first.index != stage.index:
            yield TwoArms(first, stage, (), is_declared=False)


def pairs_of(milestone: Milestone, stages: Sequence[Stage]) -> tuple[Pair, ...]:
    """Evaluations that differ in one thing: the checkpoint, which began from the other's or beside
    it; or what the same checkpoint is asked. At most MAX_PAIRS, the first ones."""
    asked = [one for one in stages if one.is_named and one.kind is EVAL]
    beside = {frozenset((two.first.name, two.second.name)) for two in arms_of(milestone, stages)}
    begins = {one.name: one.parent or one.init for one in stages if one.kind is TRAIN}
    found = [
        Pair(*two, compared)
        for two in combinations(asked, 2)
        if (compared := _compared(two[0], two[1], beside, begins)) is not None
    ]
    return tuple(found[:MAX_PAIRS])


def ancestors_of(stage: Stage, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """The trainings that the checkpoint of an evaluation comes from, the first one first."""
    named = {one.name: one for one in stages if one.is_named and one.kind is TRAIN}
    found: list[Stage] = []
    while stage.parent in named and stage not in found:
        stage = named[stage.parent]
        found.insert(0, stage)
    return tuple(found)


def _compared(
    first: Stage, second: Stage, beside: set[frozenset[str]], begins: dict[str, str]
) -> Compared | None:
    if first.init == second.init:
        return "prompts"
    if first.milestone.eval.data != second.milestone.eval.data:
        return None
    names = [one.init.removeprefix(OF_STAGE) for one in (first, second)]
    follows = begins.get(names[1]) == names[0] or begins.get(names[0]) == names[1]
    return "models" if follows or frozenset(names) in beside else None
