"""From data sets to what a stage feeds: training examples, prompts, targets, probe texts.

Responsible for joining data, templates and tokenizer. Imports no ML framework.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from evidence import limits
from evidence.data import conversations
from evidence.data.chat_text import Chat, needed, prompt_text, training_text
from evidence.data.choices import choices_of, refuse_choices
from evidence.data.facts import DataSet, Row, field_names
from evidence.data.read import MAX_SHOWN, load_data
from evidence.data.seam import Mismatch, Seam, bridge, find_seam, mismatches, token_mismatches
from evidence.data.stored import kept
from evidence.data.template_text import MarkedText, as_text, render_row
from evidence.data.tokens import (
    IGNORED,
    Coder,
    Example,
    build_example,
    coverage,
    num_targets,
    unseen_answers,
)
from evidence.encoding import jsonio
from evidence.errors import DataError, MalformedError
from evidence.records.inputs import SEAM_CHARS, SeamRecord
from evidence.records.milestone import DataSpec, EvalSpec
from evidence.records.record import Record
from evidence.records.run import AttemptPlan
from evidence.rules import groups, sampling
from evidence.rules.under_test import parts_of
from evidence.text import templating

TOO_MANY: Final = (
    f"and evidence, which names each such row, holds {sampling.MAX_ROWS_NAMED} names: no pack "
    "could be made of this run"
)


class EvalExample(Record):
    """One evaluation example before generation."""

    index: int
    id: str
    prompt: str
    target: str
    groups: dict[str, str]
    under_test: tuple[str, ...] = ()
    spelled: bool = False
    """Whether the prompt spells its special tokens, as a chat template does: none are added."""
    choices: tuple[str, ...] = ()
    right: int = 0
    """Which of the choices is right, from 0."""
    place: str = ""
    """File and line, for messages."""


class ProbeText(Record):
    """A text after which the loss of another is measured."""

    given: str
    wanted: str
    spelled: bool = False


Texts = Callable[[Row], MarkedText]


def texts_of(name: str, spec: DataSpec, chat: Chat | None) -> Texts:
    """What makes the training text of a row. Raises DataError for conversations without a chat
    template; what it gives raises MalformedError."""
    if spec.format is not None:
        only_last = spec.learn == "last-assistant"
        return partial(training_text, chat=needed(chat, name), only_last=only_last)
    return partial(render_row, templating.compile_text(spec.text or ""))


def prompts_of(plan: AttemptPlan, chat: Chat | None) -> Texts:
    """What makes the evaluation prompt of a row, likewise."""
    name = plan.eval.data
    if plan.data[name].format is not None:
        return partial(prompt_text, chat=needed(chat, name))
    return partial(render_row, templating.compile_text(plan.eval.prompt))


def fields_told(spec: DataSpec, data: DataSet) -> tuple[str, ...]:
    """Whose way to the model is told: fields, or speakers."""
    if spec.format is None:
        return field_names(data.rows)
    return conversations.speakers_in(data.rows, only_last=spec.learn == "last-assistant")


def training_examples(plan: AttemptPlan, data: DataSet, coder: Coder) -> Sequence[Example]:
    """Every row as the model gets it.

    Raises DataError when no row teaches an answer field, when a step may hold no row that teaches
    anything, or when more rows are cut than can be named.
    """
    spec = plan.data[plan.train.data]
    examples = examples_of(data, spec, coder, plan.train.max_length)
    unseen = unseen_answers(coverage(spec.answer, spec.answer, examples))
    if unseen and not spec.answer_may_be_unseen:
        raise DataError(_unseen_message(plan, unseen, len(examples)))
    if not spec.answer_may_be_unseen:
        _refuse_empty_steps(plan, data, examples)
    cut = [len(example.cut) for example in examples if example.num_cut]
    if sum(cut) + 2 * len(cut) > sampling.MAX_ROWS_NAMED:
        text = f"{len(cut)} of {len(examples)} rows are cut at max_length = {plan.train.max_length}"
        raise DataError(f"{text}, {TOO_MANY}. Shorten the texts or raise it")
    return examples


def examples_of(data: DataSet, spec: DataSpec, coder: Coder, max_length: int) -> Sequence[Example]:
    """Every row of a set as tokens. Raises DataError for a row that makes no text."""
    text_of = texts_of(data.name, spec, coder.chat)

    def made() -> Iterator[Example]:
        for index, row in enumerate(data.rows):
            try:
                marked = text_of(row)
            except MalformedError as error:
                raise DataError(f"{data.place(index)}: {error.message}") from error
            yield build_example(index, marked, coder, spec, max_length)

    return kept(made(), Example)


def _refuse_empty_steps(plan: AttemptPlan, data: DataSet, examples: Sequence[Example]) -> None:
    """The loss of a step without a target is a division by nothing: the run would diverge there.

    Refused is what is certain: steps of one row. Whether a larger step comes to hold such rows
    alone is for the shuffle to say; it may well be that none does, and then nothing is wrong.
    """
    spec = plan.train
    if spec.batch_size * spec.gradient_accumulation > 1:
        return
    idle = [row.source_row for row in examples if not num_targets(row.labels)]
    if not idle:
        return
    shown = ", ".join(map(str, idle[:MAX_SHOWN])) + (", …" if idle[MAX_SHOWN:] else "")
    raise DataError(
        f"{len(idle)} of {len(examples)} rows of [data.{spec.data}] have no token that carries "
        f"loss (counted from 0: {shown}; the first is {data.place(idle[0])}), and a step is one "
        f"row: theirs would have none. max_length = {spec.max_length} cuts their answers off, or "
        "they have none: raise it, shorten their texts, or leave the rows out"
    )


def _unseen_message(plan: AttemptPlan, unseen: Sequence[str], num_rows: int) -> str:
    names = " and ".join(f"'{name}'" for name in unseen)
    return (
        f"the model would never be taught {names}: declared as answer, but in 0 of {num_rows} rows "
        f"does a token of it carry loss. Put the fields into [data.{plan.train.data}] text and "
        "let the loss reach them (see max_length); if this is meant, say "
        "answer_may_be_unseen = true"
    )


def questions(
    plan: AttemptPlan, root: Path, chat: Chat | None = None, *, in_words: bool = False
) -> tuple[tuple[EvalExample, ...], str, int]:
    """The examples to evaluate in order, the data's digest source, and how many rows there are.

    `in_words`: of conversations what is said stands for the prompt, where no tokenizer is at hand.
    """
    spec, of_data = plan.eval, plan.data[plan.eval.data]
    data = load_data(root, spec.data, of_data)
    is_chat = of_data.format is not None
    text_of = _in_words if is_chat and in_words else prompts_of(plan, chat)
    rows, tested = data.rows[: spec.limit], of_data.under_test
    found: list[EvalExample] = []
    for index, row in enumerate(rows):
        needed_fields = () if is_chat or spec.choices is not None else (spec.target_field,)
        for name in (*needed_fields, *spec.group_by):
            if name not in row:
                raise DataError(f"{data.place(index)}: has no {name!r}")
        if spec.choices is not None:
            refuse_choices(data.place(index), row, spec.choices, spec.target_field)
        asked = question_of(spec, text_of, index, row, of_data)
        found.append(replace(asked, place=data.place(index)))
    if tested is not None and found and not any(one.under_test for one in found):
        raise DataError(
            f"[data.{spec.data}] under_test names {tested!r}, and none of {len(found)} rows has a "
            "text of it. Name the field that holds what is tested"
        )
    for question in found:
        _refuse_long(question)
    _refuse_endless_groups(spec, found)
    return tuple(found), data.content.sha256, len(data.rows)


def _in_words(row: Row) -> MarkedText:
    return MarkedText(conversations.contexts(row, evaluated=True)[0], ())


def question_of(
    spec: EvalSpec, text_of: Texts, index: int, row: Row, of_data: DataSpec
) -> EvalExample:
    """What one row asks. `text_of` makes its prompt; the fields it needs are there. Of a
    conversation the last turn, the assistant's, is the target."""
    tested, is_chat = of_data.under_test, of_data.format is not None
    choices, right = ((), 0) if spec.choices is None else choices_of(row, spec.choices)
    if is_chat:
        target = conversations.answer_of(row)
    else:
        chosen = choices[right] if choices and spec.target_field not in row else None
        target = as_text(row[spec.target_field]) if chosen is None else chosen
    return EvalExample(
        index=index,
        id=as_text(row.get(spec.id_field)) or str(index),
        prompt=text_of(row).text,
        target=target,
        groups={name: as_text(row[name]) for name in spec.group_by},
        under_test=() if tested is None else parts_of(row.get(tested)),
        spelled=is_chat,
        choices=choices,
        right=right,
    )


