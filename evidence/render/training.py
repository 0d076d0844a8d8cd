"""What the summary shows of training: the loss table.

Responsible for the names of training.md.j2 beside the values themselves. The plot is `plot`'s.
"""

from __future__ import annotations

import math
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.records.run import IntervalRow
from evidence.render.values import Sheet
from evidence.text import formatting

SHOWN_LOSS_ROWS: Final = 200
"""Of the loss table in the summary; results.json has every row."""


def view(documents: Documents, sheet: Sheet) -> dict[str, Any]:
    """Names and values for training.md.j2."""
    del sheet
    table = () if documents.results is None else documents.results.loss_table
    return {"loss_table": _loss_rows(table), "loss_rows_left_out": _rows_left_out(table)}


def _every(table: tuple[IntervalRow, ...]) -> int:
    """Of how many rows of the loss table one is shown."""
    return max(1, math.ceil(len(table) / SHOWN_LOSS_ROWS))


def _rows_left_out(table: tuple[IntervalRow, ...]) -> dict[str, str] | None:
    """What the summary says where it does not show the whole table."""
    every = _every(table)
    if every == 1:
        return None
    return {
        "every": formatting.count(every),
        "count": formatting.count(len(table)),
    }


def _loss_rows(table: tuple[IntervalRow, ...]) -> list[tuple[str, str, str, str]]:
    """The rows of a short table; of a long one every n-th, and the last."""
    every = _every(table)
    shown = list(table[every - 1 :: every])
    if shown and shown[-1] is not table[-1]:
        shown.append(table[-1])
    return [
        (
            formatting.count(row.step),
            formatting.fixed(row.loss),
            formatting.scientific(row.learning_rate),
            formatting.fixed(row.epoch),
        )
        for row in shown
    ]
