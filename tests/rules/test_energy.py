"""Energy of samples: the trapezoid rule with its bounds, and nothing where nothing was measured."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.rules.energy import energy_of_counter, energy_of_power

WATTS = st.floats(0, 2000, allow_nan=False)


def test_a_constant_power_is_power_times_time_with_no_width() -> None:
    found = energy_of_power([(float(second), 360.0) for second in range(11)])
    assert found is not None
    assert (found.wh, found.low_wh, found.high_wh, found.measured_s) == (1.0, 1.0, 1.0, 10.0)


def test_a_straight_line_is_integrated_exactly_and_its_bounds_are_the_steps_around_it() -> None:
    found = energy_of_power([(float(second), 100.0 * second) for second in range(4)])
    assert found is not None
    assert [found.wh * 3600, found.low_wh * 3600, found.high_wh * 3600] == pytest.approx(
        [450.0, 300.0, 600.0]
    )


@given(st.lists(st.tuples(st.floats(0.1, 4.9), WATTS), min_size=2, max_size=30))
def test_the_value_lies_within_its_bounds(parts: list[tuple[float, float]]) -> None:
    now, samples = 0.0, []
    for step_s, watts in parts:
        now += step_s
        samples.append((now, watts))
    found = energy_of_power(samples)
    assert found is not None
    slack = 1e-9 * (1 + found.high_wh)
    assert found.low_wh - slack <= found.wh <= found.high_wh + slack
    assert found.measured_s == pytest.approx(sum(b - a for (a, _), (b, _) in pairwise(samples)))


@pytest.mark.parametrize(
    ("samples", "measured_s"),
    [
        ([], None),
        ([(1.0, 100.0)], None),
        ([(1.0, 100.0), (2.0, None), (3.0, 100.0)], None),
        ([(1.0, 100.0), (2.0, 100.0), (3.0, None), (4.0, 100.0)], 1.0),
        ([(1.0, 100.0), (7.0, 100.0)], None),
        ([(1.0, 100.0), (6.0, 100.0)], 5.0),
        ([(72_000.0, 100.0), (72_040.0, 100.0)], 40.0),
        ([(5.0, 100.0), (3.0, 100.0), (4.0, 100.0)], 1.0),
    ],
)
def test_only_time_between_two_samples_that_were_taken_is_measured(
    samples: list[tuple[float, float | None]], measured_s: float | None
) -> None:
    found = energy_of_power(samples)
    assert (None if found is None else found.measured_s) == measured_s


def test_a_counter_is_added_up_and_its_first_sample_has_no_interval() -> None:
    found = energy_of_counter([(1.0, None), (2.0, 1800.0), (3.0, None), (4.0, 1800.0)])
    assert found is not None
    assert (found.wh, found.low_wh, found.high_wh, found.measured_s) == (1.0, 1.0, 1.0, 2.0)
    assert energy_of_counter([(1.0, None), (2.0, None)]) is None
