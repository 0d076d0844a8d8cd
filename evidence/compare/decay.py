"""Whether all tensors of one run were pulled towards zero more than those of the other. Pure.

Responsible for what weight decay leaves in three root mean squares a tensor. Of start s, end e and
movement e − s, (e² − s² − (e − s)²) / 2s² is how far a tensor moved along itself. Decay moves each
by the same share, its decay times the sum of the rates; what gradients do to tensors is no common
share, and a larger step moves a tensor across itself and not along.
"""

from __future__ import annotations

import math
import statistics
from typing import Final

from evidence.records.comparison import TensorDifference, WeightsComparison
from evidence.records.record import Record

MIN_TENSORS: Final = 4
MAX_SPREAD: Final = 0.25
"""The middle half of the tensors must lie as close together, relative to their median."""
MIN_SHARE: Final = 2e-6
"""Of itself that a tensor moved; less is rounding."""
EQUAL_START: Final = 1e-6


class PullRecord(Record):
    """A common share by which the other pack's tensors were pulled towards zero more."""

    num_tensors: int
    share: float
    """Median; negative where it is the first pack's."""
    spread: float
    """Of the middle half of the tensors."""


def common_pull(weights: WeightsComparison, dimensions: dict[str, int]) -> PullRecord | None:
    """None where the tensors have no share in common. Vectors are left out: norms and biases have
    a decay of their own in most frameworks, or none."""
    shares = (
        _along(one, 0) - _along(one, 1)
        for one in weights.tensors
        if dimensions.get(one.name, 0) > 1
        and min(one.rms_start) > 0
        and one.start_difference <= EQUAL_START
    )
    found = sorted(share for share in shares if math.isfinite(share))
    if len(found) < MIN_TENSORS:
        return None
    low, middle, high = statistics.quantiles(found, n=4)
    if abs(middle) < MIN_SHARE or high - low > MAX_SPREAD * abs(middle):
        return None
    return PullRecord(len(found), middle, high - low)


def _along(one: TensorDifference, which: int) -> float:
    """By which share of itself a tensor moved along itself: negative for shrinking."""
    start, end, moved = (values[which] for values in (one.rms_start, one.rms_end, one.rms_moved))
    kept, across = end / start, moved / start
    return float(kept * kept - 1 - across * across) / 2
