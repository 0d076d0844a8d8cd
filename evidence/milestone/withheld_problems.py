"""What keeps rows from being withheld, as far as the milestone alone tells.

Responsible for naming each setting by which rows of a private evaluation set would be told
elsewhere in the pack, or by which numbers are computed that a copy without rows cannot show. What
is withheld, and how, is `pack.commitments`'.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import Milestone
from evidence.stages.train import TRAIN

_WITH: Final = " cannot be combined with publish.withhold_rows: "


def withheld_problems(milestone: Milestone) -> Iterator[tuple[str, str]]:
    """(pointer, what is wrong), of a milestone that withholds rows."""
    if not milestone.publish.withhold_rows:
        return
    if milestone.given_train is not None:
        text = (
            "a training tells in its log and in inputs.json how its texts meet the first question. "
            "Evaluate in a milestone of its own: [model] pack = …"
        )
        yield "/train", f"[{TRAIN.name}]{_WITH}{text}"
    if milestone.given_eval is None:
        yield "/publish/withhold_rows", "withholds the answers of [eval], and there is none"
    else:
        yield from _of_evaluation(milestone)


def _of_evaluation(milestone: Milestone) -> Iterator[tuple[str, str]]:
    specs = [("/eval", milestone.eval)]
    for index, plan in enumerate(plan_attempts(milestone)):
        if plan.given_eval is not None and plan.given_eval != milestone.eval:
            specs.append((f"/attempt/{index}/eval", plan.given_eval))
    for place, spec in specs:
        if spec.group_by:
            text = "a score for each group tells of single rows, and so does a group's name"
            yield f"{place}/group_by", f"group_by{_WITH}{text}"
        if spec.functions:
            text = "what a function of yours prints and keeps is not known"
            yield f"{place}/functions", f"functions{_WITH}{text}"
    for name, data in milestone.data.items():
        if data.under_test is not None:
            text = "which row lacks its text under test is told by line"
            yield f"/data/{name}/under_test", f"under_test{_WITH}{text}"
