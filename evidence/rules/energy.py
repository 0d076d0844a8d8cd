"""Energy from samples: of power by the trapezoid rule, of a counter by adding up. Pure.

Responsible for what samples say and how exactly they can say it. Time between two samples that lie
too far apart, or of which one was not taken, is not measured: nothing is put in its place.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from evidence.records.record import Record

J_PER_WH: Final = 3600.0
LONGEST_GAP_PERIODS: Final = 5.0
"""Samples further apart than so many periods have one missing between them."""
EACH_SECOND_S: Final = 7_200.0
"""A period is a second, and from then on a share of the time so far: as samples are taken."""


class Energy(Record):
    """What samples say of the energy that was drawn while they were taken."""

    wh: float
    low_wh: float
    """Had the lower of each two neighbouring samples held between them."""
    high_wh: float
    """Had the higher of them held."""
    measured_s: float
    """Seconds between neighbouring samples; only of these is anything known."""


Sample = tuple[float, float | None]
"""Seconds since the run began; watts, or joules since the sample before. None: not measured."""


def energy_of_power(samples: Sequence[Sample]) -> Energy | None:
    """Energy in Wh from samples of power in W; None where no two neighbours were measured.

    Trapezoid rule: Σ (p₁ + p₂)/2 · (t₂ − t₁) / 3600 over neighbours, bounded by the sums of min and
    max. The bounds hold as far as power between two samples lies between the two.
    """
    parts = [
        (after_s - before_s, before_w, after_w)
        for (before_s, before_w), (after_s, after_w) in _neighbours(samples)
        if before_w is not None and after_w is not None
    ]
    if not parts:
        return None
    return Energy(
        wh=math.fsum(dt * (a + b) / 2 for dt, a, b in parts) / J_PER_WH,
        low_wh=math.fsum(dt * min(a, b) for dt, a, b in parts) / J_PER_WH,
        high_wh=math.fsum(dt * max(a, b) for dt, a, b in parts) / J_PER_WH,
        measured_s=math.fsum(dt for dt, _, _ in parts),
    )


def energy_of_counter(samples: Sequence[Sample]) -> Energy | None:
    """Energy in Wh from samples of what a counter went up by in J; None where there are none.

    A counter misses nothing between two samples, so its bounds are the value.
    """
    parts = [
        (after_s - before_s, joules)
        for (before_s, _), (after_s, joules) in pairwise(samples)
        if joules is not None and after_s > before_s
    ]
    if not parts:
        return None
    wh = math.fsum(joules for _, joules in parts) / J_PER_WH
    return Energy(wh, wh, wh, math.fsum(dt for dt, _ in parts))


def _neighbours(samples: Sequence[Sample]) -> Iterator[tuple[Sample, Sample]]:
    for before, after in pairwise(samples):
        period_s = max(1.0, after[0] / EACH_SECOND_S)
        if 0 < after[0] - before[0] <= LONGEST_GAP_PERIODS * period_s:
            yield before, after
