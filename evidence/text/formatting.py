"""Numbers as a summary writes them: decimal, rounded half-even from the full value.

Responsible for digits only; every function takes a number and gives plain text. Escaping is
`markdown`'s, and which number is shown where is a template's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

_EXACT: Final = Context(prec=700, rounding=ROUND_HALF_EVEN)
_GIB: Final = Decimal(2**30)
_SIZES: Final = (("TB", 10**12), ("GB", 10**9), ("MB", 10**6), ("kB", 10**3))
_TENTH: Final = Decimal("0.1")
_SMALL: Final = Decimal("0.01")
_LARGE: Final = Decimal("1e15")


def decimal_of(value: float) -> Decimal:
    """The decimal a float is written as (its shortest spelling), not its binary expansion.

    1.885 is 1.885 and rounds to 1.88, half-even; its binary value would decide by luck.
    """
    return Decimal(repr(value))


def fixed(value: float, places: int = 2) -> str:
    """`places` digits after the point: 2.2065 → 2.21."""
    return _plain(decimal_of(value), places)


def _plain(value: Decimal, places: int) -> str:
    rounded = value.quantize(Decimal(1).scaleb(-places), context=_EXACT)
    if rounded == 0:
        rounded = abs(rounded)  # a rounded-away minus sign says nothing
    return f"{rounded:,f}"


def scientific(value: float, places: int = 2) -> str:
    """Mantissa with `places` digits and a bare exponent: 1.8695652e-05 → 1.87e-5."""
    exact = decimal_of(value)
    if exact == 0:
        return "0"
    rounded = Context(prec=places + 1, rounding=ROUND_HALF_EVEN).plus(exact)
    exponent = rounded.adjusted()
    return f"{_plain(rounded.scaleb(-exponent, context=_EXACT), places)}e{exponent}"


def shortest(value: float) -> str:
    """As few digits as say it: 1.0 → 1, 0.5 → 0.5, 2e-05 → 2e-5, 0.003 → 0.003."""
    exact = decimal_of(value).normalize(_EXACT)
    if exact == 0:
        return "0"
    if Decimal("0.001") <= abs(exact) < _LARGE:
        return f"{exact:,f}"
    return _with_exponent(exact)


def with_exponent(value: float) -> str:
    """As few digits as say it, always with an exponent: 0.0025 → 2.5e-3."""
    exact = decimal_of(value).normalize(_EXACT)
    return "0" if exact == 0 else _with_exponent(exact)


def _with_exponent(exact: Decimal) -> str:
    sign, digits, _ = exact.as_tuple()
    head, tail = digits[0], "".join(map(str, digits[1:]))
    return f"{'-' if sign else ''}{head}{'.' if tail else ''}{tail}e{exact.adjusted()}"


def significant(value: float, digits: int = 6) -> str:
    """So many significant digits, in the shortest form: 0.4443762141283317 → 0.444376."""
    if isinstance(value, int):
        return count(value)
    rounded = Context(prec=digits, rounding=ROUND_HALF_EVEN).plus(decimal_of(value))
    return shortest(float(rounded))


def count(value: float) -> str:
    """A whole number with thousands separators: 837,147,977,318,400."""
    return f"{value:,}" if isinstance(value, int) else _plain(decimal_of(value), 0)


def percent(value: float, places: int = 1) -> str:
    """A share as per cent, one digit: 0.8731 → 87.3 %."""
    return f"{_plain(decimal_of(value).scaleb(2, context=_EXACT), places)} %"


def share(value: float) -> str:
    """As per cent, with one digit; two that count where that would be 0 and it is not: 0.0003 →
    0.03 %."""
    exact = decimal_of(value).scaleb(2, context=_EXACT)
    if exact == 0 or exact.quantize(_TENTH, context=_EXACT) != 0:
        return percent(value)
    return f"{Context(prec=2, rounding=ROUND_HALF_EVEN).plus(exact):f} %"


def size(value: float) -> str:
    """Bytes in powers of a thousand, as disks and downloads are: 5012344832 → 5.0 GB."""
    for name, unit in _SIZES:
        if value >= unit:
            return f"{_plain(_EXACT.divide(decimal_of(value), Decimal(unit)), 1)} {name}"
    return f"{count(value)} B"


def memory(value: float) -> str:
    """Bytes of memory in powers of two, as memory is built: 34190917632 → 32 GiB."""
    amount = _EXACT.divide(decimal_of(value), _GIB)
    return f"{_plain(amount, 0 if amount >= 10 else 1)} GiB"


def number(value: float) -> str:
    """A number of unknown kind: whole numbers in full, small ones scientific, others to 2."""
    if isinstance(value, int):
        return count(value)
    exact = abs(decimal_of(value))
    return scientific(value) if 0 < exact < _SMALL or exact >= _LARGE else fixed(value)


FORMATS: Final[Mapping[str, Callable[[float], str]]] = {
    "number": number,
    "count": count,
    "tenths": lambda value: fixed(value, 1),
    "hundredths": fixed,
    "thousandths": lambda value: fixed(value, 3),
    "rate": scientific,
    "shortest": shortest,
    "significant": significant,
    "percent": percent,
    "share": share,
    "whole_percent": lambda value: percent(value, 0),
    "size": size,
    "memory": memory,
}
"""Formats by the names templates use."""

BY_UNIT: Final[Mapping[str, str]] = {
    "bytes": "size",
    "nats": "hundredths",
    "s": "tenths",
    "epochs": "significant",
    "samples/s": "hundredths",
    "steps/s": "hundredths",
}
"""Format of a value by its unit, where a template names none."""


def plural(value: float, one: str, many: str = "") -> str:
    """`1 step`, `138 steps`, `1 epoch`, `0.5 epochs`, `0.266667 epochs`."""
    word = one if value == 1 else many or f"{one}s"
    return f"{significant(value)} {word}"
