"""What a row asks: its fields as a template renders them, before the first answer.

Responsible for the questions that are compared with one another, whatever their fields are called:
the evaluation prompt as it is fed, and the training text up to its answer. Words of a template
that stand around the fields are no part of a question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from evidence.data import conversations, facts
from evidence.data.facts import DataSet
from evidence.data.stored import kept_like
from evidence.data.template_text import MarkedText, Span, render_row
from evidence.errors import MalformedError
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.milestone import DataSpec, EvalSpec, Milestone
from evidence.rules import scoring
from evidence.rules.questions import Question, Questions
from evidence.text.templating import Template

Compile = Callable[[str], Template]

NO_TEXT: Final = Unavailable("it has no text template")
NOTHING_ASKED: Final = Unavailable("the milestone has no evaluation set")


def describe(
    milestone: Milestone, data: DataSet, evaluation: DataSet | None, compiled: Compile
) -> DataRecord:
    """Facts about one data set. `evaluation` is None where `data` is the evaluation set itself, or
    where there is none."""
    spec = milestone.data[data.name]
    if milestone.given_eval is None:
        nothing = facts.NOT_TAKEN if milestone.is_staged else NOTHING_ASKED
        return facts.describe(data, spec, _own(data, spec, compiled), spec.answer, nothing)
    eval_spec = milestone.eval
    if evaluation is None:
        own = _asked_of(data, spec, eval_spec, compiled)
        targets: tuple[str, ...] = spec.answer
        if spec.format is None:
            targets = (eval_spec.target_field,) if _has(data, eval_spec.target_field) else ()
        return facts.describe(data, spec, own, targets, facts.ITSELF)
    asked = _asked_of(evaluation, milestone.data[evaluation.name], eval_spec, compiled)
    return facts.describe(data, spec, _own(data, spec, compiled), spec.answer, asked)


def _own(data: DataSet, spec: DataSpec, compiled: Compile) -> Questions:
    """What the rows ask by the text of their own set."""
    has_text = spec.text is not None or spec.format is not None
    return of_training(spec, data, compiled) if has_text else NO_TEXT


def of_evaluation(spec: EvalSpec, of_data: DataSpec, data: DataSet, compiled: Compile) -> Questions:
    """What an evaluation asks: the rows of its set that it takes."""
    return _asked_of(replace(data, rows=data.rows[: spec.limit]), of_data, spec, compiled)


def _asked_of(data: DataSet, of_data: DataSpec, spec: EvalSpec, compiled: Compile) -> Questions:
    if of_data.format is not None:
        return _of_conversations(data, evaluated=True)
    return questions(data, spec.prompt, (), compiled)


def _of_conversations(data: DataSet, *, evaluated: bool) -> Questions:
    found = (conversations.contexts(row, evaluated=evaluated) for row in data.rows)
    return kept_like((Question(texts, texts) for texts in found), Question, data.rows)


def of_training(spec: DataSpec, data: DataSet, compiled: Compile) -> Questions:
    """What the rows of a training ask before their answer."""
    if spec.format is not None:
        return _of_conversations(data, evaluated=False)
    return questions(data, spec.text or "", spec.answer, compiled)


def questions(data: DataSet, source: str, answer: Sequence[str], compiled: Compile) -> Questions:
    """What each row asks; Unavailable where the template cannot be rendered."""
    constant = frozenset(scoring.constant_fields(data.rows))
    try:
        template = compiled(source)
    except MalformedError as error:
        return Unavailable(error.message)

    def asked() -> Iterator[Question]:
        for index, row in enumerate(data.rows):
            try:
                yield _question(render_row(template, row), answer, constant)
            except MalformedError as error:
                raise MalformedError(f"row {index}: {error.message}") from error

    try:
        return kept_like(asked(), Question, data.rows)
    except MalformedError as error:
        return Unavailable(error.message)


def _has(data: DataSet, field: str) -> bool:
    return all(field in row for row in data.rows)


def _question(marked: MarkedText, answer: Sequence[str], constant: frozenset[str]) -> Question:
    """The text from the first field to the last one before the answer.

    Of a text in which nothing stands before an answer (a conversation, a page), every field's text
    may be the question.
    """
    begin = min((one.start for one in marked.spans if one.field in answer), default=None)
    before = [one for one in marked.spans if begin is None or one.end <= begin]
    spans = before or list(marked.spans)
    text = marked.text[spans[0].start : spans[-1].end].strip() if spans else marked.text.strip()
    parts = () if before else tuple(_of(marked, one) for one in spans)
    varied = [one for one in spans if one.field not in constant] or spans
    said = " ".join(_of(marked, one) for one in varied) if spans else text
    return Question(tuple(dict.fromkeys((text, *parts))), (said, *parts))


def _of(marked: MarkedText, span: Span) -> str:
    return marked.text[span.start : span.end].strip()
