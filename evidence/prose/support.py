"""Whether the values of a run support a measurement in a text, or contradict it.

Responsible for the comparison: at the precision at which the number was typed, in its unit. A
number is supported when some value rounds to it; it contradicts when its sentence names a value
(final loss, learning rate, accuracy, …) and that value is another one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from math import exp
from typing import Any, Final

from evidence.prose.as_read import as_read
from evidence.prose.literals import Literal, measurements, plain_text
from evidence.prose.names import is_called, measure_meant, values_meant
from evidence.records.record import Record
from evidence.records.run import ValueRecord
from evidence.text.formatting import decimal_of

_BARE: Final = ("", "nats", "epochs")
"""Units of results.json that a number without a unit can be compared with."""
_MEASURED_ONLY: Final = (("s",), ("bytes",), ("W",), ("samples/s",), ("steps/s",), ("tokens/s",))
"""Units that only a run can fill: no number of the milestone supports them."""

_PERPLEXITY: Final = "perplexity"
"""exp of a loss in nats: no other number is compared with it."""
_MOST_NATS: Final = 700.0
"""Beyond it exp is more than a float holds."""


class KnownNumber(Record, dict=True):
    """One number of results.json or of the milestone."""

    name: str
    value: float
    unit: str | None
    """None where it may be in any unit: a number of the milestone file."""

    @cached_property
    def exact(self) -> Decimal:
        """The value as it is written, not its binary expansion."""
        return decimal_of(self.value)


class UnsupportedLiteral(Record):
    """A measurement in a text that no known number supports."""

    literal: Literal
    name: str
    """The value that its sentence names; empty when it names none."""
    actual: float | None
    """That value, where it was measured and is another one: a contradiction."""
    reason: str
    """Why the author says it stands there; empty for one that is not declared."""
    measure: str = ""
    """What its words call it, where no value of the run is called so."""


def unsupported_literals(
    text: str, known: Iterable[KnownNumber], declared: Mapping[str, str]
) -> Iterator[UnsupportedLiteral]:
    """Every measurement of a text that no known number supports, in order.

    `declared` is `[narrative.literals]`: what was typed → why. A declared number is from somewhere
    else, even where some value happens to round to it; it may still contradict a named one.
    """
    evidence = tuple(known)
    plain = plain_text(text)
    read = {as_read(typed): why for typed, why in declared.items()}
    for literal in measurements(plain):
        reason = _reason(literal, plain, read)
        names = values_meant(literal, (one.name for one in evidence))
        meant = [one for one in evidence if one.name in names]
        measure = "" if meant else measure_meant(literal)
        if meant and not any(_fits(literal, one) for one in meant):
            yield UnsupportedLiteral(literal, meant[0].name, meant[0].value, reason)
        elif reason or not (meant or _supported(literal, evidence, measure)):
            yield UnsupportedLiteral(literal, "", None, reason, measure)


def _supported(literal: Literal, evidence: tuple[KnownNumber, ...], measure: str) -> bool:
    """A number that is called something is held by what is called so, and by nothing else."""
    if measure:
        return any(is_called(one.name, measure) and _fits(literal, one) for one in evidence)
    return any(_comparable(literal, one) and _fits(literal, one) for one in evidence)


def known_numbers(values: Mapping[str, ValueRecord], *settings: Any) -> tuple[KnownNumber, ...]:
    """The numbers of results.json, and those of settings such as the milestone's, as parsed."""
    measured = tuple(
        KnownNumber(name, record.value, record.unit)
        for name, record in values.items()
        if isinstance(record.value, (int, float)) and not isinstance(record.value, bool)
    )
    perplexities = tuple(
        KnownNumber(f"perplexity of {one.name}", exp(one.value), _PERPLEXITY)
        for one in measured
        if one.unit == "nats" and one.value < _MOST_NATS
    )
    typed = (KnownNumber("", number, None) for one in settings for number in _numbers(one))
    return (*measured, *perplexities, *typed)


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inside in value.values():
            yield from _numbers(inside)
    elif isinstance(value, (list, tuple)):
        for inside in value:
            yield from _numbers(inside)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def _fits(literal: Literal, known: KnownNumber) -> bool:
    """Whether a value, rounded as the number was typed, is that number.

    |value/factor − typed| ≤ half a unit of the last digit typed: whichever way a tie was rounded.
    """
    return abs(abs(known.exact) / literal.unit.factor - literal.value) <= literal.precision / 2


def _comparable(literal: Literal, known: KnownNumber) -> bool:
    """Whether a value is of the kind that the number counts.

    A number without a unit is no duration and no size, or some value would always round to it.
    """
    if known.unit is None:
        return literal.unit.of not in _MEASURED_ONLY
    return known.unit in (literal.unit.of or _BARE)


def _reason(literal: Literal, text: str, declared: Mapping[str, str]) -> str:
    for declared_text, why in declared.items():
        at = text.find(declared_text)
        while at >= 0 and declared_text:
            if at <= literal.start and literal.end <= at + len(declared_text):
                return why
            at = text.find(declared_text, at + 1)
    return ""
