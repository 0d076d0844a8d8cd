"""Geometry of the second panel: how far apart the losses of each step are, on a scale of powers.

Responsible for where points, lines and words stand. Losses that are equal bit for bit have no place
on such a scale: they stand on a line of their own below it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

from evidence.records.comparison import PairRecord, StepDifference
from evidence.render.plot import MAX_POINTS, Axis, polyline
from evidence.text import formatting

HEIGHT: Final = 190
EQUAL_GAP: Final = 22
"""Between the lowest power and the line of equal losses."""
MAX_TICKS: Final = 7
KNOT_POINTS: Final = 200

Point = tuple[int, float | None]


def panel(
    pairs: Sequence[PairRecord], x: Axis, top: int, colours: Sequence[str]
) -> dict[str, Any] | None:
    """What the template draws below `top`; None where no step of a pair can be compared.

    `x` is the axis of the panel above: the same step stands below itself; `colours` are those of
    the packs.
    """
    lines = [_points(pair.steps) for pair in pairs]
    known = [value for line in lines for _, value in line if value]
    if not any(lines):
        return None
    limits = sorted({pair.trajectory.tolerance for pair in pairs} - {0})
    first = sorted({pair.trajectory.first_tolerance for pair in pairs} - {0} - {*limits})
    low = math.floor(math.log10(min([*known, *limits, *first, 1e-3])))
    high = max(low + 1, math.ceil(math.log10(max([*known, *limits, 1e-6]))))
    bottom = top + HEIGHT
    y = Axis(float(low), float(high), float(bottom - EQUAL_GAP), float(top), ())
    every = max(1, -(-(high - low) // MAX_TICKS))
    return {
        "title_y": str(top - 18),
        "bottom": str(bottom),
        "tick_end": str(bottom + 5),
        "words_y": str(bottom + 19),
        "axis_label": str(bottom + 40),
        "y_ticks": [
            (y(power), f"1e{power}" if power else "1") for power in range(low, high + 1, every)
        ],
        "limits": [(y(math.log10(one)), f"tolerance {formatting.shortest(one)}") for one in limits],
        "first_limits": [
            (y(math.log10(one)), f"at step 1: {formatting.shortest(one)}") for one in first
        ],
        "lines": [
            _drawn(colours[pair.pack % len(colours)], line, x, y, bottom)
            for pair, line in zip(pairs, lines, strict=True)
        ],
    }


def _points(steps: Sequence[StepDifference]) -> list[Point]:
    """Steps with how far apart they are, None for equal; of many, the farthest of each stretch."""
    found: list[Point] = [
        (one.step, one.loss_difference or None)
        for one in steps
        if one.loss_difference is not None and one.loss_difference < math.inf
    ]
    size = -(-len(found) // MAX_POINTS)
    if size <= 1:
        return found
    stretches = (found[place : place + size] for place in range(0, len(found), size))
    return [max(stretch, key=lambda point: point[1] or 0.0) for stretch in stretches]


def _drawn(colour: str, line: list[Point], x: Axis, y: Axis, bottom: int) -> dict[str, Any]:
    shown = [(x(step), y(math.log10(value)) if value else f"{bottom:.1f}") for step, value in line]
    return {
        "colour": colour,
        "path": polyline(shown),
        "knots": shown if len(shown) <= KNOT_POINTS else [],
    }
