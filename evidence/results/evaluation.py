"""Values of the evaluation stage: scores with their intervals, groups, degenerate outputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from evidence import layout
from evidence.records.eval_spec import CHOICE
from evidence.records.milestone import EvalSpec
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
    places_of,
    rows_at,
    unknown,
)
from evidence.results.likelihood import likelihood_values
from evidence.results.measured import effective_of, measured_values, of_measured
from evidence.results.withheld import as_sealed, num_of
from evidence.rules import groups, scoring, squad
from evidence.rules.intervals import rate_interval
from evidence.rules.rouge import MAX_WORDS, rouge_l
from evidence.rules.under_test import under_test
from evidence.stages.eval import PREDICTIONS

CONFIDENCE: Final = 0.95
"""Of the Wilson intervals: what `scoring.wilson` gives by default."""

TOO_MANY_GROUPS: Final = "more groups, or longer names of groups, than scores are given for"
EFFECTIVE: Final = "eval.num_effective"
"""Of how many independent questions the rows tell as much: told where that is fewer than rows."""
DEGENERATE: Final = "degenerate"
"""Under which name a context keeps what is suspicious about the outputs."""
_DEGENERATE = ("empty", "looping", "echoing")
_TESTED: Final = ("num_in_prompt", "num_absent", "num_not_checked")
_TEXTS: Final = ("prompt", "target", "output", "answer")
_COUNTED: Final = {
    "num_with_marker": "count-with-marker",
    "num_several_markers": "count-several-markers",
    "num_empty_targets": "count-empty-targets",
    "num_distinct_prompts": "count-distinct-prompts",
}
_OF_WORDS: Final[Mapping[str, tuple[str, Callable[[str, str], float | None]]]] = {
    "squad_f1": ("mean-word-f1", squad.f1),
    "rouge_l": ("mean-rouge-l", rouge_l),
}
"""Metrics of the words of an answer: their rules, and what computes them of one."""
_OF_A_SCORER = (
    ("rate", "", "rate"),
    ("low", "", "wilson"),
    ("high", "", "wilson"),
)


def evaluation_values(context: Context) -> Values:
    """eval.*"""
    lacking = context.plan is not None and context.documents.lacks(PREDICTIONS.path)
    rows = () if lacking or context.plan is None else context.documents.rows(PREDICTIONS)
    yield from _available(context)
    yield _runtime(context)
    yield from _versions(context)
    if lacking:
        sealed = as_sealed(context, _nothing(context))
        yield from sealed.items()
        yield from _rates_of(context, sealed)
        return
    if not rows:
        yield from _nothing(context)
        return
    yield "eval.num_examples", known(len(rows), "examples", _all(rows, "index"), "count")
    num_effective = effective_of(context, rows)
    yield from _effective(num_effective, rows)
    for scorer in context.eval.all_scorers:
        name, place = f"eval.{scorer}", _all(rows, f"scores/{scorer}")
        yield from _scores(name, scorer, (rows, num_effective), place, context)
    yield from likelihood_values(context, rows, "")
    yield from _words(context, rows, "")
    yield from measured_values(context, rows, "")
    yield from _groups(context, rows)
    yield from _suspicious(context, rows)
    yield from _marked(context.eval, rows)
    yield from _asked(rows)
    yield _constant(rows)
    yield from _tested(context, rows)


def _words(context: Context, rows: Sequence[PredictionRow], why_not: str) -> Values:
    """How far the words of the answers are the expected ones."""
    for metric, (rule, of_texts) in _OF_WORDS.items():
        if metric not in context.eval.metrics:
            continue
        name = f"eval.{metric}"
        if not rows:
            yield name, unknown(why_not, "", layout.PREDICTIONS, rule)
            continue
        place = join(_all(rows, "answer"), _all(rows, "target"))
        each = [of_texts(row.answer, row.target) for row in rows]
        shares = [one for one in each if one is not None]
        if len(shares) < len(each):
            line = each.index(None) + 1
            why = f"the answer or the expected one of line {line} has more than {MAX_WORDS} words"
            yield name, unknown(why, "", place, rule)
        else:
            yield name, known(math.fsum(shares) / len(rows), "", place, rule)


def _tested(context: Context, rows: Sequence[PredictionRow]) -> Values:
    """Whether what the evaluation is about stands in its prompts, where it declares that."""
    spec = context.documents.milestone.data.get(context.eval.data)
    if spec is None or spec.under_test is None:
        return
    place = join(_all(rows, "under_test"), _all(rows, "prompt")) if rows else layout.PREDICTIONS
    found = under_test(rows, spec.under_test)
    counts = (found.num_in_prompt, len(found.absent), len(found.not_checked))
    for key, count in zip(_TESTED, counts, strict=True):
        name, rule = f"eval.under_test.{key}", "under-test"
        if rows:
            yield name, known(count, "examples", place, rule)
        else:
            yield name, unknown(context.why_not, "examples", place, rule)


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


def _versions(context: Context) -> Values:
    recorded = {
        one.name: (index, one.version) for index, one in enumerate(context.documents.inputs.scorers)
    }
    for scorer in context.eval.all_scorers:
        name, place = f"eval.{scorer}.version", at(layout.INPUTS, "scorers")
        if scorer in recorded and context.plan is not None:
            index, version = recorded[scorer]
            yield name, known(version, "", at(layout.INPUTS, "scorers", index, "version"))
        else:
            yield name, unknown(context.why_not, "", place)


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
    place = places_of([place for _, place in found], context.whole_journal)
    return "eval.runtime_s", known(sum(s for s, _ in found), "s", place, "sum-over-segments")


def _nothing(context: Context) -> Values:
    why = context.why_not if context.plan is None else "there are no predictions"
    place = layout.PREDICTIONS
    yield "eval.num_examples", unknown(why, "examples", place, "count")
    for scorer in context.eval.all_scorers:
        count, rule = _count_of(scorer, context)
        yield f"eval.{scorer}.{count}", unknown(why, "examples", place, rule)
        for name, unit, rule in _OF_A_SCORER:
            yield f"eval.{scorer}.{name}", unknown(why, unit, place, rule)
    yield from likelihood_values(context, (), why)
    yield from _words(context, (), why)
    yield from measured_values(context, (), why)
    for name in ("num_distinct_outputs", *(f"num_{one}" for one in _DEGENERATE)):
        yield f"eval.{name}", unknown(why, "examples", place, "degenerate-outputs")
    yield "eval.num_at_length", unknown(why, "examples", place, "count-at-length")
    for name, rule in _COUNTED.items():
        yield f"eval.{name}", unknown(why, "examples", place, rule)
    yield "eval.constant_fields", unknown(why, "", place, "constant-fields")
    yield from _tested(context, ())


def _count_of(scorer: str, context: Context) -> tuple[str, str]:
    """Name and rule of a scorer's count: an answer is correct, a behaviour is there."""
    if scorer in (*context.eval.scorers, CHOICE):
        return "num_correct", "count-correct"
    return "num_matching", "count-matching"


