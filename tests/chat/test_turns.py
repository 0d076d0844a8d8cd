"""The loss falls on what the assistant says and its end of turn, in every shape of template."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence.data.chat_seen import chat_seen, turns_fed
from evidence.data.chat_text import prompt_text
from evidence.data.conversations import as_conversation
from evidence.data.examples import texts_of
from evidence.data.tokens import IGNORED, Coder, Example, build_example
from evidence.errors import DataError, MalformedError
from evidence.records.milestone import DataSpec, Learn, ModelSpec
from tests.chat.shapes import (
    CHATML,
    EVERY,
    GEMMA,
    LLAMA3,
    LLAMA3_DATED,
    MARKED,
    MISTRAL,
    NO_END,
    QWEN,
    Shape,
    tokenizer_of,
)

pytestmark = pytest.mark.torch

TALK = [
    {"role": "system", "content": "You are kind."},
    {"role": "user", "content": "What is 3 plus 4?"},
    {"role": "assistant", "content": "It is 7."},
    {"role": "user", "content": "Who are you?"},
    {"role": "assistant", "content": "A model."},
]
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]
CALL = {"type": "function", "function": {"name": "add", "arguments": {"a": 3}}}
CALLED = [
    {"role": "user", "content": "What is 3 plus 4?"},
    {"role": "assistant", "content": None, "tool_calls": [CALL]},
    {"role": "tool", "content": "7"},
    {"role": "assistant", "content": "It is 7."},
]


def spec_of(learn: Learn = "assistant") -> DataSpec:
    loss = "all" if learn == "all" else "fields"
    return DataSpec(
        path="d", format="messages", learn=learn, loss=loss, answer=("assistant",), append_eos=False
    )


class Reader:
    """A shape's tokenizer, and rows as it makes them."""

    def __init__(self, shape: Shape, model: ModelSpec | None = None, **made: Any) -> None:
        from evidence.backends.tokenizer import coder

        self.tokenizer = tokenizer_of(shape, **made)
        self.coder: Coder = coder(self.tokenizer, model or ModelSpec(path="m"))

    def row(
        self, turns: Sequence[Any], learn: Learn = "assistant", longest: int = 999, **more: Any
    ) -> Example:
        row = as_conversation({"messages": list(turns), **more}, "messages")
        spec = spec_of(learn)
        marked = texts_of("train", spec, self.coder.chat)(row)
        return build_example(0, marked, self.coder, spec, longest)

    def taught(self, found: Example) -> str:
        """What carries loss, a bar before each stretch of it."""
        pairs = zip(found.ids, found.labels, strict=True)
        runs = groupby(pairs, lambda pair: pair[1] != IGNORED)
        stretches = [[token for token, _ in run] for carries, run in runs if carries]
        return "".join(f"|{self.tokenizer.decode(one)}" for one in stretches)


@pytest.mark.parametrize("name", EVERY)
def test_the_loss_falls_on_the_assistants_turns_and_their_ends(name: str) -> None:
    shape = EVERY[name]
    reader = Reader(shape, adds_bos=True)
    found = reader.row(TALK if shape.takes_system else TALK[1:])
    assert found.round_trips
    lines = {"chatml": "\n", "qwen": "\n", "gemma": "\n", "phi": "\n"}
    blank, end = " " if name == "mistral" else "", shape.end + lines.get(name, "")
    assert reader.taught(found) == f"|{blank}It is 7.{end}|{blank}A model.{end}"
    assert found.ids.count(reader.coder.bos_id) == (shape.bos is not None)
    told = chat_seen(spec_of(), [{"messages": TALK}], reader.coder, [found])
    assert told is not None
    assert [one.text for one in told.end_tokens] == [shape.end]
    assert told.num_ends_learned == 2
    assert {one.speaker: (one.num_turns, one.num_learned) for one in told.speakers} == {
        "system": (int(shape.takes_system), 0), "user": (2, 0), "assistant": (2, 2),
    }  # fmt: skip


@pytest.mark.parametrize("name", EVERY)
def test_each_speaker_is_found_where_its_words_stand(name: str) -> None:
    shape = EVERY[name]
    reader, talk = Reader(shape), TALK if shape.takes_system else TALK[1:]
    found = reader.row(talk)
    for turn, said in zip(found.turns, talk, strict=True):
        text = reader.tokenizer.decode(found.ids[turn.first : turn.end])
        assert turn.speaker == said["role"]
        if turn.speaker == "assistant":
            assert text.strip().startswith(said["content"])
        else:
            assert text == said["content"]


