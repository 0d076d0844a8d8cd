"""Laws of what the documents of several stages say of one thing: an honest pack says it once and
the same everywhere, and a lie in one of them contradicts the others, however it is sealed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from tests.command import evidence
from tests.comparisons.test_confusions import HONEST, edit, rows_to, whole
from tests.packs.sealing import reseal
from tests.shared import made_once

CHAIN = HONEST.replace(
    '[[stage]]\nname = "check"',
    '[[stage]]\nname = "third"\nkind = "train"\ndata = "turned"\ninit = "stage:second"\n'
    'where = { final_answer = ["1", "2", "3", "4"] }\n\n[[stage]]\nname = "check"',
)
pytestmark = pytest.mark.torch
Lie = Callable[[Path], None]


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "chain-of-stages", whole(CHAIN))
    return Path(shutil.copytree(made, tmp_path / "runs/T6"))


def errors(pack: Path) -> list[tuple[str, str]]:
    report = json.loads(evidence("verify", str(pack), "--json").out)
    one = report[0] if isinstance(report, list) else report
    one = one["reports"][0] if "reports" in one else one
    return [(f["code"], f["address"]) for f in one["findings"] if f["severity"] == "error"]


def set_at(path: str, *keys: str, to: Any) -> Lie:
    """A value in a JSON document is made another one."""

    def lie(pack: Path) -> None:
        def change(found: Any) -> None:
            for key in keys[:-1]:
                found = found[key]
            assert found[keys[-1]] != to
            found[keys[-1]] = to

        edit(pack / path, change)

    return lie


def without_a_set(pack: Path) -> None:
    edit(pack / "stages/third/inputs.json", lambda found: found["data"].pop("turned"))


def test_what_the_stages_of_an_honest_pack_say_is_the_same(pack: Path) -> None:
    assert errors(pack) == []
    assert evidence("verify", str(pack)).exit == 0


OF_RUN = [
    (("model", "id"), "google/gemma-2b"),
    (("model", "source"), "hub"),
    (("model", "init_seed"), None),
    (("model", "num_parameters"), 2_500_000_000),
    (("tokenizer", "sha256"), "1" * 64),
    (("tokenizer",), {"unavailable": "not reported"}),
    (("scorers",), [{"kind": "rule", "name": "exact", "pattern": None, "version": 99}]),
]


@pytest.mark.parametrize(("keys", "value"), OF_RUN, ids=lambda one: str(one)[:30])
def test_the_run_has_the_model_and_the_tokenizer_of_its_first_stage(
    keys: tuple[str, ...], value: Any, pack: Path
) -> None:
    set_at("inputs.json", *keys, to=value)(pack)
    reseal(pack, [])
    assert ("across-stages", f"inputs.json#/{'/'.join(keys)}") in errors(pack)


@pytest.mark.parametrize(
    ("stage", "name", "key", "value"),
    [
        ("third", "turned", "sha256", "1" * 64),
        ("third", "turned", "sha256_lf", "1" * 64),
        ("third", "turned", "git_blob", "1" * 40),
        ("third", "turned", "path", "rows.jsonl"),
        ("third", "turned", "num_rows", 60),
        ("second", "turned", "num_rows", 11),
        ("second", "turned", "duplicate_rows", [3]),
        ("check_first_clean", "clean", "sha256", "1" * 64),
        ("check_third_clean", "clean", "size_bytes", 1),
        ("check_third_clean", "turned", "num_rows", 5),
    ],
)
def test_a_stage_says_of_a_data_set_what_the_run_and_the_other_stages_say(
    stage: str, name: str, key: str, value: Any, pack: Path
) -> None:
    path = f"stages/{stage}/inputs.json"
    set_at(path, "data", name, key, to=value)(pack)
    reseal(pack, [])
    assert ("across-stages", f"{path}#/data/{name}/{key}") in errors(pack)


def test_a_stage_names_every_data_set_that_it_uses(pack: Path) -> None:
    without_a_set(pack)
    reseal(pack, [])
    assert ("across-stages", "stages/third/inputs.json#/data") in errors(pack)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("id", "z0"),
        ("target", "6"),
        ("prompt", "What is 1 + 1?\n"),
        ("under_test", ["What is"]),
    ],
)
def test_evaluations_of_one_data_set_recorded_the_same_questions(
    field: str, value: Any, pack: Path
) -> None:
    path = "stages/check_second_injected/predictions.jsonl"
    rows = [json.loads(line) for line in (pack / path).read_text().splitlines()]
    assert rows[1][field] != value
    rows[1][field] = value
    rows_to(pack / path, rows)
    reseal(pack, [])
    assert ("across-stages", f"{path}#L2/{field}") in errors(pack)


@pytest.mark.parametrize(
    ("stage", "key", "value"),
    [
        ("third", "weights_sha256", "1" * 64),
        ("check_third_clean", "weights_sha256", "1" * 64),
        ("second", "weights_sha256", "1" * 64),
        ("check_second_clean", "num_parameters", 10**9),
        ("second", "num_parameters", 10**9),
    ],
)
def test_a_stage_begins_with_the_weights_of_its_checkpoint_and_as_those_that_begin_alike(
    stage: str, key: str, value: Any, pack: Path
) -> None:
    path = f"stages/{stage}/inputs.json"
    set_at(path, "model", key, to=value)(pack)
    weights = pack / f"stages/{stage}/weights.json"
    if key == "weights_sha256" and weights.exists():
        edit(weights, lambda found: found.update(start_sha256=value))
    reseal(pack, [])
    assert ("stage-weights", f"{path}#/model/{key}") in errors(pack)


@pytest.mark.parametrize(
    ("stage", "moment", "said"),
    [("third", "before", "third"), ("second", "after", "third"), ("second", "before", "second")],
)
def test_a_stage_is_probed_before_as_the_same_weights_were_elsewhere(
    stage: str, moment: str, said: str, pack: Path
) -> None:
    events = [json.loads(line) for line in (pack / layout.JOURNAL).read_bytes().splitlines()]
    probes = [one for one in events if one["event"] == "probe"]
    (found,) = (
        o["data"] for o in probes if (o["data"]["stage"], o["data"]["moment"]) == (stage, moment)
    )
    found["loss"] *= 1.1
    rows_to(pack / layout.JOURNAL, events)
    reseal(pack, [])
    line = next(
        number
        for number, one in enumerate(events, 1)
        if one["event"] == "probe"
        and (one["data"]["stage"], one["data"]["moment"]) == (said, "before")
    )
    assert ("stage-probes", f"{layout.JOURNAL}#L{line}/data/loss") in errors(pack)


def test_weights_whose_digest_is_not_recorded_are_not_said_to_be_checked(pack: Path) -> None:
    (pack / "stages/second/weights.json").unlink()
    reseal(pack, [])
    report = json.loads(evidence("verify", str(pack), "--json").out)
    assert "third: no digest of its weights is recorded" in json.dumps(report)


@pytest.mark.parametrize(("stage", "key"), [("third", "rms_start"), ("second", "rms_end")])
def test_a_stage_tells_of_its_weights_what_the_stage_before_told_of_the_same(
    stage: str, key: str, pack: Path
) -> None:
    def change(found: Any) -> None:
        for one in found["tensors"]:
            one[key] *= 1.001

    edit(pack / f"stages/{stage}/weights.json", change)
    reseal(pack, [])
    assert ("stage-weights", "stages/third/weights.json#/tensors/0/rms_start") in errors(pack)


def test_evaluations_that_ask_the_same_say_the_same_of_an_ancestor(pack: Path) -> None:
    path = "stages/check_third_clean/inputs.json"
    set_at(path, "ancestors", "second", "ngram", to=[0])(pack)
    reseal(pack, [])
    assert ("ancestors", f"{path}#/ancestors/second") in errors(pack)
