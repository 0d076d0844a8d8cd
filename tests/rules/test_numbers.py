"""Laws of numbers in texts: what belongs to one, and what it is worth."""

from __future__ import annotations

import time
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.rules.numbers import first_number, numbers
from evidence.rules.scoring import contains, normalised, numeric

SAME = (
    ("5", "+5", "5.0", "05", "5.", "\uff15", "$5", "5 km", "5km", "5 m²", "x = 5", "10 - 5 = 5"),
    ("-5", "\u22125", "- 5", "\u20135", "-$5", "$-5", "-5.00"),
    ("0.5", ".5", "1/2", "\u00bd", "50%", "50 %", "50 percent", "5e-1", r"\frac{1}{2}", "1 / 2"),
    ("1000", "1,000", "1e3", "1 000", "1\u202f000", "1'000", "1\u2019000", "1_000", "1 thousand"),
    ("1.5", "1\u00bd", "1 1/2", "3/2"),
    ("12:30", "12 : 30"),
    ("9:05", "09:05"),
    ("2024-05-01",),
    ("2024-07-09",),
    ("12:45",),
    ("1,5",),
    ("1.234,5",),
    ("1.234",),
    ("1.2.3",),
    ("10 - 4", "10-4"),
    ("10 + 4",),
    ("5k",),
    ("10\u00b2",),
    ("10^3", "10 ^ 3"),
    ("10",),
    ("0x1F",),
    ("12h30",),
    ("12",),
    ("1",),
    ("3/4",),
    ("3/8",),
    ("3",),
    ("50",),
    ("5 million", "5000000"),
    ("-1/2", "-\u00bd", "-50 %"),
)
"""Spellings by what they are worth: equal in a line, and in no other."""

PAIRS = [
    (one, other, first == second)
    for first, line in enumerate(SAME)
    for one in line
    for second, another in enumerate(SAME)
    for other in another
]


def test_spellings_are_equal_in_their_line_and_in_no_other() -> None:
    wrong = [(one, other) for one, other, same in PAIRS if numeric(one, other) is not same]
    assert not wrong


@pytest.mark.parametrize("text", ["", "no idea", "covid-19", "H2O", "x2", "9" * 100, "-", "%"])
def test_what_is_no_number_equals_nothing(text: str) -> None:
    assert first_number(text) is None
    assert not numeric(text, text)


@pytest.mark.parametrize(
    ("text", "worth"),
    [
        ("7. Check: 7 - 3 = 4", 7),
        ("covid-19 took 5", 5),
        ("total - 5", 5),
        ("\u7b54\u6848\u662f5\u4e2a", 5),
        ("wait...5", 5),
        ("**5**", 5),
        ("144 / 12 = 13", 13),
    ],
)
def test_the_first_number_counts_and_of_an_equation_its_last(text: str, worth: int) -> None:
    assert first_number(text) == Fraction(worth)


@given(st.decimals(-(10**6), 10**6, places=3), st.decimals(-(10**6), 10**6, places=3))
def test_decimals_are_equal_exactly_where_their_values_are(one: object, other: object) -> None:
    assert numeric(f"{one}", f"{other}") is (one == other)
    assert numeric(f"{one:,}", f"{other}") is (one == other)


@given(
    st.integers(0, 10**6), st.sampled_from(("-{}", "{}.5", ".{}", "{}/7", "{}:30", "{}e3", "1{}"))
)
def test_no_part_of_a_number_is_that_number(value: int, form: str) -> None:
    written = form.format(value)
    assert not contains(written, f"{value}") or written == f"{value}"
    assert not normalised(written, f"{value}")


@given(st.text(alphabet="15 .,-+/:%e$=\u00bd\u2212'x\n", max_size=30))
def test_numbers_lie_apart_and_in_order(text: str) -> None:
    places = [(one.start, one.end) for one in numbers(text)]
    assert all(start < end for start, end in places)
    assert all(end <= start for (_, end), (start, _) in pairwise(places))


def test_hostile_text_is_read_in_linear_time() -> None:
    began = time.monotonic()
    for unit in ("1,", "12", "-", "1 ", "000 ", "1-", "1 - ", "$", " ", "1 1/", "½", "a-", "1 % "):
        list(numbers(unit * 20_000 + "5"))
        list(numbers(r"\frac{1}{" * 10_000))
    assert time.monotonic() - began < 30


@pytest.mark.parametrize(
    ("said", "target", "equal"),
    [
        ("5 \u00b1 2", "5", False),
        ("5 \u00b1 2", "5\u00b12", True),
        ("\u00b15", "5", False),
        ("\u00b15", "\u00b1 5", True),
        ("3 x 4", "4", False),
        ("2 x 3 = 6", "6", True),
        ("5x", "5", True),
        ("v1.2 is 7", "7", True),
        ("v1.2", "2", False),
        ("gpt4.5 scores 9", "9", True),
    ],
)
def test_two_values_a_product_and_a_version_are_no_number_of_their_own(
    said: str, target: str, equal: bool
) -> None:
    assert numeric(said, target) is equal
