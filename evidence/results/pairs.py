"""Evaluations side by side: what was asked alike, answered alike, and how the scores differ. Pure.

Responsible for values that gates can name, and for the records that sentences are made of. Which
evaluations make a pair is `stages.arms`'s, the arithmetic `rules.paired`'s.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.evaluation import PairedRecord, PairRecord, SamenessRecord
from evidence.results.context import Context, Value, Values, join, known, rows_at, unknown
from evidence.rules.paired import paired
from evidence.rules.same_evaluation import same_evaluation
from evidence.stages.arms import Pair, pairs_of
from evidence.stages.eval import PREDICTIONS
from evidence.stages.stage import Stage, stages_of
from evidence.text import evaluations

NO_PREDICTIONS: Final = Unavailable("one of the two has no predictions")
_COUNTED: Final = (
    "num_rows", "num_equal_prompts", "num_equal_outputs", "num_equally_scored",
)  # fmt: skip
_SCORED: Final = (
    ("difference", "", "paired-difference"),
    ("low", "", "paired-interval"),
    ("high", "", "paired-interval"),
    ("p_value", "", "exact-mcnemar"),
    ("num_questions", "questions", "independent-questions"),
    ("num_better", "questions", "paired-difference"),
    ("num_worse", "questions", "paired-difference"),
)


def pairs(context: Context, views: Mapping[str, Context]) -> tuple[PairRecord, ...]:
    """Every pair of a pack; `views` has the context of each stage, by its name."""
    milestone = context.documents.milestone
    return tuple(_record(one, views) for one in pairs_of(milestone, stages_of(milestone)))


def pair_values(found: tuple[PairRecord, ...]) -> Values:
    """pair.FIRST.SECOND.*"""
    for one in found:
        start = ".".join(("pair", *one.evaluations))
        for key in _COUNTED:
            yield (
                f"{start}.{key}",
                unknown(one.same.reason, "examples", one.address, "same-evaluation")
                if isinstance(one.same, Unavailable)
                else known(getattr(one.same, key), "examples", one.address, "same-evaluation"),
            )
        for scorer, scored in one.scored.items():
            for key, unit, rule in _SCORED:
                value = _scored(scored, key)
                yield (
                    f"{start}.{scorer}.{key}",
                    unknown(value.reason, unit, one.address, rule)
                    if isinstance(value, Unavailable)
                    else known(value, unit, one.address, rule),
                )


def told_of_pair(pair: PairRecord) -> tuple[str, ...]:
    """What keeps a pair from showing what it is meant to, in plain sentences."""
    if isinstance(pair.same, Unavailable):
        return ()
    told = [evaluations.of_same_prompts(pair.same, pair.compared)]
    if pair.compared == "models":
        told.append(evaluations.of_prompts_apart(pair.same))
    if pair.same.num_equally_scored == pair.same.num_rows:
        told.append(evaluations.of_same_outputs(pair.same))
    return tuple(one for one in told if one)


def _scored(found: PairedRecord | Unavailable, key: str) -> Value | Unavailable:
    if isinstance(found, Unavailable):
        return found
    if key in ("low", "high"):
        ends = found.interval
        return ends if isinstance(ends, Unavailable) else ends[key == "high"]
    value: Value | Unavailable = getattr(found, key)
    return value


def _record(pair: Pair, views: Mapping[str, Context]) -> PairRecord:
    rows = [
        one.documents.rows(PREDICTIONS) if one.plan is not None else ()
        for one in (views[pair.first.name], views[pair.second.name])
    ]
    asked = (pair.first.milestone.eval, pair.second.milestone.eval)
    sides = [(*one.all_scorers, *one.measured) for one in asked]
    scorers = [name for name in sides[0] if name in sides[1]]
    same: SamenessRecord | Unavailable = NO_PREDICTIONS
    scored: dict[str, PairedRecord | Unavailable] = dict.fromkeys(scorers, NO_PREDICTIONS)
    if all(rows):
        same, scored = same_evaluation(*rows), paired(rows[0], rows[1], scorers)
    return PairRecord(
        evaluations=(pair.first.name, pair.second.name),
        compared=pair.compared,
        address=join(*map(_place, (pair.first, pair.second), map(len, rows))),
        same=same,
        scored=scored,
    )


def _place(stage: Stage, num_rows: int) -> str:
    return rows_at(stage.path(layout.PREDICTIONS), 1, max(1, num_rows), "scores")
