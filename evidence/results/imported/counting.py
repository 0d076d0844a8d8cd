"""How many steps and rows a training had, as far as files say so or two of their numbers tell.

Responsible for what the rates of Trainer are of: what was *planned*, also where a run was stopped
before. A count that a rate and a time tie down is taken only where one whole number fits, and as
done only where something tells that all that was planned was done.
"""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final

from evidence.foreign import names
from evidence.foreign.digits import shown
from evidence.foreign.facts import Fact
from evidence.records.record import Record
from evidence.records.run import ValueRecord
from evidence.results.imported.main import Main
from evidence.results.imported.places import IMPLIED, made_of, not_said, value_of
from evidence.results.imported.recipe import Setting, Stated

STEPS: Final = ("global_step", "step", "total_steps", "num_steps")
PLANNED: Final = ("max_steps",)
ROWS: Final = ("train_samples", "num_train_samples")
RUNTIME: Final = ("train_runtime",)
SAMPLES_PER_S: Final = ("train_samples_per_second",)
STEPS_PER_S: Final = ("train_steps_per_second",)
NOT_ALL: Final = "the rates are of what was planned, and nothing tells that all of it was done"


class Counted(Record):
    """A whole number with the facts that it comes from; or why there is none."""

    number: int | None
    facts: tuple[Fact, ...] = ()
    is_implied: bool = False
    why_not: str = ""

    def record(self, unit: str = "") -> ValueRecord:
        """As a value of results.json."""
        if self.number is None:
            return not_said(self.why_not, unit, self.facts)
        if not self.is_implied and len(self.facts) == 1:
            return value_of(self.facts[0], unit)
        return made_of(self.number, self.facts, IMPLIED, unit)


class Counts(Record):
    """What is known of one training."""

    done: Counted
    """Optimizer steps that were made."""
    planned: Counted
    """Those that were to be made."""
    samples: Counted
    """Rows that were to be fed, epoch by epoch."""
    rows: Counted
    """Rows of the data set."""
    is_whole: bool
    """Whether something tells that all that was planned was done."""


def counts(main: Main, told: dict[Setting, Stated]) -> Counts:
    """Every count."""
    said, stated = _whole(main.total(STEPS)), _whole(main.total(PLANNED))
    implied = product(main.total(STEPS_PER_S), main.total(RUNTIME), "steps")
    samples = product(main.total(SAMPLES_PER_S), main.total(RUNTIME), "samples")
    planned = implied if stated is None else Counted(_number(stated), (stated,))
    is_whole = _is_whole(main, told, said, planned)
    if said is not None:
        done = Counted(_number(said), (said,))
    elif is_whole or planned.number is None:
        done = planned
    else:
        done = Counted(None, planned.facts, why_not=NOT_ALL)
    return Counts(done, planned, samples, _rows(main, told, samples), is_whole)


def product(rate: Fact | None, runtime: Fact | None, what: str) -> Counted:
    """The one whole number that a rate and a time can both be roundings of."""
    if rate is None or runtime is None:
        return Counted(None, why_not=f"no file says {what}, nor a rate and a time that tell it")
    left, right = shown(rate), shown(runtime)
    if left is None or right is None:
        return Counted(None, (rate, runtime), why_not="a rate or a time is no number")
    low, high = left.low * right.low, left.high * right.high
    first, last = math.ceil(low), math.floor(high)
    if first == last and first > 0:
        return Counted(first, (rate, runtime), is_implied=True)
    fits = "no whole number" if first > last else "several whole numbers"
    return Counted(None, (rate, runtime), why_not=f"{fits} of {what} fit the rate and the time")


def _is_whole(main: Main, told: dict[Setting, Stated], said: Fact | None, planned: Counted) -> bool:
    if said is not None and planned.number is not None:
        return said.value == planned.number
    asked, done = told["epochs"].number, main.total(names.EPOCH)
    is_all = asked is not None and done is not None and done.value == asked
    return is_all and told["max_steps"].number is None


def _rows(main: Main, told: dict[Setting, Stated], samples: Counted) -> Counted:
    """As a file says; or the samples of whole epochs, where these and no steps were asked for."""
    said = _whole(main.total(ROWS))
    if said is not None:
        return Counted(_number(said), (said,))
    if samples.number is None:
        return samples
    asked = told["epochs"]
    if told["max_steps"].number is not None or asked.number is None:
        why = "how many epochs were asked for is not known"
        return Counted(None, samples.facts, why_not=why)
    epochs = Decimal(str(asked.number))
    facts = (*samples.facts, *(() if asked.fact is None else (asked.fact,)))
    if epochs <= 0 or epochs != epochs.to_integral_value() or samples.number % int(epochs):
        return Counted(None, facts, why_not="the samples are no whole number of epochs")
    return Counted(samples.number // int(epochs), facts, is_implied=True)


def _whole(fact: Fact | None) -> Fact | None:
    """A fact that is a count."""
    return fact if fact is not None and _number(fact) is not None else None


def _number(fact: Fact) -> int | None:
    value = fact.value
    is_count = isinstance(value, int) and not isinstance(value, bool) and value > 0
    return int(value) if is_count and isinstance(value, int) else None
