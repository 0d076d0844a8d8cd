"""Geometry of overlaid loss curves. The drawing itself is a template: the same packs, same bytes.

Where all packs were fed the same rows, every step is drawn, and how far apart they are in a panel
of its own. Else interval means are, the same quantity for every pack; a run shorter than one
logging interval is drawn by its steps, and its legend says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from evidence.compare.differences_panel import panel
from evidence.pack.documents import Documents
from evidence.records.comparison import PairRecord
from evidence.render.plot import Point, axis, clean_tick, extremes, polyline, stretch_of
from evidence.render.program import points
from evidence.render.render import TEMPLATE, fill
from evidence.stages.train import STEPS
from evidence.text import formatting, markdown

WIDTH: Final = 760
LEFT, RIGHT, TOP, BOTTOM = 64, 730, 56, 320
LEGEND_LINE: Final = 20
PANEL_GAP: Final = 44
LABEL_CHARS: Final = 60
COLOURS: Final = ("#0969da", "#bc4c00", "#1a7f37", "#8250df", "#bf3989", "#9a6700")
DASHES: Final = ("none", "7 4")
LIMIT: Final = 1e12
"""Losses beyond this cannot be drawn beside others."""

Curve = tuple[list[tuple[int, float]], str]


def draw(packs: Sequence[tuple[str, Documents]], pairs: Sequence[PairRecord] = ()) -> bytes | None:
    """The picture as SVG; None where no pack has a loss that could be drawn.

    `pairs` are of the first pack and each other one.
    """
    same_rows = bool(pairs) and all(map(_same_rows, pairs))
    curves = [(label, *_curve(documents, by_step=same_rows)) for label, documents in packs]
    drawn = [point for _, curve, _ in curves for point in curve]
    losses = [loss for _, loss in drawn]
    if not losses or max(map(abs, losses)) > LIMIT:
        return None
    last_step = max(step for step, _ in drawn)
    x = axis(0, last_step, LEFT, RIGHT, grow=False, wanted=max(1, min(8, last_step)))
    y = axis(min(0.0, *losses), max(losses), BOTTOM, TOP, grow=True)
    below = BOTTOM + 56 + LEGEND_LINE * len(curves)
    apart = panel(pairs, x, below + PANEL_GAP, COLOURS)
    height = below if apart is None else int(apart["axis_label"]) + 16
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
            "apart": apart,
            "against": _shown(curves[0][0]),
        },
    )


def _same_rows(pair: PairRecord) -> bool:
    path = pair.trajectory
    known = path.rows_are_known and bool(path.num_common_steps)
    return known and path.first_stream_step is None


def _curve(documents: Documents, *, by_step: bool) -> Curve:
    """Steps with losses, and what they are."""
    table = () if documents.results is None else documents.results.loss_table
    if table and not by_step:
        every = formatting.plural(table[0].step, "step")
        return [(row.step, row.loss) for row in extremes(table)], f"mean of {every}"
    own = documents.rows(STEPS)
    every_step = [Point(one.step, one.loss, one.learning_rate) for one in own]
    every_step = every_step or list(points(documents))
    steps = extremes(every_step)
    if not steps:
        return [], "no steps"
    which = "every step"
    if len(steps) < len(every_step):
        which = f"extremes of {formatting.plural(stretch_of(every_step), 'step')}"
    short = own and not table
    note = f"{which}: the run is shorter than one logging interval" if short else which
    return [(row.step, row.loss) for row in steps], note


def _drawn(place: int, label: str, points: list[tuple[str, str]], note: str) -> dict[str, Any]:
    return {
        "path": polyline(points),
        "knots": points if len(points) <= 40 else [],
        "colour": COLOURS[place % len(COLOURS)],
        "dash": DASHES[place // len(COLOURS) % len(DASHES)],
        # The first one lies below all others and is wider, so that an equal curve hides nothing.
        "stroke": "6" if place == 0 else "2",
        "opacity": "0.4" if place == 0 else "1",
        "legend": str(BOTTOM + 62 + LEGEND_LINE * place),
        "text": f"{_shown(label)} ({markdown.html(note)})",
    }


def _shown(label: str) -> str:
    shown = label if len(label) <= LABEL_CHARS else label[: LABEL_CHARS - 1] + "…"
    return markdown.html(shown)