def _scores(
    name: str,
    scorer: str,
    asked: tuple[Sequence[PredictionRow], float],
    place: str,
    context: Context,
) -> Values:
    """The count, the rate and its interval over rows that tell as much as so many questions."""
    rows, num_effective = asked
    key, rule = _count_of(scorer, context)
    if any(scorer not in row.scores for row in rows):
        why = "not every prediction has this score"
        yield f"{name}.{key}", unknown(why, "examples", place, rule)
        for other, unit, rule in _OF_A_SCORER:
            yield f"{name}.{other}", unknown(why, unit, place, rule)
        return
    count = sum(row.scores[scorer] for row in rows)
    yield f"{name}.{key}", known(count, "examples", place, rule)
    yield from _rates(name, (count, len(rows)), num_effective, place)


def _rates(name: str, counts: tuple[int, int], num_effective: float, place: str) -> Values:
    """Of how many rows so many are right, or match."""
    count, num_rows = counts
    low, high = rate_interval(count, num_rows, num_effective)
    rule = "wilson" if num_effective == num_rows else "wilson-questions"
    yield f"{name}.rate", known(count / num_rows, "", place, "rate")
    yield f"{name}.low", known(low, "", place, rule)
    yield f"{name}.high", known(high, "", place, rule)


def _effective(found: float, rows: Sequence[PredictionRow]) -> Values:
    """Of how many independent questions the rows tell as much, where that is fewer than rows."""
    if found != len(rows):
        place, value = _all(rows, "prompt"), int(found) if found.is_integer() else found
        yield EFFECTIVE, known(value, "questions", place, "effective-questions")


def _rates_of(context: Context, sealed: Mapping[str, ValueRecord]) -> Values:
    """What follows from sealed counts, where rows are withheld: no more can be right than there
    are."""
    num_rows = num_of(sealed["eval.num_examples"])
    num_effective = _sealed_effective(context, num_rows)
    if num_rows and num_effective != num_rows:
        yield from as_sealed(context, iter([_no_effective()])).items()
    for scorer in context.eval.all_scorers:
        name, (key, rule) = f"eval.{scorer}", _count_of(scorer, context)
        count = num_of(sealed[f"{name}.{key}"])
        if num_rows and count is not None and count <= num_rows:
            place = sealed[f"{name}.{key}"].address
            yield from _rates(name, (count, num_rows), num_effective, place)
        elif count is not None:
            why = f"{count} of {num_rows} answers cannot be"
            yield f"{name}.{key}", unknown(why, "examples", layout.PREDICTIONS, rule)


