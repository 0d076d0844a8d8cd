"""What `evidence keys`, the templates and the records say of a milestone's keys is one thing."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import Draft202012Validator
from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from evidence.encoding import schema
from evidence.milestone.keys import EDITOR_SCHEMA, WRITTEN_BY, Key, asked_for, editor_schema, tables
from evidence.milestone.parse import document_of
from evidence.milestone.wanted import as_typed
from evidence.records import milestone as asked
from evidence.records.eval_spec import ChoicesSpec
from evidence.records.program import CommandSpec
from evidence.records.training import LoraSpec, TrainSpec
from tests.command import evidence

ROOT: Final = Path(__file__).parents[2]
TEMPLATES: Final = ("milestone.toml", "milestone-of-data.toml")
RECORDS: Final[dict[str, type[Struct]]] = {
    "": asked.Milestone,
    "model": asked.ModelSpec,
    "data": asked.DataSpec,
    "data.hub": asked.HubDataSpec,
    "train": TrainSpec,
    "train.lora": LoraSpec,
    "eval": asked.EvalSpec,
    "eval.choices": ChoicesSpec,
    "eval.scorer": asked.PatternSpec,
    "attempt": asked.AttemptSpec,
    "attempt.requires": asked.RequirementSpec,
    "gate": asked.GateSpec,
    "frozen": asked.FrozenSpec,
    "policy": asked.PolicySpec,
    "narrative": asked.NarrativeSpec,
    "publish": asked.PublishSpec,
    "secrets.allow": asked.AllowSpec,
    "collect": asked.CollectSpec,
    "metric": asked.MetricSpec,
    "stage": asked.StageSpec,
    "arms": asked.ArmsSpec,
    "launch": asked.LaunchSpec,
    "command": CommandSpec,
}
NOTHING: Final[tuple[Any, ...]] = (None, "", (), NODEFAULT)
"""Defaults that say that a key is not there, which is no value to print."""
LINE: Final = re.compile(r"(?:# )?(?:\[\[?(?P<table>[a-z_.]+)\]\]?|(?P<key>\w+) = (?P<value>.+))")
EVERY: Final[list[Key]] = [key for table in tables() for key in table.keys]
ALL_DEFAULTS: Final = {key.path: key.default for key in EVERY if key.default is not None}


def test_every_table_of_the_schema_has_its_record() -> None:
    assert {one.path for one in tables()} == set(RECORDS)


@pytest.mark.parametrize("path", RECORDS)
def test_a_default_of_the_schema_is_that_of_the_record(path: str) -> None:
    """A new key of a record needs its `default` in the schema, where it has one."""
    (table,) = [one for one in tables() if one.path == path]
    given = {one.name: one.default for one in fields(RECORDS[path])}
    for key in table.keys:
        default = given.get(key.name)
        if key.needed or default in NOTHING:
            assert key.default is None, key
        else:
            assert key.default == (list(default) if isinstance(default, tuple) else default), key
            assert isinstance(key.default, bool) == isinstance(default, bool), key


def test_every_key_is_described_and_says_what_it_may_be() -> None:
    assert [key.path for key in EVERY if not key.meaning or not key.values] == []
    assert [one.path for one in tables() if not one.meaning] == []


def test_a_meaning_does_not_repeat_the_default() -> None:
    assert [
        key.path for key in EVERY if key.path in ALL_DEFAULTS and "(default " in key.meaning
    ] == []


@pytest.mark.parametrize("name", ["train", "eval"])
def test_keys_of_an_attempt_are_those_of_the_table_without_its_defaults(name: str) -> None:
    whole = schema.load("milestone.v1")
    plain = {
        key: {word: part for word, part in own.items() if word != "default"}
        for key, own in whole["properties"][name]["properties"].items()
    }
    assert {key: plain.get(key) for key in own_keys(whole, name)} == own_keys(whole, name)


def own_keys(whole: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = whole["$defs"]["attempt"]["properties"][name]["properties"]
    return found


def template_lines(name: str) -> Iterator[tuple[str, str, str]]:
    """Path of each key in a template, its value and its comment, commented lines among them."""
    table = ""
    for line in (ROOT / "templates/v1" / name).read_text("utf-8").splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        if found["table"]:
            table = re.sub(r"^data\.(train|eval)", "data", found["table"])
        else:
            value, _, comment = found["value"].partition("   #" if "   #" in line[2:] else " #")
            yield f"{table}.{found['key']}".lstrip("."), value.strip(), comment


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_setting_in_a_template_has_the_default_or_says_it(name: str) -> None:
    text = (ROOT / "templates/v1" / name).read_text("utf-8")
    told = 0
    for path, value, comment in template_lines(name):
        default = ALL_DEFAULTS.get(path)
        is_setting = path.startswith(("train.", "eval.", "data.", "launch."))
        if default is None or not is_setting or "@" in value or "default" in comment:
            continue
        shown = document_of(f"v = {value}")["v"]
        told += 1
        assert shown == default or f"(default {as_typed(default)})" in text, path
    assert told >= 5


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_default_that_a_comment_names_is_that_of_the_schema(name: str) -> None:
    for path, value, comment in template_lines(name):
        if found := re.search(r"\bdefault ([\w.\"{} -]*?)(?:[:;,]|$)", comment):
            said = found[1].strip()
            assert said.strip('"') == as_typed(ALL_DEFAULTS[path]).strip('"'), path
        if found := re.search(r"(\w+) \(default\)", comment):
            assert found[1] == ALL_DEFAULTS[path], value


def test_the_template_has_every_setting_of_training_and_evaluation() -> None:
    there = {path for path, _, _ in template_lines("milestone.toml")}
    wanted = {key.path for key in EVERY if key.path.startswith(("train.", "eval."))}
    text = (ROOT / "templates/v1/milestone.toml").read_text("utf-8")
    assert {one for one in wanted - there if one.rpartition(".")[2] not in text} == set()


def test_keys_prints_every_key_with_its_default() -> None:
    said = " ".join(evidence("keys").out.split())
    for key in EVERY:
        assert f"{key.name} = " in said, key
    for path, default in ALL_DEFAULTS.items():
        assert f"default {' '.join(as_typed(default).split())}" in said, path


def test_json_has_the_same() -> None:
    said = json.loads(evidence("keys", "--format", "json").out)
    found = {key["path"]: key.get("default") for table in said for key in table["keys"]}
    assert found == {key.path: key.default for key in EVERY}


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("train.warmup", {"train.warmup_steps", "train.warmup_ratio"}),
        ("warmup", {"train.warmup_steps", "train.warmup_ratio"}),
        ("[[eval.scorer]]", {"eval.scorer.name", "eval.scorer.kind", "eval.scorer.pattern"}),
        ("launch", {"launch.processes", "launch.strategy"}),
        ("log-uniform", set()),
    ],
)
def test_a_word_finds_a_table_a_beginning_or_a_meaning(word: str, wanted: set[str]) -> None:
    if not wanted:
        ended = evidence("keys", word)
        assert ended.exit == 2
        assert "has no key" in ended.err
        return
    assert {key.path for table in asked_for(word) for key in table.keys} == wanted


def test_a_misspelt_key_is_told_the_nearest() -> None:
    ended = evidence("keys", "train.sede")
    assert ended.exit == 2
    assert "did you mean 'train.seed'?" in ended.err


def test_the_schema_for_editors_is_one_valid_document_with_programs_in_it() -> None:
    said = json.loads(evidence("keys", "--format", "schema").out)
    assert said == editor_schema()
    Draft202012Validator.check_schema(said)
    command = said["properties"]["command"]
    assert "run" in command["properties"]
    assert not [key for key in (*command, *said) if key == "$id"]


@pytest.mark.parametrize("given", [(), ("--data", "rows.jsonl")])
def test_a_new_milestone_points_editors_to_the_schema_beside_it(
    given: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("rows.jsonl").write_text('{"question": "1 + 1?", "answer": "2"}\n', "utf-8")
    assert evidence("new", "N1", *given).exit == 0
    first, *_ = (tmp_path / "milestones/N1.toml").read_text("utf-8").splitlines()
    named = first.removeprefix("#:schema ")
    assert named != first
    found = json.loads((tmp_path / "milestones" / named).read_bytes())
    assert found == editor_schema()
    with (tmp_path / "milestones/N1.toml").open("rb") as file:
        assert list(Draft202012Validator(found).iter_errors(tomllib.load(file))) == []
    assert str(ROOT) not in first


@pytest.mark.parametrize("stays", [b'{"mine": true}\n', b"no JSON"])
def test_a_schema_of_another_version_is_written_anew_and_a_file_of_the_users_stays(
    stays: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    beside = tmp_path / "milestones" / EDITOR_SCHEMA
    assert evidence("new", "N1").exit == 0
    beside.write_text(json.dumps({"$comment": WRITTEN_BY, "type": "object"}), "utf-8")
    assert evidence("new", "N2").exit == 0
    assert json.loads(beside.read_bytes()) == editor_schema()
    beside.write_bytes(stays)
    assert evidence("new", "N3").exit == 0
    assert beside.read_bytes() == stays
