"""Checks on what is held against each other: arms, evaluations, questions and their ancestors.

Responsible for warnings that no stage shows by itself: two arms that differ in more than was meant,
two conditions that ask the same, and questions that the model was trained on. That results.json
says so is checked where every value is.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from evidence import layout
from evidence.encoding import jsonio
from evidence.encoding.codec import encode
from evidence.encoding.pointer import escaped
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.run import ResultsRecord
from evidence.results.ancestors import seen_rows
from evidence.results.arms import told_of_arms
from evidence.results.pairs import told_of_pair
from evidence.stages.arms import Ancestor, ancestors_of, asks_after_trainings
from evidence.stages.eval import EVAL, PREDICTIONS
from evidence.stages.stage import Stage, stages_of
from evidence.text import evaluations
from evidence.verification.consistency.met_again import met_again
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    check,
    differs,
    has_stages,
    need,
)
from evidence.verification.consistency.seen import row_list
from evidence.verification.problem import Problem, shown

_MEASURES: Final = ("exact", "normalised", "ngram")


@check("arms", "trainings side by side differ in what they are meant to", asked=has_stages)
def arms(evidence: Evidence) -> Problems:
    """rules.arms over the documents of both stages, as results.json has it. A warning for what else
    they differ in, by its own address: both trainings are what they say."""
    for index, one in enumerate(_results(evidence).arms):
        yield from _warned(f"arms/{index}", one.arms, told_of_arms(one), "arms-differ")


@check(
    "pairs",
    "evaluations side by side can show what they are held against each other for",
    asked=has_stages,
)
def pairs(evidence: Evidence) -> Problems:
    """rules.same_evaluation over the rows of both, as results.json has it. A warning where two
    conditions ask the same, two models are not asked the same, or no output is another."""
    for index, one in enumerate(_results(evidence).pairs):
        yield from _warned(f"pairs/{index}", one.evaluations, told_of_pair(one), "pair-alike")


def _warned(place: str, both: tuple[str, str], told: Iterable[str], code: str) -> Problems:
    names = shown(" and ".join(both))
    for text in told:
        where = f"{layout.RESULTS}#/{place}"
        yield Problem(where, f"{names}: {shown(text)}", severity="warning", code=code)


def _asks_after_trainings(evidence: Evidence) -> bool:
    return asks_after_trainings(evidence.documents.milestone)


@check(
    "ancestors",
    "of each evaluation it is known which questions were trained on before",
    asked=_asks_after_trainings,
)
def ancestors(evidence: Evidence) -> Problems:
    """Each stage, or pack, that a checkpoint comes from is named in the inputs of its evaluation,
    with rows that rise within the rows evaluated, and exact ones among the normalised. Counts of
    rows are those of the stages. Evaluations that ask the same say the same of it, and none says
    other than the overlap of the same data with the same evaluation. A warning for each that asks
    what the evaluation asks."""
    stages = stages_of(evidence.documents.milestone)
    need(evidence.context.plan, evidence.context.why_not)
    for stage in stages:
        if stage.kind is EVAL:
            yield from _of_evaluation(evidence, stage, ancestors_of(stage, stages))
    yield from _told_twice(evidence, [one for one in stages if one.kind is EVAL and one.is_named])


def _told_twice(evidence: Evidence, stages: Sequence[Stage]) -> Problems:
    """Where two evaluations of the same questions say otherwise of one ancestor."""
    first: dict[tuple[str, bytes], tuple[Stage, object]] = {}
    for stage in stages:
        asked = stage.milestone.eval
        key = jsonio.dump_document(encode((asked, stage.milestone.data[asked.data])))
        for name, seen in evidence.within(stage).documents.inputs.ancestors.items():
            other, said = first.setdefault((name, key), (stage, seen))
            text = shown(f"not what {other.name} says, which asks the same questions")
            place = f"{stage.path(layout.INPUTS)}#/ancestors/{escaped(name)}"
            yield from differs(place, text, said, seen)


def _of_evaluation(evidence: Evidence, stage: Stage, before: tuple[Ancestor, ...]) -> Problems:
    view = evidence.within(stage) if stage.is_named else evidence
    found = view.documents.inputs.ancestors
    place = f"{stage.path(layout.INPUTS)}#/ancestors"
    text = "the stages that the checkpoint comes from are other ones"
    yield from differs(place, text, sorted(one.name for one in before), sorted(found))
    num_asked = len(view.documents.rows(PREDICTIONS))
    for one in before:
        seen = found.get(one.name)
        where = f"{place}/{escaped(one.name)}"
        if isinstance(seen, SeenQuestions):
            num_rows = seen.num_rows  # of another pack they stand in no document of this one
            if one.stage is not None:
                num_rows = evidence.within(one.stage).rows_of(one.stage.milestone.train.data)
            yield from _of_ancestor(where, one.name, seen, (num_asked, num_rows))
            yield from met_again(evidence, stage, one.stage, (where, seen))
        elif isinstance(seen, Unavailable):
            text = f"it is not known which questions {one.name} was trained on: {seen.reason}"
            yield Problem(where, shown(text), severity="warning", code="overlap-unknown")


def _of_ancestor(place: str, name: str, seen: SeenQuestions, rows: tuple[int, int]) -> Problems:
    text = "not the number of rows evaluated, or trained on"
    yield from differs(place, text, rows, (seen.num_questions, seen.num_rows))
    for key in _MEASURES:
        yield from row_list(f"{place}/{key}", getattr(seen, key), seen.num_questions)
    if not set(seen.exact) <= set(seen.normalised):
        text = "questions that are equal are equal when normalised, too"
        yield Problem(f"{place}/normalised", text)
    if seen_rows(seen):
        told = evaluations.of_seen(name, seen)
        yield Problem(place, shown(told), severity="warning", code="evaluation-overlap")


def _results(evidence: Evidence) -> ResultsRecord:
    """Raises CannotCheckError where nothing is held against anything."""
    found = need(evidence.documents.results, "results.json is not there")
    need(evidence.context.plan, evidence.context.why_not)
    return found
