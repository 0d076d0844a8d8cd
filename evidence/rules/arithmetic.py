"""The arithmetic of a training run: steps, epochs, learning rates, means, throughput, FLOPs.

Responsible for the formulas of docs/arithmetic.md, each one a pure function that `results`
computes from and `verification.consistency` recomputes with. Knows nothing of files, records
or tolerances.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from evidence.records.record import Record
from evidence.records.training import Schedule

FLOPS_PER_PARAMETER_AND_TOKEN: Final = 6
"""Two for the forward pass, four for the backward pass (Kaplan et al. 2020, section 2.1)."""

POLYNOMIAL_END: Final = 1e-7
"""The rate that `polynomial` falls to (`lr_end` of transformers), along a line (`power` = 1)."""
_INVERSE_SQRT_SCALE: Final = 10_000
"""Of `inverse_sqrt` without warm-up; with one, its steps are the scale."""


def micro_batches(num_rows: int, batch_size: int, world: int = 1) -> int:
    """Micro-batches of one epoch: m = ceil(N / (b·w)); the last one may be smaller."""
    return -(-num_rows // (batch_size * world))


def steps_per_epoch(num_rows: int, batch_size: int, accumulation: int, world: int = 1) -> int:
    """Optimizer steps of one epoch: u = ceil(m / g); the last, shorter accumulation counts.

    Source: `Trainer.set_initial_training_values` of transformers 5.
    """
    return -(-micro_batches(num_rows, batch_size, world) // accumulation)


def total_steps(epochs: float, updates_per_epoch: int, max_steps: int | None = None) -> int:
    """Optimizer steps of the run: max_steps where given, else T = ceil(E·u)."""
    return max_steps if max_steps is not None else math.ceil(epochs * updates_per_epoch)


def epoch_after_step(
    step: int, num_rows: int, batch_size: int, accumulation: int, world: int = 1
) -> float:
    """Epochs done after optimizer step `step` (from 1): whole epochs + min(s·g, m) / m.

    It follows the milestone's micro-batches, not how a worker grouped rows. 0.0 before step 1.
    """
    if step < 1:
        return 0.0
    batches = micro_batches(num_rows, batch_size, world)
    updates = -(-batches // accumulation)
    whole, within = divmod(step - 1, updates)
    return whole + min((within + 1) * accumulation, batches) / batches


def warm_up(total: int, steps: int, ratio: float = 0.0) -> int:
    """Steps of warm-up: W = `steps` where there are any, else ceil(T·ratio).

    The product is rounded once, in double precision, before it is rounded up, so that 100 · 0.07
    gives 8. Source: `TrainingArguments.get_warmup_steps` of transformers 5.
    """
    return steps or math.ceil(total * ratio)


def learning_rate_used(
    step: int, total: int, base: float, schedule: Schedule, warmup: int = 0
) -> float:
    """The rate that optimizer step `step` (from 1) of `total` multiplied its update with.

    base · factor(s − 1), with the factors of transformers/optimization.py (LambdaLR, closed form):
    while s − 1 < W: (s − 1)/W; then linear (T − (s − 1))/(T − W), cosine
    (1 + cos(π·(s − 1 − W)/(T − W)))/2, polynomial the same line as linear, but down to 1e-7,
    inverse_sqrt √(W/(s − 1)), or √(10000/(s − 1 + 10000)) without warm-up, constant 1. `constant`
    knows no warm-up.
    """
    done = step - 1
    if schedule == "constant":
        return base
    if done < warmup:
        return base * (done / max(1, warmup))
    if schedule == "constant_with_warmup":
        return base
    if schedule == "linear":
        return base * max(0.0, (total - done) / max(1, total - warmup))
    if schedule == "inverse_sqrt":
        scale = warmup or _INVERSE_SQRT_SCALE
        return base * (1.0 / math.sqrt((done + scale - warmup) / scale))
    if schedule == "polynomial":
        remaining = max(0.0, 1 - (done - warmup) / max(1, total - warmup))
        return (base - POLYNOMIAL_END) * remaining + POLYNOMIAL_END
    progress = (done - warmup) / max(1, total - warmup)
    # num_cycles = 0.5 in transformers: one fall from the peak to zero.
    return base * max(0.0, 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * progress)))


class Interval(Record):
    """Steps `first` to `last` (from 1, both included), logged together at `last`."""

    first: int
    last: int


def log_intervals(num_steps: int, every: int) -> tuple[Interval, ...]:
    """The complete logging intervals of a run. Steps after the last log are in none."""
    return tuple(Interval(last - every + 1, last) for last in range(every, num_steps + 1, every))


def num_steps_after_last_log(num_steps: int, every: int) -> int:
    """Steps that no interval holds: T mod k."""
    return num_steps % every


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean from the correctly rounded sum. Raises ZeroDivisionError when empty.

    The logged loss at a step is the mean of the steps since the last log; the mean train loss is
    the mean of all step losses, over all segments (never the framework's, which divides the sum
    of a resumed part by all steps).
    """
    try:
        return math.fsum(values) / len(values)
    except OverflowError:
        return math.fsum(value / len(values) for value in values)


def training_flops(num_parameters: int, num_embedding_parameters: int, num_fed_tokens: int) -> int:
    """FLOPs as transformers reports them: 6 · (parameters − embedding tables) · tokens fed.

    All tables: of positions and token types too. Tokens fed include padding. Source:
    `Trainer.floating_point_ops` of transformers 5.
    """
    body = num_parameters - num_embedding_parameters
    return FLOPS_PER_PARAMETER_AND_TOKEN * body * num_fed_tokens


def padding_share(num_tokens: int, num_fed_tokens: int) -> float:
    """Share of the tokens in the tensors that are padding: 1 − tokens/fed."""
    return 1 - num_tokens / num_fed_tokens