def test_only_the_last_turn_or_all_carry_loss_where_the_milestone_says_so() -> None:
    reader = Reader(CHATML)
    found = reader.row(TALK, "last-assistant")
    assert reader.taught(found) == "|A model.<|im_end|>\n"
    assert [one.speaker for one in found.turns][2::2] == ["earlier_assistant", "assistant"]
    assert all(label != IGNORED for label in reader.row(TALK, "all").labels)


def test_a_system_prompt_that_the_template_injects_is_nobodys_turn() -> None:
    reader = Reader(QWEN)
    found = reader.row(TALK[1:])
    assert "You are of use." in reader.tokenizer.decode(found.ids)
    assert [one.speaker for one in found.turns] == ["user", "assistant"] * 2


def test_calls_of_tools_are_learned_and_their_answers_read() -> None:
    reader = Reader(QWEN)
    found = reader.row(CALLED, tools=TOOLS)
    call = '<call>add {"a": 3}</call><|im_end|>\n'
    assert reader.taught(found) == f"|{call}|It is 7.<|im_end|>\n"
    assert [one.speaker for one in found.turns] == ["user", "assistant", "tool", "assistant"]
    told = chat_seen(spec_of(), [{"messages": CALLED, "tools": TOOLS}], reader.coder, [found])
    assert told is not None
    assert (told.num_rows_with_tools, told.tools) == (1, ("add",))


def test_a_template_without_an_end_of_turn_teaches_no_end() -> None:
    reader = Reader(NO_END)
    found = reader.row(TALK)
    assert reader.taught(found) == "|It is 7.\n|A model.\n"
    told = chat_seen(spec_of(), [{"messages": TALK}], reader.coder, [found])
    assert told is not None
    assert (told.num_ends_learned, told.end_tokens) == (0, ())


def test_marks_that_leave_the_end_of_turn_out_do_not_teach_it() -> None:
    inside, outside = "<|im_end|>{% endgeneration %}", "{% endgeneration %}<|im_end|>"
    reader = Reader(CHATML, ModelSpec(chat_template=MARKED.template.replace(inside, outside)))
    found = reader.row(TALK)
    assert reader.taught(found) == "|It is 7.|A model."
    told = chat_seen(spec_of(), [{"messages": TALK}], reader.coder, [found])
    assert told is not None
    assert told.num_ends_learned == 0


@pytest.mark.parametrize(
    ("shape", "turns", "more", "said"),
    [
        (CHATML, TALK, {"tools": TOOLS}, "leaves out the tools that the row offers"),
        (GEMMA, TALK, {}, "the chat template refuses it: no system prompt here"),
        (GEMMA, [*TALK[1:3], *TALK[4:]], {}, "user and assistant take turns"),
        (CHATML, [TALK[1], {**TALK[2], "tool_calls": [CALL]}], {}, "leaves out the tool calls of"),
        (NO_END, [TALK[1], {**TALK[2], "content": "\n\nIt is 7."}], {}, "a token stands across"),
        (LLAMA3_DATED, TALK, {}, "so no two runs would be the same"),
    ],
    ids=["tools", "system", "order", "calls", "merged", "date"],
)
def test_what_the_model_would_not_see_or_nobody_can_prove_is_refused(
    shape: Shape, turns: list[Any], more: dict[str, Any], said: str
) -> None:
    texts = ["assistant\n\nIt is 7.\n\nA\n\n"] * 8
    with pytest.raises(MalformedError) as error:
        Reader(shape, texts=texts).row(turns, **more)
    assert said in error.value.message


def test_a_template_that_writes_earlier_turns_otherwise_is_refused() -> None:
    """As those do that cut thoughts out of all turns but the last."""
    forgets = CHATML.template.replace(
        "{{ m.content }}", "{{ m.content if loop.last or m.role != 'assistant' else '…' }}"
    )
    reader = Reader(CHATML, ModelSpec(chat_template=forgets))
    with pytest.raises(MalformedError, match="up to the end of turn 3 otherwise than within"):
        reader.row(TALK)
    assert reader.taught(reader.row(TALK[:3])) == "|It is 7.<|im_end|>\n"