def _no_effective() -> Named:
    return EFFECTIVE, unknown(
        "there are no predictions", "questions", layout.PREDICTIONS, "effective-questions"
    )


def _sealed_effective(context: Context, num_rows: int | None) -> float:
    """As the author sealed it, where it can be; else each row counts as a question of its own."""
    sealed, most = as_sealed(context, iter([_no_effective()])), num_rows or 0
    found = sealed[EFFECTIVE].value
    if isinstance(found, (int, float)) and not isinstance(found, bool) and 1 <= found < most:
        return found
    return most


def _groups(context: Context, rows: Sequence[PredictionRow]) -> Values:
    scorers, measured = context.eval.all_scorers, context.eval.measured
    taken_bytes = 0
    for group in context.eval.group_by:
        place = _all(rows, f"groups/{group}")
        members: dict[str, list[PredictionRow]] = {}
        for row in rows:
            members.setdefault(row.groups.get(group, ""), []).append(row)
        size_bytes = groups.size_bytes(members, len(scorers) + len(measured))
        if groups.too_long(members) or taken_bytes + size_bytes > groups.MAX_GROUPS_BYTES:
            why = f"{TOO_MANY_GROUPS}: {len(members)} of them"
            yield f"eval.by.{group}", unknown(why, "examples", place, "count-in-group")
            continue
        taken_bytes += size_bytes
        places = {one: join(place, _all(rows, f"scores/{one}")) for one in scorers}
        for value, inside in members.items():
            name = f"eval.by.{group}.{value}"
            yield f"{name}.num_examples", known(len(inside), "examples", place, "count-in-group")
            asked = (inside, effective_of(context, inside))
            for scorer in scorers:
                yield from _scores(f"{name}.{scorer}", scorer, asked, places[scorer], context)
            for one in measured:
                where = join(place, _all(rows, f"measured/{one}"))
                yield from of_measured(context, f"{name}.{one}", one, inside, where)


def degenerate(context: Context) -> scoring.Degenerate:
    """What is suspicious about the outputs."""
    rows = context.documents.rows(PREDICTIONS)
    return scoring.degenerate([(row.prompt, row.output) for row in rows])


def _suspicious(context: Context, rows: Sequence[PredictionRow]) -> Values:
    facts = context.once(DEGENERATE, degenerate)
    place, rule = _all(rows, "output"), "degenerate-outputs"
    yield "eval.num_distinct_outputs", known(facts.num_distinct, "examples", place, rule)
    for name in _DEGENERATE:
        yield f"eval.num_{name}", known(len(getattr(facts, name)), "examples", place, rule)
    at_length = sum(row.finish_reason == "length" for row in rows)
    place = _all(rows, "finish_reason")
    yield "eval.num_at_length", known(at_length, "examples", place, "count-at-length")


def _marked(spec: EvalSpec, rows: Sequence[PredictionRow]) -> Values:
    """How many outputs take the form in which answers are given, and how many repeat it."""
    for name, least in (("num_with_marker", 1), ("num_several_markers", 2)):
        place, rule = _all(rows, "output"), _COUNTED[name]
        marker = spec.answer_after
        if marker is None:
            why = "the milestone asks for no marker"
            yield f"eval.{name}", unknown(why, "examples", place, rule)
        else:
            count = sum(row.output.count(marker) >= least for row in rows)
            yield f"eval.{name}", known(count, "examples", place, rule)


def _asked(rows: Sequence[PredictionRow]) -> Values:
    """What weakens a score from the side of the questions."""
    empty = sum(not row.target.strip() for row in rows)
    name, place = "num_empty_targets", _all(rows, "target")
    yield f"eval.{name}", known(empty, "examples", place, _COUNTED[name])
    name, place = "num_distinct_prompts", _all(rows, "prompt")
    distinct = len({row.prompt for row in rows})
    yield f"eval.{name}", known(distinct, "examples", place, _COUNTED[name])


def _constant(rows: Sequence[PredictionRow]) -> Named:
    """Fields that say the same in every row, which tells of a broken evaluation."""
    found = [key for key in _TEXTS if len(rows) > 1 and _is_constant(rows, key)]
    name, rule = "eval.constant_fields", "constant-fields"
    place = join(*(_all(rows, key) for key in _TEXTS))
    if len(rows) < 2:
        return name, unknown("one row has nothing to differ from", "", place, rule)
    return name, known(", ".join(found) or "none", "", place, rule)


def _is_constant(rows: Sequence[PredictionRow], key: str) -> bool:
    first = getattr(rows[0], key)
    return all(getattr(row, key) == first for row in rows)
