"""A comparison as markdown. All foreign text is escaped here, and numbers are formatted.

The order of sections and all fixed words are the template's (comparison.md.j2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from evidence.records.comparison import (
    ChangedPrediction,
    ComparisonRecord,
    DifferenceRecord,
    MeasuredValue,
    MeasureRecord,
    PairRecord,
    PredictionsRecord,
    PromptRecord,
    Scalar,
    TrajectoryRecord,
)
from evidence.render.render import TEMPLATE, fill
from evidence.results.evaluation import CONFIDENCE
from evidence.text import formatting, markdown

SHOWN_CHARS: Final = 80
SHOWN_ROWS: Final = 20
SHORT_DIGEST: Final = 12
_FORMS: Final[Mapping[str, Callable[[float], str]]] = {
    "train.epochs": formatting.significant,
    "train.samples_per_s": formatting.fixed,
    "train.runtime_s": lambda value: f"{formatting.fixed(value, 1)} s",
}


def comparison_markdown(comparison: ComparisonRecord, plot: str) -> str:
    """The whole page; `plot` is the address of the picture, empty for none."""
    labels = [markdown.inline(pack.label) for pack in comparison.packs]
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
        "unequal_ends": _unequal_ends(comparison),
        "unequal_questions": any(
            pair.predictions.gained or pair.predictions.lost for pair in comparison.pairs
        ),
        "pairs": [_pair(labels, pair) for pair in comparison.pairs],
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
        low, high = formatting.percent(one.low), formatting.percent(one.high)
        return f"{formatting.percent(one.value)} ({low} to {high})"
    if row.name.endswith(".rate"):
        return formatting.percent(one.value)
    if row.unit == "nats":
        return formatting.fixed(one.value, 4)
    return _FORMS.get(row.name, formatting.number)(one.value)


def _unequal_ends(comparison: ComparisonRecord) -> bool:
    return any(row.key == "train.log_every_steps" for row in comparison.configuration)


def _pair(labels: Sequence[str], pair: PairRecord) -> dict[str, Any]:
    predictions = pair.predictions
    return {
        "first": labels[0],
        "other": labels[pair.pack],
        "trajectory": _trajectory(pair.trajectory),
        "scores": _common_scores(predictions),
        "num_common": formatting.plural(predictions.num_common, "prompt"),
        "num_changed": formatting.count(len(predictions.changed)),
        "changed": [_changed(row) for row in predictions.changed[:SHOWN_ROWS]],
        "more_changed": _more(len(predictions.changed)),
        "gained": _prompts(predictions.gained),
        "lost": _prompts(predictions.lost),
    }


def _common_scores(predictions: PredictionsRecord) -> list[str]:
    """A line for each outcome; scorers that agree in all of it share one."""
    names: dict[tuple[int, int, int, int], list[str]] = {}
    for row in predictions.scores:
        outcome = (*row.num_right, row.num_came_right, row.num_went_wrong)
        names.setdefault(outcome, []).append(markdown.inline(row.name))
    return [
        f"{', '.join(scorers)}: {formatting.count(before)} → {formatting.count(after)} right "
        f"({formatting.count(came_right)} came right, {formatting.count(went_wrong)} went wrong)"
        for (before, after, came_right, went_wrong), scorers in names.items()
    ]


def _trajectory(path: TrajectoryRecord) -> list[str]:
    if not path.num_common_steps:
        return ["They have no optimizer step in common."]
    common = formatting.plural(path.num_common_steps, "common step")
    sentences = []
    if path.num_steps[0] != path.num_steps[1]:
        lengths = " and ".join(map(formatting.count, path.num_steps))
        sentences.append(f"They have {lengths} steps; the first {common} are compared.")
    sentences.append(
        f"The same rows were fed in all {common}."
        if path.first_stream_step is None
        else f"Other rows were fed from step {formatting.count(path.first_stream_step)} on."
    )
    if path.first_loss_step is None:
        sentences.append(f"The losses are equal, bit for bit, in all {common}.")
        return sentences
    step = formatting.count(path.first_loss_step)
    share = formatting.shortest(path.tolerance)
    if path.first_step_beyond is None:
        most = formatting.significant(path.largest_difference or 0.0, 2)
        sentences.append(
            f"The losses differ first at step {step}, and never by more than {share} (relative; "
            f"at most {most})."
        )
    else:
        beyond = formatting.count(path.first_step_beyond)
        sentences.append(
            f"The losses differ first at step {step}, and by more than {share} (relative) first "
            f"at step {beyond}."
        )
    return sentences


def _changed(row: ChangedPrediction) -> dict[str, str]:
    flips = [
        f"{name}: {_sign(row.scores_before.get(name))} → {_sign(row.scores_after.get(name))}"
        for name in sorted({*row.scores_before, *row.scores_after})
        if row.scores_before.get(name) != row.scores_after.get(name)
    ]
    return {
        "id": markdown.inline(row.id, SHOWN_CHARS),
        "prompt": markdown.inline(row.prompt, SHOWN_CHARS),
        "before": markdown.inline(row.before, SHOWN_CHARS),
        "after": markdown.inline(row.after, SHOWN_CHARS),
        "scores": markdown.inline("; ".join(flips)) or "same",
    }


def _sign(correct: bool | None) -> str:
    return "–" if correct is None else "right" if correct else "wrong"


def _prompts(rows: Sequence[PromptRecord]) -> dict[str, Any]:
    return {
        "number": formatting.plural(len(rows), "prompt"),
        "rows": [
            (markdown.inline(row.id, SHOWN_CHARS), markdown.inline(row.prompt, SHOWN_CHARS))
            for row in rows[:SHOWN_ROWS]
        ],
        "more": _more(len(rows)),
    }


def _more(number: int) -> str:
    return formatting.count(number - SHOWN_ROWS) if number > SHOWN_ROWS else ""
