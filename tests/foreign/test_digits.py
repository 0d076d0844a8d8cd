"""Laws of how exactly a number is known from the digits that somebody wrote."""

from __future__ import annotations

from decimal import Decimal

import pytest

from evidence.foreign import digits
from evidence.foreign.facts import Fact, Place
from evidence.records.record import Number


def fact(value: Number, text: str) -> Fact:
    return Fact("train_runtime", value, text, Place("log.txt", 1))


@pytest.mark.parametrize(
    ("value", "text", "number", "half"),
    [
        (73.22, "73.22", "73.22", "0.005"),
        (73.22, "0:01:13.22", "73.22", "0.005"),
        (73, "1m 13s", "73", "0"),
        (5000, "5,000", "5000", "0"),
        (1835.2, "1835.2s", "1835.2", "0.05"),
        (2e-05, "2e-05", "0.00002", "0.000005"),
        (2.0, "2.0", "2.0", "0.05"),
    ],
)
def test_a_number_is_its_value_at_the_digits_shown(
    value: Number, text: str, number: str, half: str
) -> None:
    shown = digits.shown(fact(value, text))
    assert shown is not None
    assert (shown.value, shown.half) == (Decimal(number), Decimal(half))


def test_a_duration_in_words_agrees_with_its_seconds() -> None:
    assert digits.agree(fact(73.22, "0:01:13.22"), fact(73.222, "73.222"))
    assert digits.agree(fact(73.22, "0:01:13.22"), fact(75.222, "75.222")) is False
