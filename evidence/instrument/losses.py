"""What was given to backward, and what the step's loss is by it. Pure, but for `Loss`.

Responsible for the words `loss_rule` and the arithmetic that they name. A framework that divides
the loss by what a step accumulates is known by its own hook; a plain loop's values stand as given.
"""

from __future__ import annotations

import math
import struct
from typing import Any, NamedTuple, Optional

from .arrival import Arrival

MAX_LOSSES = 64

AS_GIVEN = "as given to backward"
MEAN = "mean of what was given to backward"
SUM_FLOAT32 = "sum of what was given to backward, in float32 as Trainer adds: it divided each"
TIMES_DIVISOR = "mean of what was given to backward, each times what it was divided by"
AS_RETURNED = "mean of what training_step returned, before Lightning divides it"
BEFORE_DIVISION = "mean of what was given to Accelerator.backward, before it divides"


class Loss(NamedTuple):
    """One value given to backward."""

    value: Arrival
    divided_by: Optional[float]
    """By a constant, in the last operation before backward: `loss / 4`."""
    by: str
    """Who gave it: "" for the program, or the framework that is known to divide."""


def as_float32(value: float) -> float:
    """The nearest single-precision number."""
    try:
        return float(struct.unpack("<f", struct.pack("<f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def added_in_float32(values: list[float]) -> float:
    """A sum that starts from zero and is rounded after each addition."""
    total = 0.0
    for value in values:
        total = as_float32(total + as_float32(value))
    return total


def loss_of(losses: list[Loss]) -> dict[str, Any]:
    """The fields of a step that are about its loss."""
    values = [loss.value.value() for loss in losses]
    known: dict[str, Any] = {
        "loss": None,
        "loss_rule": None,
        "losses": values if len(values) <= MAX_LOSSES else None,
        "num_losses": len(values),
    }
    if not values or not all(isinstance(value, float) for value in values):
        return known
    known["loss"], known["loss_rule"] = _by_rule(losses, values)
    return known


def _by_rule(losses: list[Loss], values: list[float]) -> tuple[float, str]:
    if all(loss.by == "Trainer" for loss in losses):
        if len(values) == 1:
            return as_float32(values[0]), AS_GIVEN
        return added_in_float32(values), SUM_FLOAT32
    if all(loss.by == "Accelerator" for loss in losses):
        return sum(values) / len(values), BEFORE_DIVISION
    if all(loss.by == "training_step" for loss in losses):
        return sum(values) / len(values), AS_RETURNED
    if all(_is_divided(loss, len(values)) for loss in losses):
        whole = [_whole(loss, value) for loss, value in zip(losses, values)]
        return sum(whole) / len(whole), TIMES_DIVISOR
    if len(values) == 1:
        return values[0], AS_GIVEN
    return sum(values) / len(values), MEAN


def _is_divided(loss: Loss, num_losses: int) -> bool:
    """Lightning divides always; a program, where it divides by the number of the step's losses."""
    if loss.by == "Lightning":
        return loss.divided_by not in (None, 1.0)
    return num_losses > 1 and loss.divided_by == num_losses


def _whole(loss: Loss, value: float) -> float:
    """The loss before it was divided, rounded as it was."""
    whole = value * (loss.divided_by or 1.0)
    return as_float32(whole) if str(loss.value.dtype) == "torch.float32" else whole


def constant_divisor(tensor: Any) -> float | None:
    """The number by which the tensor was divided last, where it was."""
    function = tensor.grad_fn
    if function is None or function.name() != "DivBackward0":
        return None
    other = getattr(function, "_saved_other", None)
    if other is None or other.dim() or other.device.type != "cpu" or other.requires_grad:
        return None
    return float(other.item())
