"""Checks on what the stages of one pack say of the same thing, and on what the run says of it.

Responsible for contradictions between documents of which each by itself is in order: inputs.json
of the run and of its stages, and the questions of its evaluations. What a stage says of itself is
checked in each stage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence import layout
from evidence.data.of_stages import homes_of
from evidence.pack.stage_view import inputs_of, placed
from evidence.records.inputs import DataRecord, InputsRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.rules import scoring
from evidence.stages.stage import Stage, stages_of
from evidence.verification.consistency.asked_again import asked_again, rows_taken
from evidence.verification.consistency.identity import data_identity
from evidence.verification.consistency.loaded_again import loaded_again
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    check,
    differs,
    has_stages,
    need,
)
from evidence.verification.consistency.told_again import told_again
from evidence.verification.consistency.validated_again import validated_again
from evidence.verification.problem import Problem, shown

_OF_FILE: Final = (
    "path", "hub", "revision", "sha256", "sha256_lf", "git_blob", "size_bytes", "line_ends",
    "num_schema_violations", "files",
)  # fmt: skip
"""Of a data set: the same, whichever of its rows a stage takes."""
_OF_ROWS: Final = (
    "num_rows", "field_names", "length_chars", "num_duplicate_rows", "duplicate_rows",
    "normalised_duplicate_rows",
)  # fmt: skip
"""The same wherever the same rows are taken."""
_OF_QUESTIONS: Final = ("num_conflicting_prompts", "conflicting_rows", "overlap")
"""The same wherever these ask and answer by the same text, and meet the same evaluation."""


@check("across-stages", "what the stages say of one thing is the same", asked=has_stages)
def across_stages(evidence: Evidence) -> Problems:
    """Model, tokenizer and text of the run's inputs.json are those of its first stage; it has no
    ancestors, and the scorers of the attempt itself. Each stage has the data sets of its narrowed
    milestone, as declared. Of a data set, what is told of the file is the same in all inputs.json,
    and what is told of its rows wherever the same `where` takes them; no stage has more rows than
    the run; what is told of its questions is the same where text and evaluation are, too. Stages
    that began with the same files but the weights tell the same tokenizer, text, coverage and
    tokens of the same rows, and settings of generation. Of one row of the data, evaluations
    recorded the same question where the settings that make it are the same, and as many tokens of
    it; of the same rows, trainings told the same validation set. A checkpoint that another stage
    left has there the sizes and embeddings that are said of it here. Exact. A stage without
    inputs.json is passed over: that it lacks is said elsewhere."""
    need(evidence.context.plan, evidence.context.why_not)
    stages = stages_of(evidence.documents.milestone)
    found = [(one, inputs_of(evidence.documents, one)) for one in stages]
    told = [(one, inputs) for one, inputs in found if inputs is not None]
    first = inputs_of(evidence.documents, stages[0])
    if first is not None:
        yield from _of_run(evidence, stages[0], first)
    for stage, _ in told:
        for problem in data_identity(evidence.within(stage)):
            address = placed(stage, problem.address)
            yield Problem(address, problem.message, problem.expected, problem.actual)
    yield from _of_data(evidence, told)
    yield from told_again(evidence, told)
    yield from loaded_again(evidence, told)
    yield from asked_again(evidence, told)
    yield from validated_again(evidence, told)


def _of_run(evidence: Evidence, stage: Stage, first: InputsRecord) -> Problems:
    top = evidence.documents.inputs
    text = f"not as in {stage.path(layout.INPUTS)}, of the first stage, which the run's is taken of"
    for name in ("model", "tokenizer", "text"):
        place = f"{layout.INPUTS}#/{name}"
        expected, actual = getattr(first, name), getattr(top, name)
        yield from _same(place, text, expected, actual)
    place, text = f"{layout.INPUTS}#/scorers", "other scorers than the run as a whole has"
    yield from differs(place, text, scoring.records(evidence.plan.given_eval), top.scorers)
    place = f"{layout.INPUTS}#/ancestors"
    yield from differs(place, "the run as a whole has none", [], sorted(top.ancestors))


def _same(place: str, text: str, expected: Record, actual: Record) -> Problems:
    """Two records that are to be equal: by their fields, where they are of one kind."""
    if type(expected) is not type(actual):
        yield Problem(place, text, type(expected).__name__, type(actual).__name__)
        return
    for key in expected.__struct_fields__:
        yield from differs(f"{place}/{key}", text, getattr(expected, key), getattr(actual, key))


def _of_data(evidence: Evidence, told: list[tuple[Stage, InputsRecord]]) -> Problems:
    """Each data set of each stage against the first that says something of the same."""
    known: dict[tuple[str, ...], tuple[str, DataRecord]] = {}
    for path, homes, inputs in _sources(evidence, told):
        for name in sorted(homes.keys() & inputs.data.keys()):
            record, place = inputs.data[name], f"{path}#/data/{name}"
            home = homes[name]
            of_rows = (name, rows_taken(home.data[name]))
            asked = (*of_rows, _questions(home, name))
            for key, facts in (((name,), _OF_FILE), (of_rows, _OF_ROWS), (asked, _OF_QUESTIONS)):
                before, other = known.setdefault(key, (path, record))
                text = f"not as in {before}, of the same data"
                for fact in facts:
                    expected, actual = getattr(other, fact), getattr(record, fact)
                    yield from differs(f"{place}/{fact}", shown(text), expected, actual)
            whole = evidence.documents.inputs.data.get(name)
            if whole is not None and record.num_rows > whole.num_rows:
                text, limit = "more rows than the whole set has", f"at most {whole.num_rows}"
                yield Problem(f"{place}/num_rows", text, limit, record.num_rows)


def _questions(home: Milestone, name: str) -> str:
    """What decides, beside its rows, what is told of the questions of a data set."""
    asked = home.given_eval
    against = None if asked is None else home.data.get(asked.data)
    return repr((home.data[name], asked, against, home.is_staged))


def _sources(
    evidence: Evidence, told: list[tuple[Stage, InputsRecord]]
) -> Iterator[tuple[str, Mapping[str, Milestone], InputsRecord]]:
    """Path of a document, the milestone that describes each of its data sets, and the document."""
    documents = evidence.documents
    yield layout.INPUTS, homes_of(documents.milestone), documents.inputs
    for one, inputs in told:
        own = one.milestone
        yield one.path(layout.INPUTS), dict.fromkeys(own.data, own), inputs
