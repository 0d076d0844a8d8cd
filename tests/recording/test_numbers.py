"""Laws of numbers in files, and of one number told twice: what is true is never accused."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import MalformedError
from evidence.records.milestone import MetricSpec
from evidence.rules.extraction import agrees, extract, number_of

FINITE = st.floats(allow_nan=False, allow_infinity=False, min_value=-1e15, max_value=1e15)


@given(FINITE, st.integers(0, 12))
def test_a_number_rounded_to_any_digits_is_the_number(value: float, digits: int) -> None:
    assert agrees(f"{value:.{digits}f}", value)
    assert agrees(f"{value:.{digits}e}", value)
    assert agrees(f"{value:.{digits + 1}g}", value)
    assert agrees(repr(value), value)


@given(st.from_regex(r"[+-]?[0-9.]{1,6}e[+-]?[0-9]{1,3}", fullmatch=True), FINITE)
def test_no_number_that_is_told_breaks_the_comparison(told: str, value: float) -> None:
    agrees(told, value)


@pytest.mark.parametrize("text", ["1e9999", "nan", "0x1", "--1", "", "1" * 101])
def test_what_is_no_finite_number_is_refused(text: str) -> None:
    with pytest.raises(MalformedError):
        number_of(text)


@pytest.mark.parametrize(
    ("line", "pattern", "number"),
    [
        ("accuracy = 0.91.", "accuracy", 0.91),
        ("epoch 3 accuracy 9.1e-1 of 12", "accuracy", 0.91),
        ("lr 1e-05", "lr", 1e-05),
        ("top5 7, acc -3", "acc", -3),
        ("loss 1_000", "loss", 1000),
        ("0.5 accuracy", "accuracy$", None),
    ],
)
def test_a_pattern_takes_the_number_that_follows(
    line: str, pattern: str, number: float | None
) -> None:
    spec = MetricSpec("m", "a.txt", pattern=pattern)
    if number is None:
        with pytest.raises(MalformedError):
            extract(line.encode(), "a.txt", spec)
    else:
        assert extract(line.encode(), "a.txt", spec).value == number


@pytest.mark.parametrize("line", ["1" * 60_000 + "x", "1." * 30_000, "1 " * 500_000, "1e" * 9_999])
def test_no_line_takes_long(line: str) -> None:
    began_s = time.monotonic()
    with suppress(MalformedError):
        extract(line.encode(), "a.txt", MetricSpec("m", "a.txt", pattern="x$|e$|1 $"))
    assert time.monotonic() - began_s < 5
