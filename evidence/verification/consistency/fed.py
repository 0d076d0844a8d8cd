"""Checks on what recorded steps were fed: which rows, in which order, and how far padded.

Responsible for the rule by which a seed draws the rows of a step. That they are the rows of the
step's row stream, and possible ones, is checked in `seen`.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from evidence import layout
from evidence.backends.row_order import MAX_ROWS, rows_of_step
from evidence.records.inputs import SeenBatch
from evidence.records.run import StepRow
from evidence.rules.ranks import share
from evidence.stages.train import SEEN, STEPS, TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import OUR_BACKENDS, TUNIX
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError

check = partial(registry.check, kind=TRAIN.name)

MAX_DRAWN: Final = 200_000
"""Rows of all epochs that are drawn anew: past it the time for it would be no longer short."""


def _is_ours(evidence: Evidence) -> bool:
    """Another backend feeds rows in an order of its own."""
    plan = evidence.context.plan
    return plan is None or plan.backend in OUR_BACKENDS


@check("seen-fed", "recorded steps were fed the rows that the seed draws for them", asked=_is_ours)
def seen_fed(evidence: Evidence) -> Problems:
    """The rows of each recorded step are those that the seed of the training draws for it, in that
    order (backends/row_order.py); of a step that is recorded in part, its last ones. Of a step that
    is recorded whole, tokens fed are the rows of each forward pass times the longest of them, where
    a pass pads to that. Exact. The order is not checked where more than 200,000 rows of all epochs
    would have to be drawn."""
    steps = {row.step: row for row in evidence.documents.rows(STEPS)}
    seen = need(evidence.documents.document(SEEN), "seen.json is not there")
    recorded = tuple(
        (f"{layout.SEEN}#/batches/{index}/rows", batch, steps[batch.step])
        for index, batch in enumerate(seen.batches)
        if batch.step in steps
    )
    for place, batch, row in recorded:
        if batch.stream_before is None:
            yield from _padded(evidence, place, batch, row)
    train = evidence.plan.train
    num_rows = evidence.rows_of(train.data)
    per_step = train.batch_size * train.gradient_accumulation
    epochs = {(batch.step - 1) // -(-num_rows // per_step) for _, batch, _ in recorded}
    if num_rows >= MAX_ROWS or num_rows * len(epochs) > MAX_DRAWN:
        text = f"the order of {num_rows} rows in {len(epochs)} epochs is not drawn anew"
        raise CannotCheckError(text)
    for place, batch, _ in recorded:
        drawn = rows_of_step(batch.step, num_rows, per_step, train.seed)
        found = [row.source_row for row in batch.rows]
        if batch.stream_before is not None:
            drawn = drawn[-len(found) :] if found else ()
        text = f"not the rows that the seed {train.seed} draws for this step, in their order"
        yield from differs(place, text, list(drawn), found)


def _padded(evidence: Evidence, place: str, batch: SeenBatch, row: StepRow) -> Problems:
    ran = {one.data["segment"]: one.data for one in evidence.events("execution", TRAIN.name)}
    execution = ran.get(row.segment, {})
    if not execution or evidence.plan.backend == TUNIX or evidence.plan.train.packing:
        return  # padded to other lengths, or not at all: `padding-widths`, `training-tokens`
    world, at_once = execution.get("processes", 1), execution["rows_per_forward"]
    lengths = [len(one.ids) for one in batch.rows]
    passes = [one for rank in range(world) for one in share(lengths, rank, world, at_once)]
    if not all(passes):
        return  # a process that has no row left is fed a filler
    fed = sum(len(one) * max(one) for one in passes)
    text = f"step {batch.step} is said to have been fed another number of tokens than these rows"
    yield from differs(place, text, row.num_fed_tokens, fed)
