"""What the summary shows of rows that were packed into sequences: the first one, with its seams."""

from __future__ import annotations

from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.results.context import Context
from evidence.stages.train import STEPS, TRAIN
from evidence.text import formatting

SHOWN: Final = 20
"""Rows of the sequence."""


def packing_of(documents: Documents) -> dict[str, Any]:
    """Names and values for seen.md.j2; both empty where rows are not packed."""
    steps = documents.rows(STEPS)
    if not steps or not steps[0].packed:
        return {"first_sequence": "", "rows_apart": ""}
    first = steps[0].packed[0][0]
    pairs = list(zip(first.rows, first.tokens, strict=False))
    named = [
        f"row {formatting.count(row)} ({formatting.plural(tokens, 'token')})"
        for row, tokens in pairs[:SHOWN]
    ]
    more = " ┃ …" if len(pairs) > SHOWN else ""
    ran = Context(documents).stage_events("execution", TRAIN.name)
    apart = ran[-1].data.get("packing_difference") if ran else None
    return {
        "first_sequence": " ┃ ".join(named) + more,
        "rows_apart": "" if apart is None else formatting.scientific(apart),
    }
