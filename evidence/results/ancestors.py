"""Questions of an evaluation that its checkpoint, or one before it, was trained on. Pure.

Responsible for the counts. Which rows they are stands in the inputs of the evaluation's stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.results.context import Context, Values, at, known, unknown
from evidence.stages.arms import ancestors_of
from evidence.stages.eval import EVAL
from evidence.stages.stage import stages_of

NOT_RECORDED: Final = Unavailable("its inputs do not say")


def ancestor_values(context: Context, views: Mapping[str, Context]) -> Values:
    """EVALUATION.eval.seen.TRAINING.num_questions, and how many of them exactly."""
    stages = stages_of(context.documents.milestone)
    for stage in stages:
        if stage.kind is not EVAL:
            continue
        view = views[stage.name]
        for ancestor in ancestors_of(stage, stages):
            found = _found(view, ancestor.name)
            place = at(stage.path(layout.INPUTS), "ancestors", ancestor.name)
            for key in ("num_questions", "num_exact"):
                name = stage.value(f"eval.seen.{ancestor.in_names}.{key}")
                if isinstance(found, Unavailable):
                    yield name, unknown(found.reason, "questions", place, "count-distinct")
                else:
                    count = len(found.exact) if key == "num_exact" else len(seen_rows(found))
                    yield name, known(count, "questions", place, "count-distinct")


def seen_rows(found: SeenQuestions) -> tuple[int, ...]:
    """Rows of the evaluation that are met by any of the measures."""
    return tuple(sorted({*found.exact, *found.normalised, *found.ngram}))


def _found(view: Context, name: str) -> SeenQuestions | Unavailable:
    if view.plan is None:
        return Unavailable(view.why_not)
    return view.documents.inputs.ancestors.get(name, NOT_RECORDED)