def _refuse_long(question: EvalExample) -> None:
    """Refuse before the training what no line of predictions.jsonl, or no name, could hold."""
    for name, value in question.groups.items():
        if len(value) > limits.MAX_GROUP_VALUE_CHARS:
            raise DataError(
                f"{question.place}: {name!r} has {len(value)} characters, and scores are grouped "
                f"by it: a group's name has at most {limits.MAX_GROUP_VALUE_CHARS}. Group by "
                "shorter values"
            )
    texts = (question.id, question.prompt, question.target)
    others = (*question.under_test, *question.choices)
    size_bytes = len(jsonio.dump_row([*texts, *others, question.groups]))
    if size_bytes > limits.MAX_ASKED_BYTES:
        raise DataError(
            f"{question.place}: its id, prompt, target and groups take {size_bytes} bytes; a line "
            f"of predictions.jsonl has room for {limits.MAX_ASKED_BYTES}. Shorten them or leave it "
            "out"
        )


def _refuse_endless_groups(spec: EvalSpec, found: Sequence[EvalExample]) -> None:
    values = {(name, value) for question in found for name, value in question.groups.items()}
    num_scores = len(spec.all_scorers) + len(spec.measured)
    size_bytes = groups.size_bytes((value for _, value in values), num_scores)
    if size_bytes > groups.MAX_GROUPS_BYTES:
        raise DataError(
            f"[eval] group_by makes {len(values)} groups, more than results.json can hold scores "
            "of. Group by fields with fewer and shorter values",
        )


