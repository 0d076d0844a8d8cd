"""`evidence.read_results`: the numbers of a sealed pack, each with its unit and its address.

Responsible for that *not measured* is never read as a number, nor as false: a value that is not
there raises its reason. Computing the numbers is `results`', checking them `evidence.verify`'s.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import NoReturn

from evidence import layout
from evidence.errors import NotMeasuredError, PackBrokenError, UnknownValueError, UsageError
from evidence.records.run import Level, ValueRecord
from evidence.verification.verification import load_sealed


@dataclass(frozen=True, slots=True)
class Value:
    """One number (or short text) of a pack, or the reason why there is none."""

    name: str
    unit: str
    address: str
    """Where it comes from: `path#/pointer`, `path#L1-L138/pointer`; several joined by ' + '."""
    rule: str
    """How it follows from there; `evidence explain PACK NAME` shows it."""
    level: Level
    """How it is known: observed, instrumented, reported, parsed, declared."""
    reason: str | None
    """Why it was not measured; None where it was."""
    _held: float | int | str | bool | None = field(repr=False)

    @property
    def measured(self) -> bool:
        """Whether there is a value."""
        return self.reason is None

    @property
    def value(self) -> float | int | str | bool:
        """The value, at full precision. Raises NotMeasuredError, with the reason."""
        if self._held is None or self.reason is not None:
            raise NotMeasuredError(
                f"{self.name} was not measured: {self.reason}",
                hint="Ask .measured first, or show .reason.",
            )
        return self._held

    @property
    def number(self) -> float:
        """The value, where it is a number. Raises NotMeasuredError; UsageError for another kind."""
        value = self.value
        if isinstance(value, bool) or not isinstance(value, float | int):
            raise UsageError(f"{self.name} is no number but {value!r}", hint="Ask .value for it.")
        return value

    def __str__(self) -> str:
        """For eyes: the value with its unit, or the reason."""
        if not self.measured:
            return f"not measured: {self.reason}"
        return f"{self.value} {self.unit}".rstrip()

    def __bool__(self) -> NoReturn:
        """Refused: a value that is 0, false or not measured would be true."""
        raise TypeError(f"{self.name} is neither true nor false: ask .measured or .value")


@dataclass(frozen=True, slots=True)
class Results(Mapping[str, Value]):
    """Every value of one pack by its name, in order of name, and which pack that is."""

    milestone: str
    status: str
    """`complete`, or `failed`: then most is not measured."""
    stand_in: bool
    """Made on a stand-in: the numbers say nothing about the real model."""
    root_sha256: str
    """Root digest of the pack, which names it."""
    _values: dict[str, Value] = field(repr=False)

    def __getitem__(self, name: str) -> Value:
        """The value of this name. Raises UnknownValueError, which is a KeyError too."""
        found = self._values.get(name)
        if found is not None:
            return found
        close = get_close_matches(str(name), self._values, n=3, cutoff=0.4)
        raise UnknownValueError(
            f"there is no value {name!r} in the results of {self.milestone}",
            hint=f"Close: {', '.join(close)}." if close else "Iterate over them for all names.",
        )

    def __iter__(self) -> Iterator[str]:
        """Names, in order."""
        return iter(self._values)

    def __len__(self) -> int:
        """How many there are, measured or not."""
        return len(self._values)


def read_results(pack: str | os.PathLike[str]) -> Results:
    """The values of a pack whose sealed set is whole: its digests, its form, its records.

    Whether each number follows from the evidence is not looked at: `evidence.verify` does that.

    Raises PackBrokenError for a pack that is not whole, and for a run that is not finished,
    UnsafePackError for one that is unsafe to read, UsageError where there is nothing at `pack`.
    """
    sealed = load_sealed(Path(pack))
    manifest, results = sealed.documents.manifest, sealed.documents.results
    if manifest is None or results is None:
        raise PackBrokenError(f"{pack}: {layout.MANIFEST} or {layout.RESULTS} is not there")
    return Results(
        milestone=manifest.milestone,
        status=manifest.status,
        stand_in=manifest.stand_in,
        root_sha256=sealed.root_sha256,
        _values={name: _value(name, one) for name, one in sorted(results.values.items())},
    )


def _value(name: str, record: ValueRecord) -> Value:
    reason = record.unavailable
    if reason is None and record.value is None:
        reason = "no reason is recorded"
    return Value(name, record.unit, record.address, record.rule, record.level, reason, record.value)
