"""Laws of what several stages tell of one tokenizer, of the same rows to train on, of settings of
generation and of an ancestor: files, rows and settings decide it, whatever the weights, so that a
lie in one stage contradicts another one, however it is sealed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from tests.comparisons.test_across_stages import errors, set_at
from tests.comparisons.test_confusions import rows_to
from tests.packs.sealing import reseal
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

MILESTONE = tiny.STAGED.replace('scorers = ["exact"', 'limit = 2\nscorers = ["exact"')
INPUTS = "stages/A_2/inputs.json"
OF_CHECK = "stages/check_A_2/inputs.json"


def _project(folder: Path) -> Path:
    return tiny.committed_and_run(tiny.project(folder, MILESTONE))


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "stages-told-again", _project)
    return Path(shutil.copytree(made / "runs/T7", tmp_path / "runs/T7"))


def test_stages_of_an_honest_pack_tell_the_same_again(pack: Path) -> None:
    assert errors(pack) == []


@pytest.mark.parametrize(
    ("path", "keys", "value", "field"),
    [
        (INPUTS, ("tokenizer", "vocab_size"), 1021, "tokenizer/vocab_size"),
        (INPUTS, ("tokenizer", "adds_bos"), False, "tokenizer/adds_bos"),
        (INPUTS, ("tokenizer", "chat_template"), "{{ messages }}", "tokenizer/chat_template"),
        (INPUTS, ("text", "length_tokens", "median"), 14, "text/length_tokens/median"),
        (INPUTS, ("text", "rows_not_round_trip"), [1], "text/rows_not_round_trip"),
        (INPUTS, ("text", "rows_without_bos"), [1], "text/rows_without_bos"),
        (INPUTS, ("text", "seam", "fed"), "What?\n", "text/seam/fed"),
        (INPUTS, ("data", "rows", "conflicting_rows"), [0, 1], "data/rows/conflicting_rows"),
        (INPUTS, ("data", "rows", "overlap", "ngram_rows"), [0], "data/rows/overlap"),
        (OF_CHECK, ("data", "checks", "conflicting_rows"), [0, 1], "data/checks/conflicting_rows"),
        (
            "stages/A_2/seen.json",
            ("coverage", 0, "num_rows_in_sequence"),
            5,
            "coverage/0/num_rows_in_sequence",
        ),
    ],
)
def test_a_stage_tells_of_the_same_files_and_rows_what_another_tells(
    path: str, keys: tuple[Any, ...], value: Any, field: str, pack: Path
) -> None:
    set_at(path, *keys, to=value)(pack)
    reseal(pack, [])
    assert ("across-stages", f"{path}#/{field}") in errors(pack)


def test_a_row_that_two_trainings_recorded_has_the_same_tokens(pack: Path) -> None:
    path = pack / "stages/A_2/seen.json"
    seen = json.loads(path.read_bytes())
    row = seen["batches"][0]["rows"][0]
    row["labels"][1] = row["ids"][1]
    path.write_text(json.dumps(seen))
    reseal(pack, [])
    place = "stages/A_2/seen.json#/batches/0/rows/0/labels/1"
    assert ("across-stages", place) in errors(pack)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("settings", {"do_sample": "true", "max_new_tokens": "4", "num_beams": "1"}),
        ("set_aside", {"temperature": "0.7"}),
        ("end_tokens", []),
    ],
)
def test_answers_of_two_evaluations_were_generated_by_the_same_settings(
    key: str, value: Any, pack: Path
) -> None:
    events = [json.loads(line) for line in (pack / layout.JOURNAL).read_bytes().splitlines()]
    found = [one for one in events if one["event"] == "generation"]
    assert found[-1]["data"][key] != value
    found[-1]["data"][key] = value
    rows_to(pack / layout.JOURNAL, events)
    reseal(pack, [])
    place = f"{layout.JOURNAL}#L{events.index(found[-1]) + 1}/data/{key}"
    assert ("across-stages", place) in errors(pack)


def test_an_ancestor_asks_no_question_that_its_overlap_does_not_name(pack: Path) -> None:
    checks = [f"stages/check_{of}_{seed}/inputs.json" for of in "AB" for seed in (1, 2)]
    inputs = [json.loads((pack / one).read_bytes()) for one in checks]
    said = inputs[0]["ancestors"]["A_1"]
    assert (said["exact"], said["normalised"]) == ([], [])
    for path, one in zip(checks, inputs, strict=True):
        for seen in one["ancestors"].values():
            seen["normalised"] = [1]
        (pack / path).write_text(json.dumps(one))
    reseal(pack, [])
    found = errors(pack)
    assert ("ancestors", f"{checks[0]}#/ancestors/A_1") in found
    assert ("ancestors", f"{checks[3]}#/ancestors/B_2") in found
