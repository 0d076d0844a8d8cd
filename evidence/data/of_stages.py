"""Which stage each data set of a milestone belongs to, and which a checkpoint was taught. Pure.

Responsible for the rules by which a run describes its data and by which they are counted again.
Reading rows is `read`'s, and what a set is asked against is `asked`'s.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from evidence.records.availability import Unavailable
from evidence.records.milestone import Milestone
from evidence.rules.questions import Question, Questions
from evidence.stages.arms import chain_of
from evidence.stages.pack_init import PackInit, init_of
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN


def homes_of(milestone: Milestone) -> dict[str, Milestone]:
    """The milestone to describe each data set by: where there are stages, that of the first which
    takes it, with all rows of the set; without an evaluation where none takes it."""
    if not milestone.is_staged:
        return dict.fromkeys(milestone.data, milestone)
    found: dict[str, Milestone] = {}
    for stage in stages_of(milestone):
        for name in stage.milestone.data.keys() - found.keys():
            data = {**stage.milestone.data, name: milestone.data[name]}
            found[name] = replace(stage.milestone, data=data)
    nowhere = replace(milestone, given_eval=None)
    return {name: found.get(name, nowhere) for name in milestone.data}


def trainings_of_pack(one: PackInit, milestone: Milestone) -> tuple[Stage, ...]:
    """The trainings that a checkpoint of another pack comes from, the first one first. Raises
    StopIteration where the pack has no such stage."""
    stages = stages_of(milestone)
    last = next(s for s in stages if s.kind is TRAIN and s.name == (one.stage or TRAIN.name))
    return chain_of(last, stages)


def questions_of_pack(
    one: PackInit, milestone: Milestone, of_stage: Callable[[Stage], Questions]
) -> Questions:
    """What every training asked that the checkpoint of another pack comes from, by what each did.

    Unavailable where some of it is not known: of what was not looked at nothing is told.
    """
    chain = trainings_of_pack(one, milestone)
    found: list[Question] = []
    for stage in chain:
        own = of_stage(stage)
        if isinstance(own, Unavailable):
            return own
        found += own
    if init_of(chain[0].milestone.given_model) is not None:
        return Unavailable(f"{one.pack} begins from another pack, whose data were not looked at")
    return tuple(found)
