"""The table of the stages of a run: one row each, and what they amount to.

Responsible for its cells. Each number is the one that results.json has of the stage; a mean loss
and a loss at the end stand in columns of their own, since they are no two of one kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.render.values import Sheet
from evidence.results.stage_totals import TOTALS
from evidence.stages.stage import BASE, Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.text import formatting, markdown

_TRAINED: Final = ("num_samples", "epochs", "num_steps", "loss_mean", "loss_end", "runtime_s")


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for the table of summary.md.j2; empty lists where stages have no folders."""
    stages = [one for one in stages_of(documents.milestone) if one.is_named]
    trained = [_trained(one, sheet) for one in stages if one.kind is TRAIN]
    evaluated = [_evaluated(one, sheet) for one in stages if one.kind is not TRAIN]
    return {
        "trained_stages": trained,
        "evaluated_stages": evaluated,
        "how_many_stages": ", ".join(
            formatting.plural(len(rows), one)
            for rows, one in ((trained, "training stage"), (evaluated, "evaluation"))
            if rows
        ),
        "several_trained": len(trained) > 1,
        "several_evaluated": len(evaluated) > 1,
        "finished_stages": ", ".join(_finished(documents, stages)),
        "stage_totals": {
            name.replace(".", "_"): sheet.v(f"stages.{name}")
            for _, name, _ in TOTALS
            if f"stages.{name}" in sheet.values
        },
    }


def _finished(documents: Documents, stages: Sequence[Stage]) -> Iterator[str]:
    """Stages that came to their end in the last attempt, as the journal tells."""
    events = [one for one in documents.journal if one.attempt is not None]
    last = [one for one in events if one.attempt == events[-1].attempt]
    ended = {one.data.get("stage") for one in last if one.event == "stage-finished"}
    yield from (markdown.inline(one.name) for one in stages if one.name in ended)


def _from(stage: Stage) -> str:
    if stage.init == BASE:
        return "the model of the milestone"
    return f"stage {markdown.inline(stage.parent)}" if stage.parent else markdown.code(stage.init)


def _trained(stage: Stage, sheet: Sheet) -> dict[str, str]:
    cells = {key: sheet.v(stage.value(f"train.{key}")) for key in _TRAINED}
    data = markdown.inline(stage.milestone.train.data)
    return {"name": markdown.inline(stage.name), "from": _from(stage), "data": data, **cells}


def _evaluated(stage: Stage, sheet: Sheet) -> dict[str, Any]:
    scores = [
        (markdown.inline(name), sheet.v(stage.value(f"eval.{name}.rate")))
        for name in stage.milestone.eval.all_scorers
    ]
    return {
        "name": markdown.inline(stage.name),
        "of": _from(stage),
        "data": markdown.inline(stage.milestone.eval.data),
        "num_examples": sheet.v(stage.value("eval.num_examples")),
        "scores": scores,
    }
