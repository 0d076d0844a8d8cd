"""Runs too long for a pack to hold, refused before they have run for days. Pure.

Responsible for what follows from the numbers of rows and the settings alone.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence import limits
from evidence.records.inputs import DataRecord
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.records.training import TrainSpec
from evidence.rules import sampling
from evidence.rules.arithmetic import steps_per_epoch, total_steps
from evidence.running.fitting import Problem, rows_named

MAX_LOSS_ROWS: Final = 30_000
"""Rows of a loss table: with the scores of all groups, what results.json can hold."""
MAX_CHECKPOINTS: Final = 10_000
"""Of a run, named in its journal with their files."""


def problems(
    milestone: Milestone, plans: tuple[AttemptPlan, ...], data: Mapping[str, DataRecord]
) -> Iterator[Problem]:
    """The key to blame, what is wrong, and what to do."""
    yield from _of_plans(milestone, plans, data)
    yield from _of_lists(data)


def _of_plans(
    milestone: Milestone, plans: tuple[AttemptPlan, ...], data: Mapping[str, DataRecord]
) -> Iterator[Problem]:
    for index, plan in enumerate(plans):
        spec = plan.given_train
        taught = None if spec is None else data.get(spec.data)  # an evaluation alone has none
        found = () if spec is None or taught is None else _too_long(spec, taught.num_rows)
        for key, message, hint in found:
            own = key in milestone.attempts[index].train
            yield f"/attempt/{index}/train/{key}" if own else f"/train/{key}", message, hint
        if plan.given_eval is None:
            continue
        available, limit = data[plan.eval.data].num_rows, plan.eval.limit
        num_asked = available if limit is None else min(limit, available)
        if num_asked > limits.MAX_JSONL_LINES:
            text = f"asks for {num_asked} answers; a pack holds {limits.MAX_JSONL_LINES}"
            own = "limit" in milestone.attempts[index].eval
            pointer = f"/attempt/{index}/eval/limit" if own else "/eval/limit"
            yield pointer, text, f"Set it to {limits.MAX_JSONL_LINES} or less."


def _of_lists(data: Mapping[str, DataRecord]) -> Iterator[Problem]:
    """Data of which more rows must be named than inputs.json can hold."""
    most = sampling.MAX_ROWS_NAMED // max(1, len(data))
    for name, record in data.items():
        num_named = sum(map(len, rows_named(record)))
        if num_named > most:
            text = f"names {num_named} duplicate, conflicting or overlapping rows; a pack holds"
            hint = "Take them out of the data, or train on a part of them. Nothing was run."
            yield f"/data/{name}", f"{text} {most} of a data set", hint


def _too_long(spec: TrainSpec, num_rows: int) -> Iterator[tuple[str, str, str]]:
    """The key to blame, what is wrong, and what to do."""
    per_epoch = steps_per_epoch(num_rows, spec.batch_size, spec.gradient_accumulation)
    num_steps = total_steps(spec.epochs, per_epoch, spec.max_steps)
    if num_steps > limits.MAX_JSONL_LINES:
        key = "epochs" if spec.max_steps is None else "max_steps"
        text = f"asks for {num_steps} optimizer steps; a pack holds {limits.MAX_JSONL_LINES}"
        yield key, text, "Train in parts, or with larger batches."
    if spec.checkpoint_every_steps and num_steps // spec.checkpoint_every_steps > MAX_CHECKPOINTS:
        num_checkpoints = num_steps // spec.checkpoint_every_steps
        text = f"asks for {num_checkpoints} checkpoints; a journal holds {MAX_CHECKPOINTS}"
        least = -(-num_steps // MAX_CHECKPOINTS)
        yield "checkpoint_every_steps", text, f"Set it to {least} or more."
    if spec.validate_every_steps and num_steps // spec.validate_every_steps > MAX_CHECKPOINTS:
        num_measured = num_steps // spec.validate_every_steps
        text = f"asks for {num_measured} validation losses; a journal holds {MAX_CHECKPOINTS}"
        least = -(-num_steps // MAX_CHECKPOINTS)
        yield "validate_every_steps", text, f"Set it to {least} or more."
    num_losses = num_steps // spec.log_every_steps
    if num_losses > MAX_LOSS_ROWS:
        text = f"{num_steps} steps make a loss table of {num_losses} rows; it holds {MAX_LOSS_ROWS}"
        least = -(-num_steps // MAX_LOSS_ROWS)
        yield "log_every_steps", text, f"Set it to {least}: every step is in the evidence anyway."
