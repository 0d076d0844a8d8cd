"""Values of the evaluation stage: scores with their intervals, groups, degenerate outputs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence import layout, scoring
from evidence.records.run import PredictionRow, ValueRecord
from evidence.results.context import (
    Context,
    Named,
    Values,
    at,
    join,
    journal_at,
    known,
    number_in,
    rows_at,
    unknown,
)

CONFIDENCE: Final = 0.95
"""Of the Wilson intervals: what `scoring.wilson` gives by default."""

_DEGENERATE = (
    ("num_empty", "num_empty"),
    ("num_distinct_outputs", "num_distinct"),
    ("num_looping", "num_looping"),
    ("num_echoing", "num_echoing"),
)
_OF_A_SCORER = (
    ("num_correct", "examples", "count-correct"),
    ("rate", "", "rate"),
    ("low", "", "wilson"),
    ("high", "", "wilson"),
)


def evaluation_values(context: Context) -> Values:
    """eval.*"""
    rows = context.documents.predictions if context.plan is not None else ()
    yield from _available(context)
    yield _runtime(context)
    if not rows:
        yield from _nothing(context)
        return
    yield "eval.num_examples", known(len(rows), "examples", _all(rows, "index"), "count")
    for scorer in context.eval.scorers:
        yield from _scores(scorer, rows)
    yield from _groups(context, rows)
    yield from _suspicious(rows)


def _all(rows: Sequence[PredictionRow], pointer: str) -> str:
    return rows_at(layout.PREDICTIONS, 1, len(rows), pointer)


def _available(context: Context) -> Values:
    name = context.eval.data
    record = context.documents.inputs.data.get(name)
    place = at(layout.INPUTS, "data", name, "num_rows")
    yield (
        "eval.num_available",
        unknown(f"inputs.json has no data set {name!r}", "examples", place)
        if record is None
        else known(record.num_rows, "examples", place),
    )


def _runtime(context: Context) -> Named:
    events = context.stage_events("stage-finished", "eval")
    found = [
        (seconds, journal_at(event, "data", "runtime_s"))
        for event in events
        if (seconds := number_in(event, "runtime_s")) is not None
    ]
    if not found:
        why = context.why_not if context.plan is None else "the journal has no runtime of it"
        return "eval.runtime_s", unknown(why, "s")
    place = join(*(place for _, place in found))
    return "eval.runtime_s", known(sum(s for s, _ in found), "s", place, "sum-over-segments")


def _nothing(context: Context) -> Values:
    why = context.why_not if context.plan is None else "there are no predictions"
    yield "eval.num_examples", unknown(why, "examples", layout.PREDICTIONS, "count")
    for scorer in context.eval.scorers:
        for name, unit, rule in _OF_A_SCORER:
            yield f"eval.{scorer}.{name}", unknown(why, unit, layout.PREDICTIONS, rule)
    for name, _ in (*_DEGENERATE, ("num_at_length", "")):
        yield f"eval.{name}", unknown(why, "examples", layout.PREDICTIONS, "degenerate-outputs")


def _scores(scorer: str, rows: Sequence[PredictionRow]) -> Values:
    place = _all(rows, f"scores/{scorer}")
    correct = _num_correct(scorer, rows, place)
    yield f"eval.{scorer}.num_correct", correct
    if not isinstance(correct.value, int):
        for name, unit, rule in _OF_A_SCORER[1:]:
            yield f"eval.{scorer}.{name}", unknown(correct.unavailable or "", unit, place, rule)
        return
    low, high = scoring.wilson(correct.value, len(rows))
    yield f"eval.{scorer}.rate", known(correct.value / len(rows), "", place, "rate")
    yield f"eval.{scorer}.low", known(low, "", place, "wilson")
    yield f"eval.{scorer}.high", known(high, "", place, "wilson")


def _num_correct(scorer: str, rows: Sequence[PredictionRow], place: str) -> ValueRecord:
    if any(scorer not in row.scores for row in rows):
        return unknown("not every prediction has this score", "examples", place, "count-correct")
    count = sum(row.scores[scorer] for row in rows)
    return known(count, "examples", place, "count-correct")


def _groups(context: Context, rows: Sequence[PredictionRow]) -> Values:
    for group in context.eval.group_by:
        place = _all(rows, f"groups/{group}")
        members: dict[str, list[PredictionRow]] = {}
        for row in rows:
            members.setdefault(row.groups.get(group, ""), []).append(row)
        for value, inside in members.items():
            name = f"eval.by.{group}.{value}"
            yield f"{name}.num_examples", known(len(inside), "examples", place, "count-in-group")
            for scorer in context.eval.scorers:
                scores = join(place, _all(rows, f"scores/{scorer}"))
                yield f"{name}.{scorer}.num_correct", _num_correct(scorer, inside, scores)


def _suspicious(rows: Sequence[PredictionRow]) -> Values:
    facts = scoring.degenerate([(row.prompt, row.output) for row in rows])
    place, rule = _all(rows, "output"), "degenerate-outputs"
    for name, field in _DEGENERATE:
        yield f"eval.{name}", known(getattr(facts, field), "examples", place, rule)
    at_length = sum(row.finish_reason == "length" for row in rows)
    place = _all(rows, "finish_reason")
    yield "eval.num_at_length", known(at_length, "examples", place, "count-at-length")
