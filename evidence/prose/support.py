"""Whether the values of a run support a measurement in a text, or contradict it.

Responsible for the comparison: at the precision at which the number was typed, in its unit. A
number is supported when some value rounds to it; it contradicts when its sentence names a value
(final loss, learning rate, accuracy, …) and that value is another one.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from functools import cached_property
from math import exp
from typing import Any, Final

from evidence.prose.as_read import as_read
from evidence.prose.literals import Literal, measurements, plain_text
from evidence.prose.names import (
    Meant,
    is_called,
    is_named,
    is_of_stage,
    measure_meant,
    names_meant,
)
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
_ROUNDING: Final = Decimal("1e-20")
_RUN: Final = re.compile(r"[0-9]+|[A-Za-z]+")


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


class _Sorted:
    """Some numbers in order, so that one which a literal is rounded from is found at once."""

    def __init__(self, numbers: Iterable[KnownNumber]) -> None:
        self._values = sorted({abs(one.exact) for one in numbers})

    def has_one_for(self, literal: Literal) -> bool:
        """Whether some number, rounded as the literal was typed, is that literal."""
        half, factor = literal.precision / 2, literal.unit.factor
        low, high = (literal.value - half) * factor, (literal.value + half) * factor
        # A little more, since what is compared below is rounded: that alone decides.
        place = bisect_left(self._values, low - abs(low) * _ROUNDING)
        last = bisect_right(self._values, high + abs(high) * _ROUNDING)
        return any(_fits(literal, one) for one in self._values[place:last])


class KnownNumbers:
    """Every number that words may repeat, in order of their names, ready to be looked up."""

    def __init__(self, numbers: Iterable[KnownNumber]) -> None:
        self._numbers = tuple(numbers)
        self._named: dict[Meant, tuple[KnownNumber, _Sorted] | None] = {}
        self._measures: dict[str, _Sorted] = {}

    def __iter__(self) -> Iterator[KnownNumber]:
        return iter(self._numbers)

    @cached_property
    def _by_unit(self) -> dict[str | None, _Sorted]:
        found: dict[str | None, list[KnownNumber]] = {}
        for one in self._numbers:
            found.setdefault(one.unit, []).append(one)
        return {unit: _Sorted(numbers) for unit, numbers in found.items()}

    def named(self, meant: Meant) -> tuple[KnownNumber, _Sorted] | None:
        """The first number that is meant, and all of them: those of the stage that is named, where
        there are any."""
        if meant not in self._named:
            found = [
                one
                for one in self._numbers
                if any(is_named(one.name, name) for name in meant.names)
            ]
            own = [one for one in found if meant.stage and is_of_stage(one.name, meant.stage)]
            found = own or found
            self._named[meant] = (found[0], _Sorted(found)) if found else None
        return self._named[meant]

    def _called(self, measure: str) -> _Sorted:
        if measure not in self._measures:
            called = (one for one in self._numbers if is_called(one.name, measure))
            self._measures[measure] = _Sorted(called)
        return self._measures[measure]

    def supports(self, literal: Literal, measure: str) -> bool:
        """Whether some number of the kind that the literal counts rounds to it.

        A number without a unit is no duration and no size, or some value would always do. One that
        is called by the name of a `measure` is held by what is called so, and by nothing else.
        """
        if measure:
            return self._called(measure).has_one_for(literal)
        units: tuple[str | None, ...] = literal.unit.of or _BARE
        if literal.unit.of not in _MEASURED_ONLY:
            units = (*units, None)
        found = (self._by_unit[unit] for unit in units if unit in self._by_unit)
        return any(one.has_one_for(literal) for one in found)


class _Declared:
    """What the author declared, by the digits or the word that a number in it begins with."""

    def __init__(self, declared: Mapping[str, str]) -> None:
        self._by_run: dict[str, list[tuple[int, str, str]]] = {}
        for typed, why in declared.items():
            text = as_read(typed)
            for run in _RUN.finditer(text):
                entry = (run.start(), text, why)
                self._by_run.setdefault(run.group(), []).append(entry)

    def reason(self, literal: Literal, text: str) -> str:
        """Why the author says that it stands there: of the first text declared around it."""
        run = _RUN.match(text, literal.start)
        for offset, declared, why in self._by_run.get(run.group() if run else "", ()):
            begin = literal.start - offset
            covers = begin >= 0 and literal.end <= begin + len(declared)
            if covers and text.startswith(declared, begin):
                return why
        return ""


def unsupported_literals(
    text: str, known: KnownNumbers, declared: Mapping[str, str]
) -> Iterator[UnsupportedLiteral]:
    """Every measurement of a text that no known number supports, in order.

    `declared` is `[narrative.literals]`: what was typed → why. A declared number is from somewhere
    else, even where some value happens to round to it; it may still contradict a named one.
    """
    author = _Declared(declared)
    plain = plain_text(text)
    for literal in measurements(plain):
        reason = author.reason(literal, plain)
        meant = known.named(names_meant(literal))
        measure = "" if meant else measure_meant(literal)
        if meant is not None and not meant[1].has_one_for(literal):
            yield UnsupportedLiteral(literal, meant[0].name, meant[0].value, reason)
        elif reason or not (meant or known.supports(literal, measure)):
            yield UnsupportedLiteral(literal, "", None, reason, measure)


def known_numbers(values: Mapping[str, ValueRecord], *settings: Any) -> KnownNumbers:
    """The numbers of results.json, and those of settings such as the milestone's, as parsed."""
    measured = tuple(
        KnownNumber(name, record.value, record.unit)
        for name, record in values.items()
        if isinstance(record.value, (int, float)) and not isinstance(record.value, bool)
    )
    perplexities = (
        KnownNumber(f"perplexity of {one.name}", exp(one.value), _PERPLEXITY)
        for one in measured
        if one.unit == "nats" and one.value < _MOST_NATS
    )
    stated = (KnownNumber("", number, None) for one in settings for number in _numbers(one))
    return KnownNumbers((*measured, *perplexities, *stated))


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, Mapping):
        for inside in value.values():
            yield from _numbers(inside)
    elif isinstance(value, (list, tuple)):
        for inside in value:
            yield from _numbers(inside)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        yield value


def _fits(literal: Literal, magnitude: Decimal) -> bool:
    """Whether a value, rounded as the number was typed, is that number.

    |value/factor − typed| ≤ half a unit of the last digit typed: whichever way a tie was rounded.
    """
    return abs(magnitude / literal.unit.factor - literal.value) <= literal.precision / 2
