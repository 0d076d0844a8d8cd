"""Numbers in words: ninety-five per cent.

Responsible for English cardinals below a thousand million and for how exactly they are meant:
ninety is known to ten, ninety-five to one. Ordinals, halves and dozens are not read.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Final

_SMALL: Final = (
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"),
    *("eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen"),
    *("eighteen", "nineteen"),
)
_TENS: Final = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_VALUES: Final = {word: value for value, word in enumerate(_SMALL)} | {
    word: 10 * value for value, word in enumerate(_TENS, 2)
}
_SCALES: Final = {"hundred": 100, "thousand": 1000, "million": 1_000_000}
_WORDS: Final = _VALUES.keys() | _SCALES.keys()
MAX_WORDS: Final = 9
"""Of one number: two hundred and six thousand one hundred and seventy-two is longer than any is."""


def begins(word: str) -> bool:
    """Whether a number may begin with this word."""
    return word.lower().partition("-")[0] in _WORDS


def spelled(words: Sequence[str]) -> tuple[Decimal, int]:
    """The number that begins with the first word, and how many words it takes; 0 for none.

    The exponent of the number says how exactly it is meant.
    """
    total = current = taken = 0
    smallest = 0
    for place, word in enumerate(words[:MAX_WORDS]):
        parts = word.lower().split("-")
        if word.lower() == "and" and taken == place > 0:
            continue
        if not all(part in _WORDS for part in parts):
            break
        for part in parts:
            if part in _VALUES:
                current += _VALUES[part]
                smallest = _place_of(_VALUES[part])
            elif part == "hundred":
                current, smallest = max(current, 1) * 100, 2 + smallest
            else:
                total += max(current, 1) * _SCALES[part]
                current, smallest = 0, len(str(_SCALES[part])) - 1 + smallest
        taken = place + 1
    if not taken:
        return Decimal(0), 0
    value = total + current
    exponent = min(smallest, len(str(value)) - 1)
    return Decimal(value).scaleb(-exponent).to_integral_value().scaleb(exponent), taken


def _place_of(value: int) -> int:
    """ninety is known to ten, twelve to one; ten itself may be ten or about ten."""
    return 1 if value >= 20 and value % 10 == 0 else 0
