"""Geometry of the loss plot. The drawing itself is a template, so it renders byte for byte."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeVar

from evidence.records.record import Record
from evidence.records.run import IntervalRow, StepRow
from evidence.text import formatting, markdown


class Point(Record):
    """A step of any program."""

    step: int
    loss: float
    learning_rate: float


R = TypeVar("R", StepRow, IntervalRow, Point)

WIDTH: Final = 760
HEIGHT: Final = 380
LEFT, RIGHT, TOP, BOTTOM = 64, 690, 64, 320
MAX_POINTS: Final = 600
MAX_KNOTS: Final = 100
_TICKS: Final = 6
_STEP_TICKS: Final = 8


class Axis(Record):
    """A linear scale from values to pixels, with its ticks."""

    low: float
    high: float
    start: float
    end: float
    ticks: tuple[float, ...]

    def __call__(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low)
        return _pixel(self.start + share * (self.end - self.start))


def _pixel(value: float) -> str:
    return f"{value:.1f}"


def nice_step(span: float, wanted: int) -> float:
    """A step of 1, 2 or 5 times a power of ten that cuts `span` into about `wanted` parts."""
    rough = span / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)


def axis(
    low: float, high: float, start: float, end: float, *, grow: bool, wanted: int = _TICKS
) -> Axis:
    """An axis over at least [low, high]; `grow` rounds it out to whole ticks."""
    if high <= low:
        low, high = low - 0.5, high + 0.5
    step = nice_step(high - low, wanted)
    first = math.floor(low / step + 1e-9) if grow else math.ceil(low / step - 1e-9)
    last = math.ceil(high / step - 1e-9) if grow else math.floor(high / step + 1e-9)
    ticks = tuple(index * step for index in range(first, last + 1))
    return (
        Axis(ticks[0], ticks[-1], start, end, ticks) if grow else Axis(low, high, start, end, ticks)
    )


def loss_plot(
    steps: Sequence[StepRow] | Sequence[Point],
    table: Sequence[IntervalRow],
    title: str,
    note: str,
    *,
    is_table_alone: bool = False,
) -> dict[str, Any] | None:
    """What loss.svg.j2 draws; None where there is nothing that could be drawn.

    `is_table_alone`: no steps are known, and so no rates.
    """
    shown, line = extremes(tuple(points_of(steps))), extremes(table)
    losses = [row.loss for row in shown] + [row.loss for row in line]
    rates = [row.learning_rate for row in shown]
    sound = is_table_alone or 0 <= min(rates) <= max(rates) < 1e12 if losses else False
    if not sound or max(map(abs, losses)) >= 1e12:
        return None
    last = table[-1] if is_table_alone else steps[-1]
    last_step = max(last.step, 1)  # a tick is a whole step
    x = axis(0, last_step, LEFT, RIGHT, grow=False, wanted=min(_STEP_TICKS, last_step))
    y = axis(min(0.0, *losses), max(losses), BOTTOM, TOP, grow=True)
    rate = axis(0, max(rates, default=1.0) or 1.0, BOTTOM, TOP, grow=True)
    return {
        "title": markdown.html(title),
        "note": markdown.html(note),
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "inner_width": str(WIDTH - 2),
        "inner_height": str(HEIGHT - 2),
        "legend": str(BOTTOM + 42),
        "tick_end": str(BOTTOM + 5),
        "radius": "2.0" if len(shown) < 200 else "1.2",
        "left": str(LEFT),
        "right": str(RIGHT),
        "top": str(TOP),
        "bottom": str(BOTTOM),
        "x_ticks": [(x(tick), formatting.count(round(tick))) for tick in x.ticks],
        "y_ticks": [(y(tick), formatting.shortest(clean_tick(tick))) for tick in y.ticks],
        "rate_ticks": [
            (rate(tick), formatting.with_exponent(clean_tick(tick)))
            for tick in (rate.ticks if rates else ())
        ],
        "points": [(x(row.step), y(row.loss)) for row in shown],
        "rates": polyline([(x(row.step), rate(row.learning_rate)) for row in shown]),
        "line": polyline([(x(row.step), y(row.loss)) for row in line]),
        "knots": [(x(row.step), y(row.loss)) for row in line] if len(line) <= MAX_KNOTS else [],
        "labels": _labels(table, x, y),
        "line_label": f"mean of {formatting.plural(table[0].step, 'step')}" if table else "",
        "thinned": formatting.count(stretch_of(steps)) if len(shown) < len(steps) else "",
    }


def points_of(steps: Sequence[StepRow] | Sequence[Point]) -> Iterator[Point]:
    """The steps as points."""
    for one in steps:
        yield Point(one.step, one.loss, one.learning_rate)


def stretch_of(rows: Sequence[StepRow | IntervalRow | Point]) -> int:
    """Rows of a stretch of which `extremes` keeps two."""
    return math.ceil(2 * len(rows) / MAX_POINTS)


def extremes(rows: Sequence[R]) -> Sequence[R]:
    """All rows, or, of more than MAX_POINTS, the lowest and highest loss of each stretch of them.

    Every n-th row would hide the one step at which a run went astray.
    """
    if len(rows) <= MAX_POINTS:
        return rows
    size = stretch_of(rows)
    found: list[R] = []
    for first in range(0, len(rows), size):
        losses = [row.loss for row in rows[first : first + size]]
        places = {losses.index(min(losses)), losses.index(max(losses))}
        found += [rows[first + place] for place in sorted(places)]
    return found


def clean_tick(value: float) -> float:
    """A tick without the noise of its multiplication: 0.6000000000000001 → 0.6."""
    return float(f"{value:.6g}")


def polyline(points: Sequence[tuple[str, str]]) -> str:
    """Path data through the points; empty where there are none."""
    return "M" + " L".join(f"{x} {y}" for x, y in points) if points else ""


def _labels(table: Sequence[IntervalRow], x: Axis, y: Axis) -> list[tuple[str, str, str, str]]:
    """Position, anchor and text for the first and the last interval loss."""
    if not table:
        return []
    ends = [(table[0], "start"), (table[-1], "end")]
    return [
        (x(row.step), _pixel(float(y(row.loss)) - 10), anchor, formatting.fixed(row.loss))
        for row, anchor in (ends if len(table) > 1 else ends[:1])
    ]
