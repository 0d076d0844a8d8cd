"""What the summary shows of training: the loss table.

Responsible for the names of training.md.j2 beside the values themselves. The plot is `plot`'s.
"""

from __future__ import annotations

import math
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.run import IntervalRow, JournalEvent
from evidence.records.training import OPTIONS
from evidence.render.ranks import ranks_of
from evidence.render.validation import validation_of
from evidence.render.values import Sheet
from evidence.results.context import Context
from evidence.stages.train import ADAPTER, TRAIN
from evidence.text import formatting, marked

OTHER_LOSS: Final = 1e-4
"""Relative. What differs by less is rounding."""
_EXTRA: Final = "train.extra."
SHOWN_LOSS_ROWS: Final = 200
"""Of the loss table in the summary; results.json has every row."""


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for training.md.j2."""
    context = Context(documents)
    table = () if documents.results is None else documents.results.loss_table
    return {
        "loss_table": loss_rows(table),
        "probes": documents.milestone.given_eval is not None,
        "one_interval": len(table) == 1,
        "loss_rows_left_out": rows_left_out(table),
        "weights_sampled": sheet.number("train.weights_compared_every") > 1,
        "ran": _ran(
            context.stage_events("execution", TRAIN.name),
            context.stage_events("schedule", TRAIN.name),
        ),
        "compiled": bool(context.stage_events("compilation", TRAIN.name)),
        "widths": _widths(context.stage_events("execution", TRAIN.name)),
        "own_loss": _own_loss(context.stage_events("loss", TRAIN.name)),
        "options": _options(sheet),
        "extra": _extra(sheet),
        "lora": _lora(documents, sheet),
        "stayed": _stayed(documents),
        "merged": sheet.raw("train.lora.merge") is True,
        "other_loss": _other_loss(sheet),
        **validation_of(context, sheet),
        **ranks_of(context),
    }


def _options(sheet: Sheet) -> str:
    """Settings that few milestones have, by their names there: those that are not at their
    default."""
    found = (name for name in OPTIONS if sheet.has(f"train.{name}"))
    return ", ".join(f"`{name}` {sheet.v(f'train.{name}')}" for name in found)


def _extra(sheet: Sheet) -> str:
    """Arguments of [train.extra], by their names in TrainingArguments."""
    names = [name for name in sheet.values if name.startswith(_EXTRA)]
    return ", ".join(
        f"{marked.code(name.removeprefix(_EXTRA))} {sheet.v(name, 'shortest')}" for name in names
    )


def _stayed(documents: Documents) -> bool:
    """Whether the model beside an adapter has one digest before and after."""
    record = documents.document(ADAPTER)
    return record is not None and record.base_start_sha256 == record.base_end_sha256


def _lora(documents: Documents, sheet: Sheet) -> str:
    """The targets of LoRA as the milestone names them, and how its product is scaled."""
    plan = Context(documents).plan
    spec = None if plan is None or plan.given_train is None else plan.given_train.lora
    if spec is None:
        return ""
    targets = spec.target_modules
    names = (targets,) if isinstance(targets, str) else targets
    scaled = "; scaled by the root of the rank" if sheet.raw("train.lora.use_rslora") else ""
    model = documents.inputs.model
    form = None if isinstance(model, Unavailable) else model.quantised
    beside = "" if form is None else f"; its model in 4 bit, {marked.code(form)}"
    return f", {', '.join(map(marked.code, names))}{scaled}{beside}"


def _other_loss(sheet: Sheet) -> str:
    """What is said where the losses of training are no plain cross entropy of the model."""
    words = []
    if sheet.has("train.label_smoothing"):
        share = sheet.v("train.label_smoothing")
        words.append(
            "The losses of training are smoothed, and not comparable with others: of each target "
            f"token 1 − {share} of its own negative log-likelihood, and {share} of the mean of "
            "those of the whole vocabulary. The evaluation loss is not."
        )
    if sheet.has("train.neftune_noise_alpha"):
        words.append(
            "Noise was added to the embeddings in training: its losses are of the model with the "
            "noise, the evaluation loss of the model without it."
        )
    return " ".join(words)


def _ran(events: tuple[JournalEvent, ...], schedules: tuple[JournalEvent, ...]) -> str:
    """How the rows of a step went through the model, which need not be how they are stated: a step
    has no more rows than there are."""
    if not events:
        return "; how they were run is not recorded"
    ran = events[-1].data
    num_rows, num_passes = ran["rows_per_forward"], ran["accumulation"]
    if schedules:
        there = schedules[-1].data["num_rows"]
        num_rows, num_passes = min(num_rows, there), min(num_passes, -(-there // num_rows))
    rows, passes = formatting.count(num_rows), formatting.count(num_passes)
    words = f", run as {rows} × {passes} on {marked.inline(ran['device'])}"
    processes = ran.get("processes", 1)
    if processes > 1:
        return f"{words} in each of {formatting.count(processes)} processes"
    if ran["num_devices"] > 1:
        words += f", one of {formatting.count(ran['num_devices'])} that it could have used"
    return words


def _widths(events: tuple[JournalEvent, ...]) -> str:
    """The lengths that rows were padded to, in words; empty where they are not fixed."""
    widths = [formatting.count(one) for one in events[-1].data.get("widths", ())] if events else []
    return " or ".join((", ".join(widths[:-1]), widths[-1]) if len(widths) > 1 else widths)


def _own_loss(events: tuple[JournalEvent, ...]) -> str:
    """What is said where the model's class has another loss than the one that was used."""
    other = [
        one.data
        for one in events
        if one.data["framework"] is not None
        and abs(one.data["framework"] - one.data["ours"]) > OTHER_LOSS * abs(one.data["ours"])
    ]
    if not other:
        return ""
    first = other[0]
    return (
        "The model's class has a loss of its own, which was not used: for the first rows of step "
        f"{formatting.count(first['step'])} it gives {formatting.fixed(first['framework'])}, where "
        "the cross entropy over the step's target tokens, which was used, is "
        f"{formatting.fixed(first['ours'])}."
    )


def _every(table: tuple[IntervalRow, ...]) -> int:
    """Of how many rows of the loss table one is shown."""
    return max(1, math.ceil(len(table) / SHOWN_LOSS_ROWS))


def rows_left_out(table: tuple[IntervalRow, ...]) -> dict[str, str] | None:
    """What the summary says where it does not show the whole table."""
    every = _every(table)
    if every == 1:
        return None
    return {
        "every": formatting.count(every),
        "count": formatting.count(len(table)),
    }


def loss_rows(table: tuple[IntervalRow, ...]) -> list[tuple[str, str, str, str]]:
    """The rows of a short table; of a long one every n-th, and the last."""
    every = _every(table)
    shown = list(table[every - 1 :: every])
    if shown and shown[-1] is not table[-1]:
        shown.append(table[-1])
    return [
        (
            formatting.count(row.step),
            formatting.fixed(row.loss),
            "–" if row.learning_rate is None else formatting.scientific(row.learning_rate),
            "–" if row.epoch is None else formatting.fixed(row.epoch),
        )
        for row in shown
    ]
