"""Whether a number that a text shows is a number that is known. Pure.

Responsible for digits: a claim agrees when the known value, rounded to the digits that the claim
shows, is the claim; whichever way a tie was rounded, and in whichever of the usual units. A digit
that was cut off instead of rounded is told apart, and so is a claim with more digits than any file
has. A digit that was cut before the file rounded its own last one agrees and disagrees as much.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, Literal, TypeAlias

from evidence.audit.known import Known
from evidence.audit.quantities import Quantity
from evidence.audit.vocabulary import SHARES

Fit: TypeAlias = Literal["exact", "cut", "coarse", "bound", "edge"]

ABOUT: Final = Decimal("0.05")
"""What "about" leaves open, of the value."""
_TINY: Final = Decimal("1e-9")
_HUNDRED: Final = Decimal(100)
_TIMES: Final = (Decimal(1), Decimal(1) / 60, Decimal(1) / 3600, Decimal(1000))
"""Seconds, minutes, hours, milliseconds: of a duration whose column does not say."""


def fit(claim: Quantity, known: Known, measure: str) -> Fit | None:
    """How a claim agrees with what is known; None where it does not."""
    if known.value is None:
        return None
    best: Fit | None = None
    is_rounded = 0 < known.ulp < 1  # a whole number is a count, which nothing rounded
    for value, ulp in _readings(claim, known, measure):
        found = _fit(claim, value, ulp)
        if found is None and is_rounded and _is_at_edge(claim, value, ulp):
            found = "edge"
        if found in ("exact", "bound"):
            return found
        best = best or found
    return best


def _readings(claim: Quantity, known: Known, measure: str) -> Iterator[tuple[Decimal, Decimal]]:
    """The known value in the units that the claim may be in."""
    value, ulp = known.value or Decimal(0), known.ulp
    for factor in _factors(claim, known, measure, value):
        yield value * factor, ulp * factor


def _factors(claim: Quantity, known: Known, measure: str, value: Decimal) -> tuple[Decimal, ...]:
    one = Decimal(1)
    if claim.unit == "share":
        return (one / _HUNDRED,) if known.unit == "%" or abs(value) > 1 else (one,)
    if claim.unit == "%":
        return (one,) if known.unit == "%" else (_HUNDRED, one)
    if known.unit == "%":
        return (one, one / _HUNDRED)
    if claim.unit == "bytes":
        return (one, one / claim.other_base) if claim.other_base != 1 else (one,)
    if (measure in SHARES or known.meaning.measure in SHARES) and not claim.unit:
        return (one, _HUNDRED) if abs(value) <= 1 else (one, one / _HUNDRED)
    if not measure and not claim.unit:  # a metric that no vocabulary has: a share, or per cent
        return (one, _HUNDRED) if abs(value) <= 1 else (one, one / _HUNDRED)
    if measure == "runtime_s" and not claim.unit:
        return _TIMES
    if known.unit == "bytes" and not claim.unit:
        return tuple(one / Decimal(base) ** power for base in (1000, 1024) for power in (3, 2, 0))
    return (one,)


def _fit(claim: Quantity, value: Decimal, ulp: Decimal) -> Fit | None:
    apart = abs(value - claim.value)
    slack = abs(value) * _TINY
    if claim.relation == "at-most":
        return "bound" if value <= claim.value + claim.ulp / 2 + slack else None
    if claim.relation == "at-least":
        return "bound" if value >= claim.value - claim.ulp / 2 - slack else None
    if apart <= slack:
        return "exact"  # however many zeros one of them shows
    if claim.relation == "about" and apart <= max(claim.ulp, abs(value) * ABOUT):
        return "exact"
    if ulp <= claim.ulp:
        if apart <= claim.ulp / 2 + slack:
            return "exact"
        if abs(claim.value) <= abs(value) and apart < claim.ulp and value * claim.value > 0:
            return "cut"
        return "exact" if apart <= (claim.ulp + ulp) / 2 and ulp else None
    return "coarse" if apart <= (ulp + claim.ulp) / 2 else None


def _is_at_edge(claim: Quantity, value: Decimal, ulp: Decimal) -> bool:
    """Whether fewer digits than the file has may be the beginning of the value before the file
    rounded it: 0.01 of 0.01999998, where the file has 0.020."""
    if claim.relation != "equal" or ulp >= claim.ulp or claim.value * value < 0:
        return False
    return claim.ulp <= abs(value) - abs(claim.value) <= claim.ulp + ulp / 2 - abs(value) * _TINY
