"""The data of a milestone as a whole, and as each of its stages takes them.

Responsible for asking each set against the evaluation that it meets. What is told of a set is
`data.read`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TypeAlias

from evidence import layout
from evidence.data import asked
from evidence.data.read import describe_data, load_data
from evidence.errors import MilestoneError
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.rules.questions import Questions, questions_seen
from evidence.running.lineage import questions_taught
from evidence.running.place import Where
from evidence.stages.arms import ancestors_of
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.text import templating

Ancestors: TypeAlias = dict[str, SeenQuestions | Unavailable]


def ancestors_of_stages(
    root: Path, milestone: Milestone, of_packs: Mapping[str, Questions]
) -> Mapping[str, Ancestors]:
    """Of each evaluation, by the name of its stage: which of its questions the trainings before its
    checkpoint were fed. `of_packs`: what those of other packs asked, by `pack:…`. Raises as
    `load_data` does."""
    stages = stages_of(milestone)
    found: dict[str, Ancestors] = {}
    for stage in stages:
        before = ancestors_of(stage, stages) if stage.kind is EVAL else ()
        taught = {
            one.name: of_packs[one.name]
            if one.stage is None
            else questions_taught(root, one.stage.milestone)
            for one in before
        }
        if before:
            found[stage.name] = questions_seen(_asked(root, stage), taught)
    return found


def _asked(root: Path, stage: Stage) -> Questions:
    """What an evaluation asks: the rows that it takes."""
    spec = stage.milestone.eval
    of_data = stage.milestone.data[spec.data]
    data = load_data(root, spec.data, of_data)
    return asked.of_evaluation(spec, of_data, data, templating.compile_text)


def data_of_stages(
    root: Path, milestone: Milestone, where: Where
) -> Mapping[str, Mapping[str, DataRecord]]:
    """The data of each stage that has a folder of its own. Raises as `describe_data` does, and
    says of which stage."""
    return {
        stage.name: _described(root, stage, where)
        for stage in stages_of(milestone)
        if stage.is_named
    }


def _described(root: Path, stage: Stage, where: Where) -> Mapping[str, DataRecord]:
    own = stage.milestone
    try:
        return {name: describe_data(root, name, own) for name in own.data}
    except MilestoneError as error:
        pointer = f"/{layout.STAGE}/{stage.index}" if stage.index is not None else "/seeds"
        text = f"stage {stage.name}: {error.message}"
        raise where.error(pointer, text, error.hint) from error
