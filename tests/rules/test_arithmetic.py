"""The arithmetic of docs/arithmetic.md: a real run, and laws that hold for every run."""

from __future__ import annotations

import math
import re
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from evidence.records.training import Schedule
from evidence.rules import arithmetic as ar

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "m43_raw"
COUNTS = st.integers(1, 2000)
SMALL = st.integers(1, 16)


def test_the_real_run_has_550_micro_batches_138_steps_and_its_epochs() -> None:
    assert ar.micro_batches(550, 1) == 550
    assert ar.steps_per_epoch(550, 1, 4) == 138
    assert ar.total_steps(1.0, 138) == 138
    assert ar.epoch_after_step(10, 550, 1, 4) == 40 / 550
    assert ar.epoch_after_step(138, 550, 1, 4) == 1.0


@pytest.mark.parametrize(
    ("step", "rate"),
    [(10, 1.8695652173913045e-05), (70, 1e-05), (130, 1.3043478260869566e-06)],
)
def test_the_real_run_used_these_rates(step: int, rate: float) -> None:
    assert math.isclose(ar.learning_rate_used(step, 138, 2e-5, "linear"), rate, rel_tol=1e-15)


def test_the_real_run_counts_flops_exactly() -> None:
    assert ar.training_flops(2_506_172_416, 524_288_000, 550 * 128) == 837_147_977_318_400


def test_eight_steps_come_after_the_last_log_of_the_real_run() -> None:
    assert ar.num_steps_after_last_log(138, 10) == 8
    assert ar.log_intervals(138, 10)[-1] == ar.Interval(121, 130)


@pytest.mark.skipif(not REFERENCE.is_dir(), reason="the reference material is not here")
def test_every_row_of_the_real_log_follows_from_the_formulas() -> None:
    text = (REFERENCE / "training_log.txt").read_bytes().decode("utf-16")
    number = r"([0-9.e+-]+)"
    rows = re.findall(
        rf"'loss': {number}, 'grad_norm': {number}, 'learning_rate': {number}, 'epoch': {number}",
        text,
    )
    assert len(rows) == 13
    for interval, (_, _, rate, epoch) in zip(ar.log_intervals(138, 10), rows, strict=True):
        used = ar.learning_rate_used(interval.last, 138, 2e-5, "linear")
        assert math.isclose(used, float(rate), rel_tol=1e-14)
        assert round(ar.epoch_after_step(interval.last, 550, 1, 4), 2) == float(epoch)
    final = re.search(
        rf"'train_runtime': {number}, 'train_samples_per_second': {number}, "
        rf"'train_steps_per_second': {number}",
        text,
    )
    assert final is not None
    runtime, samples, steps = map(float, final.groups())
    assert round(550 / runtime, 3) == samples == 7.511
    assert round(138 / runtime, 3) == steps == 1.885


@given(rows=COUNTS, batch=SMALL, accumulation=SMALL, world=st.integers(1, 4))
def test_an_epoch_ends_whole_and_grows_with_every_step(
    rows: int, batch: int, accumulation: int, world: int
) -> None:
    updates = ar.steps_per_epoch(rows, batch, accumulation, world)
    epochs = [
        ar.epoch_after_step(s, rows, batch, accumulation, world) for s in range(2 * updates + 1)
    ]
    assert epochs[0] == 0.0
    assert epochs[updates] == 1.0
    assert epochs[-1] == 2.0
    assert all(a < b for a, b in pairwise(epochs))


@given(rows=COUNTS, batch=SMALL, accumulation=SMALL)
def test_steps_of_an_epoch_hold_all_rows_and_no_step_is_empty(
    rows: int, batch: int, accumulation: int
) -> None:
    updates = ar.steps_per_epoch(rows, batch, accumulation)
    assert (updates - 1) * batch * accumulation < rows <= updates * batch * accumulation


@given(
    total=st.integers(1, 500),
    data=st.data(),
    base=st.floats(1e-8, 1.0),
    schedule=st.sampled_from(get_args(Schedule)),
)
def test_no_rate_is_negative_or_above_its_peak(
    total: int, data: st.DataObject, base: float, schedule: Any
) -> None:
    warmup = data.draw(st.integers(0, total))
    assume(schedule != "polynomial" or base > ar.POLYNOMIAL_END)  # refused before a run
    rates = [ar.learning_rate_used(s, total, base, schedule, warmup) for s in range(1, total + 1)]
    assert all(0 <= rate <= base for rate in rates)
    tail = rates if schedule == "constant" else rates[warmup:]
    assert all(a >= b for a, b in pairwise(tail))


@given(total=st.integers(1, 60), data=st.data(), schedule=st.sampled_from(get_args(Schedule)))
def test_warm_up_rises_from_zero_in_equal_parts(
    total: int, data: st.DataObject, schedule: Any
) -> None:
    warmup = data.draw(st.integers(1, total))
    rates = [ar.learning_rate_used(s, total, 1.0, schedule, warmup) for s in range(1, warmup + 1)]
    expected = [1.0 if schedule == "constant" else (s - 1) / warmup for s in range(1, warmup + 1)]
    assert rates == expected


@given(total=st.integers(1, 10_000), ratio=st.floats(0, 1))
def test_a_share_of_steps_is_rounded_up_to_whole_ones(total: int, ratio: float) -> None:
    warmup = ar.warm_up(total, 0, ratio)
    assert 0 <= warmup <= total
    assert warmup - 1 < total * ratio <= warmup
    assert ar.warm_up(total, 7, 0.0) == 7


def test_an_inverse_root_halves_at_four_times_its_warm_up() -> None:
    assert ar.learning_rate_used(401, 1000, 2.0, "inverse_sqrt", 100) == 1.0
    assert ar.learning_rate_used(30_001, 40_000, 2.0, "inverse_sqrt") == 1.0


def test_a_polynomial_falls_to_its_end_and_not_to_zero() -> None:
    assert ar.learning_rate_used(101, 100, 2.0, "polynomial") == ar.POLYNOMIAL_END
    assert math.isclose(ar.learning_rate_used(51, 100, 2.0, "polynomial"), 1.00000005)


def test_cosine_falls_to_half_at_half_time() -> None:
    assert math.isclose(ar.learning_rate_used(51, 100, 2.0, "cosine"), 1.0)
    assert ar.learning_rate_used(101, 100, 2.0, "cosine") == 0.0


@given(steps=st.integers(0, 300), every=st.integers(1, 50))
def test_intervals_and_the_steps_after_them_are_all_steps_once(steps: int, every: int) -> None:
    inside = [s for i in ar.log_intervals(steps, every) for s in range(i.first, i.last + 1)]
    left = ar.num_steps_after_last_log(steps, every)
    assert inside == list(range(1, steps - left + 1))
    assert left < every


@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1), seed=st.randoms())
def test_a_mean_does_not_depend_on_order_and_lies_within(values: list[float], seed: Any) -> None:
    shuffled = list(values)
    seed.shuffle(shuffled)
    assert ar.mean(values) == ar.mean(shuffled)
    assert min(values) - 1e-9 <= ar.mean(values) <= max(values) + 1e-9


def test_a_mean_of_huge_values_is_finite() -> None:
    assert math.isfinite(ar.mean([1.7e308] * 5))


def test_padding_is_what_is_fed_beyond_the_tokens() -> None:
    assert ar.padding_share(75, 100) == 0.25
