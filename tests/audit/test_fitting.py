"""Laws of digits: when a number that is shown is a number that is known."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, ROUND_HALF_UP, Decimal

from hypothesis import given
from hypothesis import strategies as st

from evidence.audit.fitting import fit
from evidence.audit.known import Known
from evidence.audit.meaning import Meaning
from evidence.audit.quantities import quantities

VALUES = st.decimals("0.001", "9999", allow_nan=False, allow_infinity=False, places=6)


def known(value: str, unit: str = "", ulp: str = "0") -> Known:
    return Known(Meaning("loss"), "loss", value, (), Decimal(value), Decimal(ulp), unit)


def fits(text: str, one: Known, measure: str = "loss") -> str | None:
    (quantity,) = quantities(text)
    return fit(quantity, one, measure)


@given(VALUES, st.integers(1, 5), st.sampled_from([ROUND_HALF_EVEN, ROUND_HALF_UP]))
def test_any_rounding_agrees(value: Decimal, places: int, rounding: str) -> None:
    shown = value.quantize(Decimal(1).scaleb(-places), rounding)
    assert fits(f"{shown:f}", known(str(value))) == "exact"


@given(VALUES, st.integers(1, 5))
def test_a_digit_that_was_cut_is_told(value: Decimal, places: int) -> None:
    shown = value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
    if shown:
        assert fits(f"{shown:f}", known(str(value))) in ("exact", "cut")


@given(VALUES, st.integers(2, 4), st.sampled_from([-1, 1]), st.integers(2, 50))
def test_another_digit_does_not(value: Decimal, places: int, sign: int, apart: int) -> None:
    ulp = Decimal(1).scaleb(-places)
    shown = value.quantize(ulp) + sign * apart * ulp
    if shown > 0:
        assert fits(f"{shown:f}", known(str(value))) is None


def test_more_digits_than_any_file_has_are_told() -> None:
    assert fits("2.2065", known("2.21", ulp="0.01")) == "coarse"
    assert fits("2.2165", known("2.21", ulp="0.01")) is None
    assert fits("0.80", known("0.8", ulp="0.1")) == "exact"


@given(VALUES, st.integers(1, 3), st.integers(1, 3))
def test_a_digit_that_was_cut_before_the_file_rounded_is_no_contradiction(
    value: Decimal, places: int, more: int
) -> None:
    """Whoever wrote the page may have seen the value itself, and the file has it rounded."""
    ulp = Decimal(1).scaleb(-places - more)
    held = value.quantize(ulp, ROUND_HALF_EVEN)
    shown = value.quantize(Decimal(1).scaleb(-places), ROUND_DOWN)
    if shown:
        assert fits(f"{shown:f}", known(f"{held:f}", ulp=f"{ulp:f}")) is not None


def test_only_what_lies_at_the_edge_of_a_digit_may_have_been_cut_before() -> None:
    assert fits("0.01", known("0.020", ulp="0.001")) == "edge"
    assert fits("0.1", known("0.20", ulp="0.01")) == "edge"
    assert fits("0.01", known("0.021", ulp="0.001")) is None
    assert fits("0.03", known("0.020", ulp="0.001")) is None, "what is cut does not grow"
    assert fits("0.018", known("0.020", ulp="0.001")) is None, "as many digits as the file"
    assert fits("1k", known("2000", ulp="1")) is None, "a count was not rounded"
    assert fits("0.01", known("0.02")) is None, "nor was a value that is held exactly"


def test_units_that_people_use_agree() -> None:
    assert fits("84.4%", known("0.8437"), "accuracy") == "exact"
    assert fits("84.4", known("0.8437"), "accuracy") == "exact"
    assert fits("84.4", known("0.8437"), "loss") is None
    assert fits("1.2", known("73.222", "s"), "runtime_s") == "exact"
    assert fits("32 GB", known(str(32607 * 2**20), "bytes"), "memory") == "exact"
    assert fits("34 GB", known(str(32607 * 2**20), "bytes"), "memory") == "exact"
    assert fits("36 GB", known(str(32607 * 2**20), "bytes"), "memory") is None


def test_bounds_hold_or_do_not() -> None:
    assert fits("under 74 seconds", known("73.2", "s"), "runtime_s") == "bound"
    assert fits("under 73 seconds", known("73.9", "s"), "runtime_s") is None
    assert fits("over 0.9", known("0.93")) == "bound"
    assert fits("about 75", known("73.2")) == "exact"
