"""What the summary shows of rows that were packed into sequences: the first one, with its seams."""

from __future__ import annotations

from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.results.context import Context
from evidence.results.packing import most_apart
from evidence.stages.train import STEPS, TRAIN
from evidence.text import formatting

SHOWN: Final = 20
"""Rows of the sequence."""


def packing_of(documents: Documents) -> dict[str, Any]:
    """Names and values for seen.md.j2; all empty where rows are not packed. `rows_apart`: how far
    the logits of the rows that were tried moved at most; `are_apart`: whether by rounding alone."""
    steps = documents.rows(STEPS)
    if not steps or not steps[0].packed:
        return {"first_sequence": "", "rows_apart": "", "are_apart": False}
    first = steps[0].packed[0][0]
    pairs = list(zip(first.rows, first.tokens, strict=False))
    named = [
        f"row {formatting.count(row)} ({formatting.plural(tokens, 'token')})"
        for row, tokens in pairs[:SHOWN]
    ]
    more = " ┃ …" if len(pairs) > SHOWN else ""
    context = Context(documents)
    ran = context.stage_events("execution", TRAIN.name)
    tried = [event.data.get("packing_difference") for event in ran]
    found = [one for one in tried if one is not None]
    is_told = bool(found) and len(found) == len(tried) and context.plan is not None
    return {
        "first_sequence": " ┃ ".join(named) + more,
        "rows_apart": formatting.scientific(max(found)) if is_told else "",
        "are_apart": is_told and max(found) <= most_apart(documents, context.train),
    }
