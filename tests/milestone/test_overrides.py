"""Laws of settings of the command line: how they are typed, where they go, what is refused."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.errors import MilestoneError, UsageError
from evidence.milestone.effective import (
    MAX_SEALED_BYTES,
    effective,
    in_a_sentence,
    overrides_in,
    sealed_as,
    with_settings,
)
from evidence.milestone.overrides import (
    MAX_SETTINGS,
    applied,
    argument,
    read_setting,
    read_settings,
    said,
    settings_of,
    shadowed,
)
from evidence.milestone.parse import document_in, parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.overrides import Setting

M43 = (Path(__file__).parents[2] / "milestones" / "M43.toml").read_bytes()
COMMAND = b"""
schema = "milestone.v1"
id = "R1"
title = "A program"
kind = "recorded-program"
objective = "Run it."

[command]
run = ["python", "train.py"]

[[attempt]]
name = "as-it-is"
backend = "command"

[[collect]]
paths = ["a/*"]

[[collect]]
paths = ["b/*"]
"""

VALUES: dict[str, Any] = {
    "train.seed=7": 7,
    "train.seed = 7": 7,
    "train.learning_rate=5e-4": 5e-4,
    "train.schedule=cosine": "cosine",
    'train.schedule="cosine"': "cosine",
    "train.schedule='7'": "7",
    "train.deterministic=false": False,
    'eval.scorers=["exact", "numeric"]': ["exact", "numeric"],
    "eval.scorers=[]": [],
    "eval.answer_after=": "",
    "eval.answer_after=a = b": "a = b",
    "eval.prompt={{ prompt }}": None,
    'eval.prompt="{{ prompt }}\\n"': "{{ prompt }}\n",
    "title=Über alles": "Über alles",
    "title=two\nlines = 3": "two\nlines = 3",
}

REFUSED_TYPED: dict[str, str] = {
    "train.seed": "is not KEY=VALUE",
    "=7": "is not KEY=VALUE",
    "train..seed=7": "is not KEY=VALUE",
    "train.'seed=7": "is not KEY=VALUE",
    "train.seed={a = 1}": "a value is a string, a finite number",
    "train.seed=1979-05-27": "a value is a string, a finite number",
    "train.seed=[[1]]": "a value is a string, a finite number",
    "train.seed=inf": "a value is a string, a finite number",
    "train.seed=nan": "a value is a string, a finite number",
    f"train.seed={2**63}": "a value is a string, a finite number",
    "train.seed=[1,": "not TOML",
    'title="open': "not TOML",
    "title=" + "x" * 70_000: "has more than 65536 characters",
    "x" * 501 + "=1": "its key has more than 500 characters",
    "title=\udcff": "is no UTF-8",
    "title=[" + "[" * 5000: "not TOML",
    'title="' + 'a"' + ".b" * 5000: "a key with more than",
}

REFUSED: dict[str, str] = {
    "train.sed=7": "unknown key train.sed (did you mean 'seed'?)",
    "trian.seed=7": "unknown key trian (did you mean 'train'?)",
    "attempt.torch.trian.seed=7": "unknown key attempt.torch.trian (did you mean 'train'?)",
    "attempt.torch.train.sed=7": "(did you mean 'seed'?)",
    "attempt.standin.train.seed=7": "there is no attempt 'standin' (did you mean 'stand-in'?)",
    "attempt.2.train.seed=7": "there is no attempt '2'; there are: jax, torch, stand-in",
    "data.trian.path=x": "there is no table data.trian (did you mean 'train'?)",
    "data.more.path=x": "there is no table data.more; there are: eval, train",
    "eval.scorer.polite.pattern=please": "there is no eval.scorer 'polite'; there are: none",
    "train.seed.x=7": "train.seed is a value, and has no keys",
    "train=7": "is a table: set each of its keys",
    "model=x": "is a table: set each of its keys",
    "policy=fail": "is a table: set each of its keys",
    "attempt.torch=x": "is a table: set each of its keys",
    "gate=[]": "is a list of tables",
    "frozen=none": "is a list of tables",
    "collect=[]": "is a list of tables",
    "id=M44": "the pack is named by it",
    "schema=milestone.v2": "the format of the file is no setting",
    "kind=rehearsal": "what a milestone is, is no setting",
    "attempt.torch.name=cuda": "go by the name",
    "gate.twenty questions are answered.name=x": "go by the name",
    "command.run=[]": "/command",
    "train.seed=abc": "'abc' is not of type integer",
    "train.seed=-1": "-1 is less than 0",
    "train.data=7": "7 is not of type string; a string is: --set 'train.data=\"7\"'",
    "train.schedule=cosinus": "'cosinus' is not one of linear, cosine",
    "train.data=tarin": "no [data.tarin] in this file",
    'eval.scorers=["exat"]': "'exat' is not one of",
    'data.train.answer=["final"]': "'final' is not among the fields",
    "model.path=here": "give exactly one of `id`, `path`, `config`",
}


@pytest.mark.parametrize("text", VALUES)
def test_a_value_is_toml_and_what_is_none_is_a_string(text: str) -> None:
    if VALUES[text] is None:  # begins like a table, and is none
        with pytest.raises(UsageError, match="the value is not TOML"):
            read_setting(text)
        return
    setting = read_setting(text)
    assert setting == Setting(text.partition("=")[0].strip(), VALUES[text])
    assert type(setting.value) is type(VALUES[text])
    assert read_setting(argument(setting)) == setting


SCALARS = (
    st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=20)
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
)


@given(SCALARS | st.lists(SCALARS, max_size=4))
def test_what_is_said_of_a_setting_can_be_typed_and_is_the_same(value: Any) -> None:
    again = read_setting(argument(Setting("eval.prompt", value)))
    assert again == Setting("eval.prompt", value)
    assert repr(again.value) == repr(value)


@pytest.mark.parametrize("text", REFUSED_TYPED, ids=range(len(REFUSED_TYPED)))
def test_what_is_no_setting_is_refused_as_it_is_typed(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_setting(text)
    assert REFUSED_TYPED[text] in refused.value.message
    assert "--set" in refused.value.message


def test_settings_past_a_number_or_a_size_are_refused() -> None:
    with pytest.raises(UsageError, match=f"and {MAX_SETTINGS} are the most"):
        read_settings(["train.seed=1"] * (MAX_SETTINGS + 1))
    words = "x" * (MAX_SEALED_BYTES // 2)
    with pytest.raises(MilestoneError, match=f"more than {MAX_SEALED_BYTES} bytes"):
        with_settings(M43, read_settings([f"objective={words}", f"narrative.impact={words}"]))


@pytest.mark.parametrize("text", REFUSED)
def test_a_setting_that_a_milestone_cannot_have_is_refused_with_its_origin(text: str) -> None:
    with pytest.raises(MilestoneError) as refused:
        with_settings(M43, [read_setting(text)])
    assert REFUSED[text] in refused.value.message or "command" in text
    assert refused.value.message.startswith(said(read_setting(text)))
    assert refused.value.hint


def test_every_setting_that_is_wrong_is_named() -> None:
    with pytest.raises(MilestoneError) as refused:
        with_settings(M43, read_settings(["train.sed=1", "id=M1", "train.seed=5"]))
    assert refused.value.message.count("\n") == 1
    with pytest.raises(MilestoneError) as refused:
        with_settings(M43, read_settings(["train.seed=x", "eval.limit=y"]))
    assert "--set train.seed=x: " in refused.value.message
    assert "--set eval.limit=y: " in refused.value.message


def test_a_key_that_is_set_twice_is_refused_however_it_is_spelled() -> None:
    with pytest.raises(MilestoneError, match="is set twice"):
        with_settings(M43, read_settings(["train.seed=1", "'train'.seed=2"]))


def test_a_setting_takes_its_place_and_the_document_stays_as_it_is() -> None:
    document = document_in(M43)
    before = deepcopy(document)
    texts = ["train.seed=7", "attempt.stand-in.train.learning_rate=5e-4", "policy.git=fail",
             "gate.twenty questions are answered.value=19", "data.train.fields.note=string",
             'attempt."torch".threads=2']  # fmt: skip
    made = applied(document, read_settings(texts))
    assert document == before
    assert made.problems == ()
    assert made.places == (
        ("train", "seed"), ("attempt", 2, "train", "learning_rate"), ("policy", "git"),
        ("gate", 2, "value"), ("data", "train", "fields", "note"), ("attempt", 1, "threads"),
    )  # fmt: skip
    assert [one.was for one in made.overrides] == [42, 0.001, None, 20, None, None]
    milestone, _ = with_settings(M43, read_settings(texts))
    plans = plan_attempts(milestone)
    assert [plan.train.seed for plan in plans] == [7] * 4
    assert [plan.train.learning_rate for plan in plans] == [2e-5, 2e-5, 5e-4, 1e-3]
    assert (milestone.policy.git, milestone.gates[2].value, plans[1].threads) == ("fail", 19, 2)


def test_entries_without_a_name_go_by_their_number() -> None:
    milestone, made = with_settings(COMMAND, read_settings(['collect.1.paths=["c/*"]']))
    assert [one.paths for one in milestone.collect] == [("a/*",), ("c/*",)]
    assert made.overrides[0].was == ["b/*"]
    with pytest.raises(MilestoneError, match="there is no collect '2'; there are: 0 to 1"):
        with_settings(COMMAND, read_settings(["collect.2.max_bytes=1"]))
    milestone, _ = with_settings(COMMAND, read_settings(['command.run=["true"]']))
    assert milestone.stages["command"]["run"] == ["true"]
    with pytest.raises(MilestoneError, match=r"unknown key command\.cwt"):
        with_settings(COMMAND, read_settings(["command.cwt=x"]))


def test_a_name_that_two_entries_have_tells_none_of_them() -> None:
    twice = M43.replace(b"twenty questions are answered", b"the interval loss at least halves")
    with pytest.raises(MilestoneError, match="2 entries of gate are named"):
        with_settings(twice, read_settings(["gate.the interval loss at least halves.value=1"]))


def test_what_an_attempt_has_of_its_own_is_not_reached_and_that_is_said() -> None:
    made = applied(document_in(M43), read_settings(["train.learning_rate=1e-4", "train.seed=3"]))
    (line,) = shadowed(made, ["torch", "stand-in"])
    assert "does not reach the attempt stand-in, which has its own (0.001)" in line
    assert line.endswith("--set attempt.stand-in.train.learning_rate=0.0001")
    assert list(shadowed(made, ["torch"])) == []


def test_what_is_sealed_reads_back_to_the_same_milestone() -> None:
    settings = read_settings(["train.seed=7", "policy.git=fail"])
    milestone, made = with_settings(M43, settings)
    data = sealed_as(made.overrides)
    assert overrides_in(data) == made.overrides
    assert settings_of(overrides_in(data)) == settings
    assert effective(M43, data) == milestone
    assert effective(M43, None) == parse_milestone(M43)
    assert list(map(in_a_sentence, made.overrides)) == [
        "--set train.seed=7; the milestone file says 42",
        "--set policy.git=fail; the milestone file does not say it",
    ]


def test_no_setting_is_the_milestone_itself() -> None:
    document = document_in(M43)
    assert applied(document, ()).document is document
