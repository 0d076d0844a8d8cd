"""Geometry of overlaid loss curves. The drawing itself is a template: the same packs, same bytes.

Interval means are drawn, the same quantity for every pack; a run shorter than one logging
interval is drawn by its steps, and its legend says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.pack.documents import Documents
from evidence.render.plot import axis, clean_tick, extremes, polyline, stretch_of
from evidence.render.render import TEMPLATE, fill
from evidence.stages.train import STEPS
from evidence.text import formatting, markdown

WIDTH: Final = 760
LEFT, RIGHT, TOP, BOTTOM = 64, 730, 56, 320
LEGEND_LINE: Final = 20
LABEL_CHARS: Final = 60
COLOURS: Final = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700")
DASHES: Final = ("none", "7 4")
LIMIT: Final = 1e12
"""Losses beyond this cannot be drawn beside others."""

Curve = tuple[list[tuple[int, float]], str]


def draw(packs: Sequence[tuple[str, Documents]]) -> bytes | None:
    """The picture as SVG; None where no pack has a loss that could be drawn."""
    curves = [(label, *_curve(documents)) for label, documents in packs]
    points = [point for _, curve, _ in curves for point in curve]
    losses = [loss for _, loss in points]
    if not losses or max(map(abs, losses)) > LIMIT:
        return None
    x = axis(0, max(step for step, _ in points), LEFT, RIGHT, grow=False, wanted=8)
    y = axis(min(0.0, *losses), max(losses), BOTTOM, TOP, grow=True)
    height = BOTTOM + 56 + LEGEND_LINE * len(curves)
    return fill(
        TEMPLATE,
        "compare.svg.j2",
        {
            "title": "Training loss",
            "width": str(WIDTH),
            "height": str(height),
            "inner_width": str(WIDTH - 2),
            "inner_height": str(height - 2),
            "left": str(LEFT),
            "right": str(RIGHT),
            "bottom": str(BOTTOM),
            "tick_end": str(BOTTOM + 5),
            "axis_label": str(BOTTOM + 40),
            "x_ticks": [(x(tick), formatting.count(round(tick))) for tick in x.ticks],
            "y_ticks": [(y(tick), formatting.shortest(clean_tick(tick))) for tick in y.ticks],
            "curves": [
                _drawn(place, label, [(x(step), y(loss)) for step, loss in curve], note)
                for place, (label, curve, note) in enumerate(curves)
            ],
        },
    )


def _curve(documents: Documents) -> Curve:
    """Steps with losses, and what they are."""
    table = () if documents.results is None else documents.results.loss_table
    if table:
        every = formatting.plural(table[0].step, "step")
        return [(row.step, row.loss) for row in extremes(table)], f"mean of {every}"
    every_step = documents.rows(STEPS)
    steps = extremes(every_step)
    if not steps:
        return [], "no steps"
    which = "every step"
    if len(steps) < len(every_step):
        which = f"extremes of {formatting.plural(stretch_of(every_step), 'step')}"
    note = f"{which}: the run is shorter than one logging interval"
    return [(row.step, row.loss) for row in steps], note


def _drawn(place: int, label: str, points: list[tuple[str, str]], note: str) -> dict[str, Any]:
    shown = label if len(label) <= LABEL_CHARS else label[: LABEL_CHARS - 1] + "…"
    return {
        "path": polyline(points),
        "knots": points if len(points) <= 40 else [],
        "colour": COLOURS[place % len(COLOURS)],
        "dash": DASHES[place // len(COLOURS) % len(DASHES)],
        # The first one lies below all others and is wider, so that an equal curve hides nothing.
        "stroke": "6" if place == 0 else "2",
        "opacity": "0.4" if place == 0 else "1",
        "legend": str(BOTTOM + 62 + LEGEND_LINE * place),
        "text": f"{markdown.html(shown)} ({markdown.html(note)})",
    }
