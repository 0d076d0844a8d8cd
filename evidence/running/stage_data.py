"""The data of a milestone as a whole, and as each of its stages takes them.

Responsible for asking each set against the evaluation that it meets. What is told of a set is
`data.read`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from evidence.data.read import describe_data
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.stages.stage import stages_of


def home_of(milestone: Milestone, name: str) -> Milestone:
    """The milestone to describe a data set by: where there are stages, that of the first which
    takes it, with all rows of the set."""
    if not milestone.is_staged:
        return milestone
    for stage in stages_of(milestone):
        if name in stage.milestone.data:
            data = {**stage.milestone.data, name: milestone.data[name]}
            return replace(stage.milestone, data=data)
    return replace(milestone, given_eval=None)


def data_of_stages(root: Path, milestone: Milestone) -> Mapping[str, Mapping[str, DataRecord]]:
    """The data of each stage that has a folder of its own. Raises as `describe_data` does."""
    return {
        stage.name: {
            name: describe_data(root, name, stage.milestone) for name in stage.milestone.data
        }
        for stage in stages_of(milestone)
        if stage.is_named
    }
