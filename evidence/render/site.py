"""index.html of many packs: one row each, with its loss as a small curve. Pure.

Responsible for words, order, drawing and the one place of escaping of this page. It gives no
verdict: what a pack says is repeated, and that nobody checked it here stands in every row.
"""

from __future__ import annotations

import os
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any, Final
from urllib.parse import quote

from evidence.records.finding import PackState
from evidence.records.record import Number, Record
from evidence.records.run import GateResult, Status
from evidence.render.render import TEMPLATE, fill, shipped
from evidence.text import formatting, markdown
from evidence.text.markdown import html_line

OWN: Final = (
    b'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    b'<meta name="generator" content="evidence site">\n'
)
"""How each page of ours begins, and no other is ever replaced."""
WIDTH: Final = 136
HEIGHT: Final = 34
MARGIN: Final = 3
MAX_POINTS: Final = 60
"""Of the curve of one stage."""
MAX_STAGES: Final = 8
MAX_LISTED: Final = 6
MAX_LOSS: Final = 1e12
CELL_CHARS: Final = 80
REASON_CHARS: Final = 240
_NONE: Final = "–"


class Curve(Record):
    """The losses of one stage, thinned to the extremes of each stretch."""

    stage: str
    """Empty where the pack has no stages of its own."""
    losses: tuple[Number, ...]
    num_points: int
    first: tuple[int, Number]
    """Step and loss."""
    last: tuple[int, Number]
    lowest: Number


class Told(Record):
    """A value of a pack by what it is of; None with the reason where it was not measured."""

    name: str
    value: Number | None
    reason: str


class SitePack(Record):
    """What the page knows of one pack."""

    path: str
    """From the folder of the page."""
    argument: str
    """The folder of packs and its name, for the command line."""
    state: PackState
    reason: str = ""
    """Why it is not `read`."""
    files: tuple[tuple[str, str], ...] = ()
    """What there is to open of it: words and file."""
    milestone: str = ""
    status: Status | None = None
    stand_in: bool = False
    is_imported: bool = False
    models: tuple[str, ...] = ()
    date: str = ""
    started_utc: str = ""
    gates: tuple[GateResult, ...] = ()
    losses: tuple[Told, ...] = ()
    curves: tuple[Curve, ...] = ()
    rates: tuple[Told, ...] = ()


def curve_of(stage: str, rows: Sequence[tuple[int, Number]]) -> Curve:
    """Of steps and losses, of which there is at least one: the first and the last stay."""
    losses = [loss for _, loss in rows]
    return Curve(stage, _thinned(losses), len(rows), rows[0], rows[-1], min(losses))


