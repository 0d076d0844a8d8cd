"""Every known form of a conversation becomes messages by one rule, and what is odd is named."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evidence.data.chat_seen import chat_seen
from evidence.data.conversations import READ, as_conversation, contexts, speakers_in, tool_names
from evidence.data.examples import training_examples
from evidence.data.read import load_data, read_rows
from evidence.errors import MalformedError, MilestoneError
from evidence.milestone.parse import read_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import DataSpec
from evidence.running.guess import Given
from evidence.running.scaffold import write_milestone
from tests.project import write_rows

ROOT = Path(__file__).parents[2]
ASK = {"role": "user", "content": "What is 3 plus 4?"}
SAY = {"role": "assistant", "content": "It is 7."}
CALL = {"id": "1", "type": "function", "function": {"name": "add", "arguments": '{"a": 3}'}}


def test_messages_stay_and_nulls_are_left_out() -> None:
    turns = [{**ASK, "name": None}, {"role": "assistant", "content": None, "tool_calls": [CALL]},
             {"role": "tool", "content": "7"}, {**SAY, "tool_calls": None}]  # fmt: skip
    row = as_conversation({"id": "r", "messages": turns, "tools": None}, "messages")
    assert row["id"] == "r"
    assert "tools" not in row
    assert row["messages"][0] == ASK
    assert row["messages"][1] == {
        "role": "assistant",
        "tool_calls": [{**CALL, "function": {"name": "add", "arguments": {"a": 3}}}],
    }
    assert row["messages"][3] == SAY


def test_sharegpt_becomes_messages() -> None:
    turns = [("human", "What is 3 plus 4?"), ("function_call", '{"name": "add", "arguments": {}}'),
             ("observation", "7"), ("gpt", "It is 7.")]  # fmt: skip
    row = {"conversations": [{"from": who, "value": said} for who, said in turns], "system": "Sum.",
           "tools": '[{"type": "function", "function": {"name": "add"}}]'}  # fmt: skip
    found = as_conversation(row, "sharegpt")
    assert [one["role"] for one in found["messages"]] == [
        "system", "user", "assistant", "tool", "assistant",
    ]  # fmt: skip
    assert found["messages"][2]["tool_calls"][0]["function"] == {"name": "add", "arguments": {}}
    assert list(tool_names(found)) == ["add"]
    assert "conversations" not in found
    assert "system" not in found


def test_alpaca_becomes_messages() -> None:
    row = {"instruction": "Add.", "input": "3 and 4", "output": "7", "kind": "sum"}
    assert as_conversation(row, "alpaca") == {
        "kind": "sum",
        "messages": [
            {"role": "user", "content": "Add.\n\n3 and 4"},
            {"role": "assistant", "content": "7"},
        ],
    }
    bare = as_conversation({"instruction": "Add.", "input": "", "output": "7"}, "alpaca")
    assert bare["messages"][0]["content"] == "Add."


@pytest.mark.parametrize(
    ("form", "row", "said"),
    [
        ("messages", {"conversations": []}, "it has 'conversations', so write format = 'sharegpt'"),
        ("sharegpt", {"instruction": "x"}, "it has 'instruction', so write format = 'alpaca'"),
        ("messages", {"messages": "hello"}, "is a text, not a list of turns"),
        ("messages", {"messages": []}, "no turn is the assistant's"),
        ("messages", {"messages": [ASK]}, "no turn is the assistant's"),
        ("messages", {"messages": [ASK, "x"]}, "turn 2 is str, not an object"),
        ("messages", {"messages": [{**ASK, "role": "bot"}, SAY]}, "turn 1: role is 'bot'"),
        ("messages", {"messages": [ASK, {"role": "assistant"}]}, "turn 2 (assistant) says nothing"),
        ("messages", {"messages": [{"role": "user"}, SAY]}, "turn 1 (user) says nothing"),
        ("messages", {"messages": [{**ASK, "content": [{"type": "image"}]}, SAY]},
         "content is list, and only text is fed"),
        ("messages", {"messages": [ASK, {**SAY, "weight": 0}]}, "turn 2 has a weight"),
        ("messages", {"messages": [ASK, {"role": "assistant", "tool_calls": [{"function": {
            "name": "add", "arguments": "{"}}]}]}, "arguments of a call: no JSON"),
        ("messages", {"messages": [ASK, {"role": "assistant", "tool_calls": [{}]}]}, "has no name"),
        ("messages", {"messages": [ASK, SAY], "tools": {}}, "'tools' is no list"),
        ("messages", {"messages": [ASK, SAY], "tools": "[1]"}, "'tools' is no list"),
        ("messages", {"messages": [ASK, {**SAY, "tool_calls": "x"}]}, "is no list of objects"),
        ("sharegpt", {"conversations": [{"from": "me", "value": "x"}]}, "turn 1: from is 'me'"),
        ("sharegpt", {"conversations": {}}, "is no list of turns"),
        ("sharegpt", {"conversations": [{"from": "function_call", "value": "x"}]}, "no JSON"),
        ("sharegpt", {"conversations": [{"from": "gpt", "value": "x"}], "system": 1}, "not text"),
        ("alpaca", {"instruction": "Add.", "output": ""}, "'output' is missing or empty"),
        ("alpaca", {"instruction": ["Add."], "output": "7"}, "'instruction' is list, not text"),
    ],
)  # fmt: skip
def test_what_is_no_conversation_is_said(form: Any, row: dict[str, Any], said: str) -> None:
    with pytest.raises(MalformedError) as error:
        as_conversation(row, form)
    assert said in error.value.message


def test_a_bad_row_is_named_by_file_and_line(tmp_path: Path) -> None:
    write_rows(tmp_path / "chat.jsonl", [{"messages": [ASK, SAY]}, {"messages": [ASK]}])
    with pytest.raises(MilestoneError, match=r"^chat\.jsonl:2: no turn is the assistant's"):
        load_data(tmp_path, "train", DataSpec(path="chat.jsonl", format="messages"))


def test_each_answer_of_a_training_row_follows_a_question() -> None:
    row = {"messages": [{"role": "system", "content": "Sum."}, ASK, SAY,
                        {"role": "user", "content": "Sure?"}, SAY]}  # fmt: skip
    whole = "What is 3 plus 4?\nIt is 7.\nSure?"
    assert contexts(row, evaluated=False) == ("What is 3 plus 4?", whole, "Sure?")
    assert contexts(row, evaluated=True) == (whole,)
    assert speakers_in([row], only_last=False) == ("system", "user", "assistant")
    assert speakers_in([row], only_last=True) == (
        "system",
        "user",
        "earlier_assistant",
        "assistant",
    )


def test_rows_keep_their_other_fields_and_where_takes_by_them() -> None:
    raw = (
        b'{"level":1,"instruction":"a","output":"b"}\n{"level":2,"instruction":"c","output":"d"}\n'
    )
    spec = DataSpec(path="x", format="alpaca", where={"level": 2})
    (row,) = read_rows("train", raw, "x", spec).rows
    assert row["level"] == 2
    assert row["messages"][0]["content"] == "c"


MILESTONE = """
schema = "milestone.v1"
id = "C1"
title = "A chat"
kind = "fine-tune-and-eval"
objective = "Talk."
[model]
path = "m"
[data.train]
path = "train.jsonl"
{}
[data.eval]
path = "eval.jsonl"
[train]
batch_size = 1
gradient_accumulation = 1
learning_rate = 0.1
[eval]
[[attempt]]
name = "here"
backend = "transformers"
"""


@pytest.mark.parametrize(
    ("learn", "loss"),
    [(None, "fields"), ("assistant", "fields"), ("last-assistant", "fields"), ("all", "all")],
)
def test_what_a_format_stands_for_is_written_out(learn: str | None, loss: str) -> None:
    more = "" if learn is None else f'learn = "{learn}"'
    milestone, _ = read_milestone(MILESTONE.format(f'format = "messages"\n{more}').encode())
    spec = milestone.data["train"]
    assert (spec.answer, spec.loss, spec.append_eos) == (("assistant",), loss, False)
    assert spec.learn == (learn or "assistant")
    assert milestone.data["eval"].answer == ()


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ('format = "chat"', "data.train.format"),
        ('learn = "all"\ntext = "{{ a }}"\nloss = "all"', "is of conversations"),
        ('format = "messages"\ntext = "{{ a }}"\nanswer = ["a"]', "does not go together"),
        ('format = "messages"\nanswer = ["a"]', "does not go together"),
        ('format = "messages"\nloss = "all"', "does not go together"),
        ("", "or `format`, of conversations"),
    ],
)
def test_keys_that_contradict_a_format_are_refused(keys: str, said: str) -> None:
    with pytest.raises(MilestoneError) as error:
        read_milestone(MILESTONE.format(keys).encode())
    assert said in error.value.message


@pytest.mark.parametrize("form", ["messages", "sharegpt"])
def test_new_finds_conversations_and_writes_a_milestone_for_them(tmp_path: Path, form: str) -> None:
    turns = {
        "messages": {"messages": [ASK, SAY]},
        "sharegpt": {"conversations": [{"from": "human", "value": "a"},
                                       {"from": "gpt", "value": "b"}]},
    }  # fmt: skip
    write_rows(tmp_path / "chat.jsonl", [turns[form]] * 2)
    given = Given(data=tmp_path / "chat.jsonl", evaluation=None, model=None)
    text = write_milestone(tmp_path, "N1", given).read_text("utf-8")
    milestone, _ = read_milestone(text.encode("utf-8"))
    for name in ("train", "eval"):
        assert milestone.data[name].format == form
    assert "{{ " not in text.partition("[[attempt]]")[0]


def test_new_names_the_line_of_a_conversation_that_is_none(tmp_path: Path) -> None:
    write_rows(tmp_path / "chat.jsonl", [{"messages": [ASK, SAY]}, {"messages": [ASK]}])
    given = Given(data=tmp_path / "chat.jsonl", evaluation=None, model=None)
    with pytest.raises(MilestoneError, match=r"chat\.jsonl:2: no turn is the assistant's"):
        write_milestone(tmp_path, "N1", given)


@pytest.mark.parametrize(
    ("form", "row"),
    [
        ("messages", {"messages": [ASK, SAY], "tools": []}),
        ("sharegpt", {"conversations": [{"from": "gpt", "value": "Hi."}], "system": "Be kind."}),
        ("alpaca", {"instruction": "Add.", "input": "3 4", "output": "7", "system": None}),
    ],
)
def test_what_a_form_reads_is_in_no_row_any_more_and_need_not_be(
    form: Any, row: dict[str, Any]
) -> None:
    """A table declares its fields, whose types it has from nowhere else."""
    kept = as_conversation({**row, "id": "r"}, form)
    assert row.keys() - kept.keys() <= READ[form]
    assert kept.keys() - row.keys() <= {"id", "messages"}


@pytest.mark.parametrize("field", ["messages", "conversations"])
def test_turns_may_be_json_in_a_table(field: str) -> None:
    form: Any = "messages" if field == "messages" else "sharegpt"
    turns = [ASK, SAY] if field == "messages" else [
        {"from": "human", "value": "What?"}, {"from": "gpt", "value": "It is 7."}]  # fmt: skip
    assert as_conversation({field: json.dumps(turns)}, form) == as_conversation(
        {field: turns}, form
    )


@pytest.mark.torch
def test_new_writes_a_template_where_the_tokenizer_has_none_and_every_answer_is_learned(
    tmp_path: Path,
) -> None:
    pytest.importorskip("transformers")
    from evidence.backends.tokenizer import coder, load_tokenizer

    shutil.copytree(ROOT / "milestones/models/tiny-gemma", tmp_path / "model")
    talk = {"messages": [{"role": "system", "content": "Be brief."}, ASK, SAY, ASK, SAY]}
    write_rows(tmp_path / "chat.jsonl", [talk] * 2)
    given = Given(data=tmp_path / "chat.jsonl", evaluation=None, model="model")
    milestone, _ = read_milestone(write_milestone(tmp_path, "N1", given).read_bytes())
    (plan,) = plan_attempts(milestone)
    made = coder(load_tokenizer(plan.model, tmp_path), plan.model)
    data = load_data(tmp_path, "train", plan.data["train"])
    seen = chat_seen(plan.data["train"], data.rows, made, training_examples(plan, data, made))
    assert seen is not None
    assert {one.speaker: one.num_learned for one in seen.speakers} == {
        "system": 0, "user": 0, "assistant": 4,
    }  # fmt: skip
    assert seen.num_ends_learned == 4
