"""Values of how likely an evaluation finds texts: mean loss, perplexity, ties between choices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence import layout
from evidence.records.run import PredictionRow
from evidence.results.context import Context, Values, join, known, rows_at, unknown
from evidence.rules import likelihood

_LOSSES: Final = (
    ("eval.mean_loss", "nats", "mean-answer-loss"),
    ("eval.perplexity", "", "perplexity"),
    ("eval.num_answer_tokens", "tokens", "sum"),
)
_TIES: Final = ("eval.choice.num_ties", "examples", "count-ties")
_NOTHING: Final = "no expected answer has a token"


def likelihood_values(context: Context, rows: Sequence[PredictionRow], why_not: str) -> Values:
    """What [eval] metrics and choices ask for; `why_not`: why there are no rows."""
    if "mean_loss" in context.eval.metrics:
        yield from _losses(rows, why_not)
    if context.eval.choices is not None:
        yield from _ties(rows, why_not)


def _all(rows: Sequence[PredictionRow], pointer: str) -> str:
    return rows_at(layout.PREDICTIONS, 1, len(rows), pointer) if rows else layout.PREDICTIONS


def _losses(rows: Sequence[PredictionRow], why_not: str) -> Values:
    counts = [row.num_answer_tokens or 0 for row in rows]
    losses = [row.answer_loss for row in rows if row.answer_loss is not None]
    tokens = _all(rows, "num_answer_tokens")
    place = join(_all(rows, "answer_loss"), tokens) if rows else layout.PREDICTIONS
    if not rows or len(losses) < len(rows):
        why = "not every prediction has its loss" if rows else why_not
        for name, unit, rule in _LOSSES:
            yield name, unknown(why, unit, place, rule)
        return
    mean = likelihood.mean_loss(losses, counts)
    for name, unit, rule in _LOSSES[:2]:
        if mean is None:
            yield name, unknown(_NOTHING, unit, place, rule)
        else:
            value = mean if rule == "mean-answer-loss" else likelihood.perplexity(mean)
            yield name, known(value, unit, place, rule)
    name, unit, rule = _LOSSES[2]
    yield name, known(sum(counts), unit, tokens, rule)


def _ties(rows: Sequence[PredictionRow], why_not: str) -> Values:
    name, unit, rule = _TIES
    place = _all(rows, "choices/picked")
    if not rows or any(row.choices is None for row in rows):
        why = "not every prediction has its choices" if rows else why_not
        yield name, unknown(why, unit, place, rule)
        return
    ties = sum(row.choices is not None and row.choices.picked is None for row in rows)
    yield name, known(ties, unit, place, rule)
