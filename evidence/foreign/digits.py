"""How exactly a number is known from the digits that somebody wrote.

Responsible for the half unit of the last digit, and for whether two writings can be of one number.
A whole number is exact; so is a float that shows as many digits as a double has.
"""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from evidence.foreign.facts import Fact
from evidence.records.record import Record

_NUMBER: Final = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d{1,4})?")
_MAX_CHARS: Final = 60
LARGEST: Final = 10**300


class Shown(Record):
    """A number between `value` − `half` and `value` + `half`."""

    value: Decimal
    half: Decimal

    def agrees(self, other: Shown) -> bool:
        """Whether both can be roundings of one number."""
        return abs(self.value - other.value) <= self.half + other.half

    @property
    def low(self) -> Decimal:
        """The least that it can be."""
        return self.value - self.half

    @property
    def high(self) -> Decimal:
        """The most that it can be."""
        return self.value + self.half


LARGEST_SUMMED: Final = 10**100
"""Of numbers up to this, sums and sums of squares are numbers, too."""


def summed(value: object) -> float | None:
    """A number that can be summed and squared; None for any other, and for what is none."""
    if not isinstance(value, (int, float)) or not abs(value) <= LARGEST_SUMMED:
        return None
    return float(value)


def is_sound(fact: Fact) -> bool:
    """Whether a fact is a number that can be computed with: finite, and no larger than a double."""
    if isinstance(fact.value, bool) or not isinstance(fact.value, (int, float)):
        return False
    return abs(fact.value) < LARGEST


def shown(fact: Fact) -> Shown | None:
    """A fact as a number with its precision; None where it is none."""
    if isinstance(fact.value, bool) or not isinstance(fact.value, (int, float)):
        return None
    match = _NUMBER.search(fact.text.replace(",", "")[:_MAX_CHARS])
    try:
        value = Decimal(match.group()) if match else Decimal(repr(fact.value))
        if float(value) != fact.value:  # `0:01:13.22` begins with a 0, and is 73.22
            value = Decimal(repr(fact.value))
    except (InvalidOperation, OverflowError):
        return None
    exponent = value.as_tuple().exponent
    if isinstance(fact.value, int) or not isinstance(exponent, int):
        return Shown(value, Decimal(0))
    return Shown(value, Decimal((0, (5,), exponent - 1)))


def agree(one: Fact, other: Fact) -> bool | None:
    """Whether two facts can be one number; None where either is no number."""
    left, right = shown(one), shown(other)
    return None if left is None or right is None else left.agrees(right)
