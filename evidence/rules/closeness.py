"""How far apart the numbers of two runs may be and still count as the same. Pure.

Responsible for tolerances and for the growth of rounding, each with its reason. Who says what of
two runs by them stands in `results` and `compare`.
"""

from __future__ import annotations

from typing import Final

from evidence.records.program import NotFinite
from evidence.records.record import Number, Record

Value = Number | NotFinite | None


class Tolerance(Record):
    """Largest relative difference of the losses of one step."""

    first_step: Number
    later_steps: Number

    def at(self, step: int) -> Number:
        """That of a step, from 1."""
        return self.first_step if step == 1 else self.later_steps


WITHIN_A_FRAMEWORK: Final = Tolerance(1e-3, 1e-3)
"""float32 sums in another order stay far below it for a few hundred steps at a mild rate, another
seed or rate leaves it within a few."""
ACROSS_FRAMEWORKS: Final = Tolerance(1e-5, 5e-3)
"""Step 1 is one function of the same weights and rows, where only the order of float32 sums is
another: 6e-8 a sum, far below 1e-5 in a mean over tokens; a norm in the wrong place gives 1e-4 and
more. From then on each optimizer rounds its own update, and training enlarges what differs."""

FIRST_ROUNDING: Final = {"float32": 1e-6, "float16": 1e-3, "bfloat16": 1e-2}
"""Relative difference of a loss that other rounding may begin with, by the number format."""
ROUNDING_GROWTH: Final = 1.4
"""By which factor each of the first steps may enlarge it. Measured on the stand-in of M43, whose
rate is high: other sums gave 1e-7 in ten steps, double precision 6e-6, where this allows 2e-5; a
weight decay of 0 for 0.01 gave 4e-6 in the second, where it allows 1.4e-6."""
NUM_EARLY_STEPS: Final = 10
"""So long the losses are held against that growth. Later on training itself decides how much of a
small difference it makes, and only a sudden one tells of something else."""
LAST_PLACE: Final = {"float32": 2.0**-23, "float16": 2.0**-10, "bfloat16": 2.0**-7}
"""Distance from 1 to the next number, by the number format."""
SAME_LOGITS: Final = 16
"""Units in the last place, of the largest logit, by which two forward passes that must say the same
may differ: in a mixture of experts, tokens that go elsewhere change the shape of a
multiplication."""
ASKED_IN_FLOAT32: Final = 50_000_000
"""Parameters up to which a model is copied to single precision for such a question, whatever it is
in."""
ROUNDING_JUMP: Final = 100.0
"""By which factor one later step may exceed all before it: a step whose rows are sensitive was
measured at 28."""


def difference(reference: Value, value: Value) -> float:
    """|value − reference| / |reference|; infinite where only the reference is zero, and where one
    alone is a number."""
    if value == reference:
        return 0.0
    if not isinstance(reference, (int, float)) or not isinstance(value, (int, float)):
        return float("inf")
    return abs(value - reference) / abs(reference) if reference else float("inf")


def finite_difference(reference: Value, value: Value) -> float | None:
    """The same; None where it has no meaning."""
    found = difference(reference, value)
    return None if found == float("inf") or reference is None else found


def logits_limit(dtype: str, num_parameters: int | None) -> float:
    """What rounding may come to between logits that must be the same, relative to the largest.

    `num_parameters`: of the model, an adapter's among them; None where they are not known.
    """
    if num_parameters is not None and num_parameters <= ASKED_IN_FLOAT32:
        dtype = "float32"
    return SAME_LOGITS * LAST_PLACE[dtype]


def rounding_limit(step: int, dtype: str, largest_before: float) -> float:
    """What other rounding may have come to by a step, relative to its loss.

    `largest_before`: the largest difference of the steps before it.
    """
    begun = FIRST_ROUNDING.get(dtype, FIRST_ROUNDING["float32"])
    if step <= NUM_EARLY_STEPS:
        return float(begun * ROUNDING_GROWTH ** (step - 1))
    grown = float(begun * ROUNDING_GROWTH ** (NUM_EARLY_STEPS - 1))
    return ROUNDING_JUMP * max(grown, largest_before)
