"""Which stage each data set of a milestone belongs to, and what is told of it there. Pure.

Responsible for the one rule by which a run describes its data and by which they are counted again.
Reading rows is `read`'s, and what a set is asked against is `asked`'s.
"""

from __future__ import annotations

from msgspec.structs import replace

from evidence.records.milestone import Milestone
from evidence.stages.stage import stages_of


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
