"""What is wrong with a milestone that has [train] or [eval] alone, as far as the file alone tells.

Responsible for settings of the one that is not there, which nothing would be done about, and for
[eval] dtype. What stages need is `stage_problems`'.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence.records.milestone import Milestone
from evidence.stages.eval import EVAL
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""


def table_problems(milestone: Milestone) -> Iterator[Problem]:
    """Every problem of a milestone that does not run a program."""
    given = {TRAIN.name: milestone.given_train, EVAL.name: milestone.given_eval}
    if not any(given.values()):
        yield "/", "the keys 'train' and 'eval' are missing: one of them, or both, say what is done"
        return
    for name in (one for one, table in given.items() if table is None):
        for index, attempt in enumerate(milestone.attempts):
            if getattr(attempt, name):
                yield f"/attempt/{index}/{name}", f"the milestone has no [{name}]"
    if milestone.given_train is None:
        return
    for place in _own_dtypes(milestone):
        yield place, "is of a milestone that trains nothing: what is trained keeps [train] dtype"


def _own_dtypes(milestone: Milestone) -> Iterator[str]:
    if milestone.given_eval is not None and milestone.eval.dtype is not None:
        yield "/eval/dtype"
    tables = (
        *((f"/attempt/{n}", one.eval) for n, one in enumerate(milestone.attempts)),
        *((f"/stage/{n}", one.eval) for n, one in enumerate(milestone.stage)),
    )
    yield from (f"{place}/eval/dtype" for place, table in tables if "dtype" in table)
