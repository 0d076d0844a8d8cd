"""What the summary shows of the evaluations during a training.

Responsible for the names of training.md.j2 that are about them.
"""

from __future__ import annotations

import math
from typing import Any, Final

from evidence.render.values import Sheet
from evidence.results.context import Context
from evidence.results.validation import best_of, validations
from evidence.text import formatting, markdown

SHOWN_ROWS: Final = 100
"""Of the table in the summary; the journal has every one."""


def validation_of(context: Context, sheet: Sheet) -> dict[str, Any]:
    """Names and values; `validation_rows` is empty where nothing was measured."""
    if not sheet.has("train.validate_every_steps"):
        return {"validation_rows": (), "validation_data": "", "validation_every": ""}
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
        "validation_data": markdown.inline(context.train.validation_data),
    }