def seams_of(
    plan: AttemptPlan, rows: Iterable[Row], asked: Row, chat: Chat | None
) -> Iterator[Seam]:
    """Where the text of each training row and the evaluation prompt meet.

    The prompt is made of the same row where it has the fields, else of `asked`, a row to evaluate.
    Raises MalformedError where a template cannot be filled in.
    """
    spec = plan.data[plan.train.data]
    text_of, prompt_of = texts_of(plan.train.data, spec, chat), prompts_of(plan, chat)
    for row in rows:
        text = text_of(row)
        try:
            prompt = prompt_of(row)
        except (MalformedError, LookupError):
            prompt = prompt_of(asked)
        yield find_seam(text, prompt, spec)


def probe_texts(
    plan: AttemptPlan, data: DataSet, root: Path, chat: Chat | None = None
) -> tuple[ProbeText, ...]:
    """Texts of the first questions: the loss falls on `wanted`.

    What stands between prompt and answer has the form that the first text of `data`, which is
    trained on, gives it.
    """
    found, _, _ = questions(plan, root, chat)
    first = data.rows[0]
    asked = load_data(root, plan.eval.data, plan.data[plan.eval.data]).rows[0]
    between = bridge(next(seams_of(plan, (first,), asked, chat)), plan.eval.answer_after)
    return tuple(
        ProbeText(one.prompt + between, one.target, one.spelled)
        for one in found[: sampling.NUM_PROBED]
    )


def form_mismatches(
    plan: AttemptPlan, data: DataSet, asked: DataSet, chat: Chat | None = None
) -> tuple[Mismatch, ...]:
    """What does not fit in the first training text that has an answer and what is fed. Texts of a
    chat template that is not at hand are not compared."""
    sets = (plan.data[plan.train.data], plan.data[plan.eval.data])
    if chat is None and any(one.format is not None for one in sets):
        return ()
    seams = seams_of(plan, data.rows, asked.rows[0], chat)
    teaches_all = plan.data[plan.train.data].loss == "all"
    first = next((one for one in seams if one.answers or teaches_all), None)
    if first is None:
        return ()  # no text has an answer: `training_examples` refuses that in its own words
    return tuple(mismatches(first, plan.eval.answer_after, seams))


def token_warnings(
    plan: AttemptPlan, data: DataSet, root: Path, coder: Coder, examples: Sequence[Example]
) -> tuple[str, ...]:
    """What does not fit in tokens only: where the texts themselves do not, they say it better."""
    asked = load_data(root, plan.eval.data, plan.data[plan.eval.data])
    row = _first_taught(examples)
    seam = next(seams_of(plan, data.rows[row.source_row :], asked.rows[0], coder.chat))
    if seam.fed is None or form_mismatches(plan, data, asked, coder.chat):
        return ()
    plain = coder.of(plan.data[plan.train.data])
    found = token_mismatches(seam.text, seam.fed_text, row, plain, plan.train.max_length)
    return tuple(one.message for one in found)


def seam_record(
    plan: AttemptPlan, data: DataSet, root: Path, coder: Coder, examples: Sequence[Example]
) -> SeamRecord:
    """The seam of the first training row that teaches something, for inputs.json."""
    asked = load_data(root, plan.eval.data, plan.data[plan.eval.data])
    row = _first_taught(examples)
    seam = next(seams_of(plan, data.rows[row.source_row :], asked.rows[0], coder.chat))
    probed = probe_texts(plan, data, root, coder.chat)[0]
    found = tuple(one.message for one in form_mismatches(plan, data, asked, coder.chat))
    target = next((one for one in row.labels[1:] if one != IGNORED), None)
    return SeamRecord(
        fed=seam.fed_text[-SEAM_CHARS:],
        continuation=seam.text[seam.fed or 0 :][:SEAM_CHARS],
        first_target="" if target is None else coder.decode([target]),
        waits_for=plan.eval.answer_after,
        probe_given=probed.given[-SEAM_CHARS:],
        probe_wanted=probed.wanted[:SEAM_CHARS],
        mismatches=(*found, *token_warnings(plan, data, root, coder, examples)),
    )


def _first_taught(examples: Sequence[Example]) -> Example:
    taught = (one for one in examples if any(label != IGNORED for label in one.labels[1:]))
    return next(taught, examples[0])
