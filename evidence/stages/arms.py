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
from evidence.stages.pack_init import init_of
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


class Ancestor(Record):
    """A training that a checkpoint comes from: a stage of this milestone, or another pack."""

    name: str
    """Of the stage; of another pack what stands for it: `pack:runs/M45#C`."""
    in_names: str
    """What names of values have for it."""
    stage: Stage | None
    """None: it is another pack, with all that this one's checkpoint comes from."""


def ancestors_of(stage: Stage, stages: Sequence[Stage]) -> tuple[Ancestor, ...]:
    """What the checkpoint of an evaluation comes from, the first one first."""
    chain = chain_of(stage, stages)
    trained = [Ancestor(one.name, one.name, one) for one in chain if one.kind is TRAIN]
    other = init_of(chain[0].milestone.given_model)
    return (*(() if other is None else (Ancestor(other.init, other.in_names, None),)), *trained)


def asks_after_trainings(milestone: Milestone) -> bool:
    """Whether what an evaluation asks is held against trainings before: those of other stages, or,
    without [[stage]], those of the pack whose checkpoint the training begins from. The training
    data of the one stage itself are described beside it."""
    begins_at_pack = init_of(milestone.given_model) is not None
    return milestone.is_staged or (begins_at_pack and milestone.given_eval is not None)


def chain_of(stage: Stage, stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """A stage behind those that its checkpoint comes from, the first one first."""
    named = {one.name: one for one in stages if one.is_named and one.kind is TRAIN}
    found = [stage]
    while found[0].parent in named and named[found[0].parent] not in found:
        found.insert(0, named[found[0].parent])
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