def test_marks_of_fewer_passages_than_turns_are_refused() -> None:
    once = MARKED.template.replace("m.role == 'assistant'", "m.role == 'assistant' and loop.last")
    with pytest.raises(MalformedError, match=r"marks 1 passages as generated .* has 2 turns"):
        Reader(CHATML, ModelSpec(chat_template=once)).row(TALK)


def test_a_generation_prompt_that_training_never_wrote_is_refused() -> None:
    model = ModelSpec(chat_values={"enable_thinking": False})
    with pytest.raises(MalformedError, match="up to the generation prompt of turn 3 otherwise"):
        Reader(QWEN, model).row(TALK)


def test_a_value_of_the_milestone_reaches_the_template() -> None:
    dated = Reader(LLAMA3_DATED, ModelSpec(chat_values={"date_string": "26 Jul 2024"}))
    assert "Today: 26 Jul 2024" in dated.tokenizer.decode(dated.row(TALK).ids)


def test_no_template_is_said_with_what_to_do() -> None:
    reader = Reader(CHATML)
    reader.tokenizer.chat_template = None
    from evidence.backends.tokenizer import coder

    assert coder(reader.tokenizer, ModelSpec(path="m")).chat is None
    with pytest.raises(DataError, match=r"\[data.train\] holds conversations, and the tokenizer"):
        texts_of("train", spec_of(), None)
    reader.tokenizer.chat_template = {"default": CHATML.template, "rag": "x"}
    chat = coder(reader.tokenizer, ModelSpec(path="m")).chat
    assert chat is not None
    assert chat.text == CHATML.template


@pytest.mark.parametrize("name", EVERY)
def test_what_is_fed_begins_what_was_taught_token_for_token(name: str) -> None:
    reader = Reader(EVERY[name])
    row = as_conversation({"messages": TALK[1:]}, "messages")
    assert reader.coder.chat is not None
    prompt = prompt_text(row, reader.coder.chat).text
    found = reader.row(TALK[1:])
    fed = reader.coder.of(spec_of()).encode(prompt)[0]
    assert list(found.ids[: len(fed)]) == fed
    first = [turn for turn in found.turns if turn.speaker == "assistant"][-1].first
    assert len(fed) == first


@pytest.mark.parametrize("longest", [20, 40, 60])
def test_a_row_that_is_cut_says_which_turns_it_lost(longest: int) -> None:
    reader = Reader(LLAMA3)
    whole, found = reader.row(TALK), reader.row(TALK, longest=longest)
    assert found.ids == whole.ids[:longest]
    assert found.labels == whole.labels[:longest]
    fed = turns_fed(found, longest)
    assert all(turn.end <= longest for turn in fed)
    told = chat_seen(spec_of(), [{"messages": TALK}], reader.coder, [found])
    assert told is not None
    assert sum(one.num_read for one in told.speakers) == len(fed)
    assert sum(one.num_turns for one in told.speakers) == len(TALK)


_WORDS = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Co", "Cc")), min_size=1, max_size=12
).filter(lambda text: bool(text.strip()) and text == text.strip() and "<" not in text)


@pytest.fixture(scope="module")
def readers() -> dict[str, Reader]:
    return {name: Reader(shape) for name, shape in EVERY.items()}


@settings(max_examples=25, deadline=None)
@given(said=st.lists(st.tuples(_WORDS, _WORDS), min_size=1, max_size=3))
def test_whatever_is_said_only_the_assistant_is_learned(
    readers: dict[str, Reader], said: list[tuple[str, str]]
) -> None:
    turns = [
        {"role": role, "content": text}
        for pair in said
        for role, text in zip(("user", "assistant"), pair, strict=True)
    ]
    for name, reader in readers.items():
        found = reader.row(turns)
        taught = reader.taught(found).split(EVERY[name].end)
        answers = [answer for _, answer in said]
        assert [one.strip().removeprefix("|").strip() for one in taught[:-1]] == answers, name
        ends = sum(turn.speaker == "assistant" for turn in found.turns)
        assert ends == len(said)


def test_the_system_prompt_of_another_place_is_refused_and_not_guessed() -> None:
    """Mistral's first templates wrote it into the last turn of the user."""
    moved = MISTRAL.template.replace("said if loop.first", "said if loop.revindex0 <= 1")
    with pytest.raises(MalformedError, match="otherwise than within"):
        Reader(MISTRAL, ModelSpec(chat_template=moved)).row(TALK)