def _thinned(losses: Sequence[Number]) -> tuple[Number, ...]:
    """As they are, or, of many, the lowest and highest of each stretch between first and last."""
    if len(losses) <= MAX_POINTS:
        return tuple(losses)
    size = -(-2 * len(losses) // (MAX_POINTS - 2))
    kept = {0, len(losses) - 1}
    for first in range(0, len(losses), size):
        part = losses[first : first + size]
        kept |= {first + part.index(min(part)), first + part.index(max(part))}
    return tuple(losses[place] for place in sorted(kept))


def site_page(folder: str, packs: Sequence[SitePack]) -> bytes:
    """The whole page. The same packs give the same bytes."""
    newest_first = sorted(packs, key=lambda one: one.path)
    newest_first.sort(key=lambda one: one.started_utc, reverse=True)
    parts = shipped(TEMPLATE, "report", "site")
    context = {
        "policy": parts.policy,
        "style": parts.style,
        "script": parts.script,
        "folder": html_line(folder, CELL_CHARS),
        "argument": html_line(shlex.quote(folder)),
        "count": formatting.plural(len(packs), "pack"),
        "unread": _unread(packs),
        "width": str(WIDTH),
        "height": str(HEIGHT),
        "packs": [_row(one) for one in newest_first],
    }
    return fill(TEMPLATE, "site.html.j2", context)


def _unread(packs: Sequence[SitePack]) -> str:
    counts = Counter(one.state for one in packs if one.state != "read")
    return "".join(f", {number} {state}" for state, number in sorted(counts.items()))


def _row(one: SitePack) -> dict[str, Any]:
    name = PurePath(one.argument).name
    return {
        "argument": html_line(shlex.quote(one.argument)),
        "name": html_line(name, CELL_CHARS),
        "links": [
            {
                "address": html_line(quote(os.fsencode(f"{one.path}/{file}"))),
                "label": html_line(f"{words} of {name}", 2 * CELL_CHARS),
                "text": html_line(words),
            }
            for words, file in one.files
        ],
        "milestone": html_line(one.milestone or _NONE, CELL_CHARS),
        "status": html_line(_status(one)),
        "model": html_line(_listed(one.models), REASON_CHARS),
        "date": html_line(one.date or _NONE, CELL_CHARS),
        "gates": html_line(_gates(one.gates)),
        "loss": html_line(_listed([_told(told, formatting.number) for told in one.losses])),
        "rates": html_line(_listed([_told(told, formatting.share) for told in one.rates])),
        **_curves(one.curves),
    }


def _status(one: SitePack) -> str:
    if one.state != "read":
        return f"{one.state}: {markdown.flat(one.reason, REASON_CHARS)}"
    notes = [("stand-in model", one.stand_in), ("imported, not observed", one.is_imported)]
    return "; ".join([str(one.status), *(words for words, is_so in notes if is_so)])


def _gates(gates: Sequence[GateResult]) -> str:
    counts = Counter(one.outcome for one in gates)
    parts = [f"{number} {outcome.replace('-', ' ')}" for outcome, number in sorted(counts.items())]
    num_open = sum(one.is_open for one in gates)
    return ", ".join(parts) + (f" ({num_open} required)" if num_open else "") or _NONE


def _told(told: Told, form: Any) -> str:
    name = f" ({markdown.flat(told.name, CELL_CHARS)})" if told.name else ""
    if told.value is None:
        return f"not measured{name}: {markdown.flat(told.reason, REASON_CHARS)}"
    return f"{markdown.flat(form(told.value), CELL_CHARS)}{name}"


def _listed(parts: Sequence[str]) -> str:
    left = len(parts) - MAX_LISTED
    return "; ".join([*parts[:MAX_LISTED], *([f"{left} more"] if left > 0 else [])]) or _NONE


def _curves(curves: Sequence[Curve]) -> Mapping[str, str]:
    """What is drawn of the losses, and the same in words."""
    shown = curves[:MAX_STAGES]
    losses = [loss for one in shown for loss in one.losses]
    if not losses or not all(abs(loss) < MAX_LOSS for loss in losses):
        text = "too far from zero to be drawn" if losses else _NONE
        return {"curve": "", "curve_label": "", "curve_text": text}
    left = len(curves) - len(shown)
    more = [f"{left} more stages"] if left > 0 else []
    return {
        "curve": " ".join(_paths(shown, len(losses), min(losses), max(losses))),
        "curve_label": html_line("; ".join([*map(_described, shown), *more])),
        "curve_text": html_line("; ".join([*map(_ends, shown), *more])),
    }


def _paths(curves: Sequence[Curve], count: int, low: Number, high: Number) -> Iterator[str]:
    """Path data, a piece for each stage, one behind the other."""
    place = 0
    for one in curves:
        points = []
        for loss in one.losses:
            x = MARGIN + (WIDTH - 2 * MARGIN) * place / max(1, count - 1)
            share = (loss - low) / (high - low) if high > low else 0.5
            points.append(f"{x:.1f} {HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN):.1f}")
            place += 1
        yield f"M{' L'.join(points)}" if len(points) > 1 else f"M{points[0]} h0"


def _described(one: Curve) -> str:
    of_stage = f" of {markdown.flat(one.stage, CELL_CHARS)}" if one.stage else ""
    ends = [f"{formatting.number(loss)} at step {step}" for step, loss in (one.first, one.last)]
    return (
        f"Loss{of_stage}, {formatting.plural(one.num_points, 'point')}: from {ends[0]} to "
        f"{ends[1]}, lowest {formatting.number(one.lowest)}"
    )


def _ends(one: Curve) -> str:
    name = f" ({markdown.flat(one.stage, CELL_CHARS)})" if one.stage else ""
    return f"{formatting.number(one.first[1])} → {formatting.number(one.last[1])}{name}"
