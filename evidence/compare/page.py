"""A comparison as markdown. All foreign text is escaped here, and numbers are formatted.

The order of sections and all fixed words are the template's (comparison.md.j2); what is said of
two packs is `pair_page`'s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from evidence.compare.functions import SHORT_DIGEST
from evidence.compare.pair_page import SHOWN_CHARS, pair_view
from evidence.compare.seeds_page import seeds_view
from evidence.records.comparison import (
    ComparisonRecord,
    DifferenceRecord,
    MeasuredValue,
    MeasureRecord,
    Scalar,
)
from evidence.render.render import TEMPLATE, fill
from evidence.render.stage_table import OF_LOSS
from evidence.results.evaluation import CONFIDENCE
from evidence.text import formatting, markdown

_OTHER_LOSS: Final = tuple(f".train.{key}" for key in OF_LOSS)
"""Settings by which the loss of a step is another function of the same rows and weights."""
_FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    "train.epochs": formatting.significant,
    "train.samples_per_s": formatting.fixed,
    "train.runtime_s": lambda value: f"{formatting.fixed(value, 1)} s",
    "program.runtime_s": lambda value: f"{formatting.fixed(value, 1)} s",
}


def comparison_markdown(comparison: ComparisonRecord, plot: str) -> str:
    """The whole page; `plot` is the address of the picture, empty for none."""
    labels = [markdown.inline(pack.label) for pack in comparison.packs]
    names = {one.name for one in comparison.measures}
    context = {
        "heading": " and ".join(labels) if len(labels) == 2 else ", ".join(labels),
        "labels": labels,
        "packs": [
            {
                "label": label,
                "status": pack.status,
                "attempt": markdown.inline(pack.attempt or "–"),
                "stand_in": pack.stand_in,
                "started": markdown.inline(pack.started_utc or "–"),
                "root": markdown.code(pack.root_sha256[:SHORT_DIGEST]),
            }
            for label, pack in zip(labels, comparison.packs, strict=True)
        ],
        "configuration": _differences(comparison.configuration),
        "environment": _differences(comparison.environment),
        "measures": [_measure(one) for one in comparison.measures],
        "has_ends": any(f".{name}".endswith(".train.loss_end") for name in names),
        "has_scores": any(name.endswith(".rate") for name in names),
        "unequal_ends": _differs(comparison, (".train.log_every_steps",)),
        "unequal_losses": _differs(comparison, _OTHER_LOSS, may_lack=True),
        "unequal_questions": _were_both_asked(comparison)
        and any(pair.predictions.gained or pair.predictions.lost for pair in comparison.pairs),
        "pairs": [pair_view(labels, pair, plain) for pair in comparison.pairs],
        "seeds": seeds_view(labels, comparison.seeds),
        "plot": plot,
        "confidence": f"{formatting.shortest(CONFIDENCE * 100)} %",
    }
    return fill(TEMPLATE, "comparison.md.j2", context).decode("utf-8")


def plain(value: Scalar) -> str:
    """One value of a difference as plain text, not escaped; digests by their beginning."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (int, float)):
        return formatting.shortest(value) if isinstance(value, float) else str(value)
    return value[:SHORT_DIGEST] if _is_digest(value) else value


def _cell(value: Scalar) -> str:
    shown = plain(value)
    return markdown.code(shown, SHOWN_CHARS) if isinstance(value, str) else shown


def _is_digest(text: str) -> bool:
    return len(text) in (40, 64) and set(text) <= set("0123456789abcdef")


def _differences(rows: Sequence[DifferenceRecord]) -> list[tuple[str, list[str]]]:
    return [(markdown.code(row.key), [_cell(value) for value in row.values]) for row in rows]


def _measure(row: MeasureRecord) -> tuple[str, list[str]]:
    return markdown.inline(row.title), [_measured(row, value) for value in row.values]


def _measured(row: MeasureRecord, one: MeasuredValue) -> str:
    if one.value is None:
        return f"not measured ({markdown.inline(one.unavailable or '', SHOWN_CHARS)})"
    if one.low is not None and one.high is not None:
        shown = formatting.percent if row.name.endswith(".rate") else formatting.significant
        value = formatting.share(one.value) if shown is formatting.percent else shown(one.value)
        return f"{value} ({shown(one.low)} to {shown(one.high)})"
    if row.name.endswith(".rate"):
        return formatting.share(one.value)
    if row.unit == "nats":
        return formatting.fixed(one.value, 4)
    forms = (form for name, form in _FORMS.items() if f".{row.name}".endswith(f".{name}"))
    return next(forms, formatting.number)(one.value)


def _differs(comparison: ComparisonRecord, keys: tuple[str, ...], may_lack: bool = False) -> bool:
    """Whether one of these settings differs. `may_lack`: also where one pack does not state it,
    and trains all the same."""
    rows = {row.key: row.values for row in comparison.configuration}
    for key, values in rows.items():
        if not f".{key}".endswith(keys):
            continue
        trains = rows.get(f"{key.rpartition('.')[0]}.optimizer", ())
        if None not in values or (may_lack and None not in trains):
            return True
    return False


def _were_both_asked(comparison: ComparisonRecord) -> bool:
    """Whether more than one pack has a score."""
    rates = (row.values for row in comparison.measures if row.name.endswith(".rate"))
    return any(sum(one.value is not None for one in values) > 1 for values in rates)
