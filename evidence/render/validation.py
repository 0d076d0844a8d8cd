"""What the summary shows of the evaluations during a training.

Responsible for the names of training.md.j2 that are about them.
"""

from __future__ import annotations

import math
from typing import Any, Final

from evidence.render.values import Sheet
from evidence.results.context import Context
from evidence.results.validation import best_of, num_steps_planned, validations
from evidence.text import formatting, marked

SHOWN_ROWS: Final = 100
"""Of the table in the summary; the journal has every one."""


def _ends(context: Context, sheet: Sheet) -> str:
    """What is said of a training that may end by its losses, and of the weights that are kept."""
    words = []
    if sheet.has("validation.ended_early"):
        planned = num_steps_planned(context)
        patience = formatting.plural(context.train.early_stopping_patience, "loss", "losses")
        better = "better"
        if sheet.has("train.early_stopping_threshold"):
            better = f"smaller by more than {sheet.v('train.early_stopping_threshold')}"
        if sheet.raw("validation.ended_early") is True and planned is not None:
            words.append(
                f"Training ended early: {patience} in a row came that were not {better}; "
                f"{formatting.plural(planned, 'step')} were planned."
            )
        else:
            words.append(f"It would have ended early after {patience} in a row not {better}.")
    if sheet.has("train.keep_best") and sheet.has("validation.step_best"):
        step = sheet.v("validation.step_best")
        words.append(f"The final model has the weights after step {step}, the best ones.")
    return " ".join(words)


def validation_of(context: Context, sheet: Sheet) -> dict[str, Any]:
    """Names and values; `validation_rows` is empty where nothing was measured."""
    if not sheet.has("train.validate_every_steps"):
        return {"validation_rows": (), "validation_data": "", "validation_left_out": False}
    events = validations(context) if context.plan is not None else ()
    every = max(1, math.ceil(len(events) / SHOWN_ROWS))
    best = best_of(events) if events else None
    shown = [one for n, one in enumerate(events, 1) if n % every == 0 or one in (events[-1], best)]
    return {
        "validation_rows": tuple(
            (
                formatting.count(one.data["step"]),
                formatting.fixed(one.data["loss"]),
                "smallest" if one is best else "",
            )
            for one in shown
        ),
        "validation_left_out": len(shown) < len(events),
        "validation_ends": _ends(context, sheet),
        "validation_data": marked.inline(context.train.validation_data),
    }
