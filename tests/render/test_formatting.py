"""Numbers as a summary writes them."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.text import formatting as f


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2.2065, "2.21"),
        (0.7612, "0.76"),
        (1.0217112769251284, "1.02"),
        (1.885, "1.88"),
        (1.875, "1.88"),
        (2.675, "2.68"),
        (7.511, "7.51"),
        (0.0, "0.00"),
        (-0.001, "0.00"),
        (1234.5, "1,234.50"),
    ],
)
def test_two_places_are_half_even_from_the_decimal(value: float, shown: str) -> None:
    assert f.fixed(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.8695652173913045e-05, "1.87e-5"),
        (1e-05, "1.00e-5"),
        (9.995e-06, "1.00e-5"),
        (9.985e-06, "9.98e-6"),
        (8.55072463768116e-06, "8.55e-6"),
        (3e-3, "3.00e-3"),
        (837147977318400.0, "8.37e14"),
        (0.0, "0"),
    ],
)
def test_rates_have_three_digits_and_a_bare_exponent(value: float, shown: str) -> None:
    assert f.scientific(value) == shown


@pytest.mark.parametrize(
    ("form", "value", "shown"),
    [
        ("count", 837147977318400, "837,147,977,318,400"),
        ("size", 5012344832, "5.0 GB"),
        ("size", 999, "999 B"),
        ("memory", 32607 * 2**20, "32 GiB"),
        ("memory", 5 * 2**29, "2.5 GiB"),
        ("percent", 0.8731, "87.3 %"),
        ("share", 0.8731, "87.3 %"),
        ("share", 0.0, "0.0 %"),
        ("share", 0.0005, "0.05 %"),
        ("share", 0.0005001, "0.1 %"),
        ("share", 0.000300007, "0.030 %"),
        ("share", 0.0001, "0.01 %"),
        ("share", 1e-9, "0.0000001 %"),
        ("share", 1, "100.0 %"),
        ("tenths", 73.222, "73.2"),
        ("shortest", 1.0, "1"),
        ("shortest", 2e-05, "2e-5"),
        ("shortest", 0.003, "0.003"),
        ("number", 0.0031, "3.10e-3"),
    ],
)
def test_each_format_has_its_form(form: str, value: float, shown: str) -> None:
    assert f.FORMATS[form](value) == shown


def test_one_is_singular() -> None:
    assert f.plural(1, "step") == "1 step"
    assert f.plural(138, "step") == "138 steps"
    assert f.plural(0.5, "epoch") == "0.5 epochs"


@given(st.floats(-1e12, 1e12))
def test_rounding_agrees_with_decimal_for_every_number(value: float) -> None:
    expected = Decimal(repr(value)).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    assert Decimal(f.fixed(value).replace(",", "")) == expected


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_number_has_every_form(value: float) -> None:
    for form in f.FORMATS.values():
        assert form(abs(value))


@given(st.floats(1e-300, 1e300))
def test_scientific_is_within_half_a_digit(value: float) -> None:
    assert abs(float(f.scientific(value)) / value - 1) <= 0.00501
