"""What an evaluation says of a training before it, against the overlap of the same two data sets.

Responsible for two documents that counted the same questions by other ways: `ancestors` names the
rows of the evaluation, `overlap` of a data set those of the training, too. Which evaluations and
ancestors there are is `comparisons`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence import layout
from evidence.pack.stage_view import inputs_of
from evidence.records.evaluation import SeenQuestions
from evidence.records.inputs import OverlapRecord
from evidence.results.ancestors import seen_rows
from evidence.stages.stage import Stage
from evidence.verification.consistency.registry import Evidence, Problems, differs
from evidence.verification.problem import Problem, shown

_ROWS_OF: Final = {"exact": "exact_rows", "normalised": "normalised_rows", "ngram": "ngram_rows"}


def met_again(
    evidence: Evidence, stage: Stage, training: Stage | None, told: tuple[str, SeenQuestions]
) -> Problems:
    """Where a stage described the training's data against the same evaluation: questions that are
    met at all are the same ones, and by one measure there are some where the other has some. Of an
    evaluation of the first rows alone (`limit`) the overlap is of all rows, and n-grams leave out
    other words: then no question is met by the first two measures that is not met there. Exact."""
    where, seen = told
    for place, overlap in _overlaps(evidence, stage, training):
        met = [row for row in overlap.evaluation_rows if row < seen.num_questions]
        is_whole = stage.milestone.eval.limit is None
        found = list(seen_rows(seen)) if is_whole else sorted({*seen.exact, *seen.normalised})
        text = shown(f"not the questions that {place} says are met")
        if is_whole:
            yield from differs(where, text, met, found)
        elif not {*found} <= {*met}:
            yield Problem(where, text, f"among {met}", str(found))
        for key, of_training in _ROWS_OF.items() if is_whole else ():
            is_some = bool(getattr(overlap, of_training))
            if bool(getattr(seen, key)) is not is_some:
                text = shown(f"{place} has {'rows' if is_some else 'no row'} by this measure")
                yield Problem(f"{where}/{key}", text)


def _overlaps(
    evidence: Evidence, stage: Stage, training: Stage | None
) -> Iterator[tuple[str, OverlapRecord]]:
    """What was told of the training's rows against what the evaluation asks, and where."""
    if training is None or not training.is_named:
        return
    name, asked = training.milestone.train.data, stage.milestone.given_eval
    of_rows = training.milestone.data[name]
    for one in (stage, training):
        own, inputs = one.milestone, inputs_of(evidence.documents, one)
        if inputs is None or asked is None or name not in inputs.data or own.given_eval != asked:
            continue
        is_same = own.data.get(asked.data) == stage.milestone.data.get(asked.data)
        overlap = inputs.data[name].overlap
        if is_same and own.data.get(name) == of_rows and isinstance(overlap, OverlapRecord):
            yield f"{one.path(layout.INPUTS)}#/data/{name}/overlap", overlap
