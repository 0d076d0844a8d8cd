"""The table of the stages of a run: one row each, and what they amount to.

Responsible for its cells. Each number is the one that results.json has of the stage; a mean loss
and a loss at the end stand in columns of their own, since they are no two of one kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from evidence.pack import lost
from evidence.pack.documents import Documents
from evidence.records.run import JournalEvent
from evidence.render.values import Sheet
from evidence.results.stage_totals import TOTALS
from evidence.stages.stage import BASE, Stage, stages_of
from evidence.stages.train import TRAIN
from evidence.text import formatting, marked

_TRAINED: Final = ("num_samples", "epochs", "num_steps", "loss_mean", "loss_end", "runtime_s")

OF_LOSS: Final = {
    "label_smoothing": "label smoothing",
    "neftune_noise_alpha": "noise on embeddings",
}
"""Settings by which a loss is of another function, in words."""


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
        "other_losses": _other_losses([one for one in stages if one.kind is TRAIN]),
        "several_evaluated": len(evaluated) > 1,
        "finished_stages": ", ".join(_finished(documents, stages)),
        **_ends(documents, stages),
        "stage_totals": {
            name.replace(".", "_"): sheet.v(f"stages.{name}")
            for _, name, _ in TOTALS
            if f"stages.{name}" in sheet.values
        },
    }


def _other_losses(stages: Sequence[Stage]) -> str:
    """Stages whose losses are of another function than those of other stages, each with why; empty
    where all losses are of one function."""
    settings = [{key: getattr(one.milestone.train, key) for key in OF_LOSS} for one in stages]
    if all(one == settings[0] for one in settings):
        return ""
    found = []
    for stage, own in zip(stages, settings, strict=True):
        words = [OF_LOSS[key] for key, value in own.items() if value]
        if words:
            found.append(f"{marked.inline(stage.name)} (with {' and '.join(words)})")
    return ", ".join(found)


def _ends(documents: Documents, stages: Sequence[Stage]) -> dict[str, Any]:
    """What became of each stage in the last attempt of a run that failed; nothing of another."""
    own = _of_last_attempt(documents)
    completed = any(one.data.get("outcome") == "completed" for one in own)
    if not own or completed or lost.damaged_in(documents.journal) is not None:
        return {"stage_ends": [], "last_attempt": ""}
    rows = [
        {
            "name": marked.inline(one.name),
            "from": _from(one),
            "data": marked.inline(_data_of(one)),
            "end": _end_of(one, own),
        }
        for one in stages
    ]
    return {"stage_ends": rows, "last_attempt": marked.inline(str(own[0].attempt))}


def _of_last_attempt(documents: Documents) -> list[JournalEvent]:
    events = [one for one in documents.journal if one.attempt is not None]
    return [one for one in events if one.attempt == events[-1].attempt]


def _data_of(stage: Stage) -> str:
    settings = stage.milestone.train if stage.kind is TRAIN else stage.milestone.eval
    return settings.data


def _end_of(stage: Stage, events: Sequence[JournalEvent]) -> str:
    own = [one for one in events if one.data.get("stage") == stage.name]
    if any(one.event == "stage-finished" for one in own):
        return "came to its end"
    if not any(one.event == "stage-started" for one in own):
        return "never began"
    if not stage.kind.resumes:
        return "began and did not come to its end"
    saved = [one.data["step"] for one in own if one.event == "checkpoint"]
    last = f"last checkpoint after step {saved[-1]}" if saved else "it had no checkpoint"
    return f"began and did not come to its end; {last}"


def _finished(documents: Documents, stages: Sequence[Stage]) -> Iterator[str]:
    """Stages that came to their end in the last attempt, as the journal tells."""
    last = _of_last_attempt(documents)
    ended = {one.data.get("stage") for one in last if one.event == "stage-finished"}
    yield from (marked.inline(one.name) for one in stages if one.name in ended)


def _from(stage: Stage) -> str:
    if stage.init == BASE:
        return "the model of the milestone"
    return f"stage {marked.inline(stage.parent)}" if stage.parent else marked.code(stage.init)


def _trained(stage: Stage, sheet: Sheet) -> dict[str, str]:
    cells = {key: sheet.v(stage.value(f"train.{key}")) for key in _TRAINED}
    data = marked.inline(stage.milestone.train.data)
    return {"name": marked.inline(stage.name), "from": _from(stage), "data": data, **cells}


def _evaluated(stage: Stage, sheet: Sheet) -> dict[str, Any]:
    scores = [
        (marked.inline(name), sheet.v(stage.value(f"eval.{name}.rate")))
        for name in stage.milestone.eval.all_scorers
    ]
    scores += [
        (f"{marked.inline(name)} (mean)", sheet.v(stage.value(f"eval.{name}.mean")))
        for name in stage.milestone.eval.measured
    ]
    return {
        "name": marked.inline(stage.name),
        "of": _from(stage),
        "data": marked.inline(stage.milestone.eval.data),
        "num_examples": sheet.v(stage.value("eval.num_examples")),
        "scores": scores,
    }
