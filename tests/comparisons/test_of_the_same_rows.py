"""Laws of what several stages tell of the very same rows beside their questions: choices, numbers
of tokens and validation sets, by which losses and scores are divided."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.comparisons.test_across_stages import errors
from tests.comparisons.test_confusions import rows_to
from tests.packs.sealing import reseal
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

_VALIDATION = """[data.validation]
path = "validation.jsonl"
answer = ["final_answer"]
text = "{{ prompt }}\\nAnswer: {{ final_answer }}"

[train]
validate_every_steps = 3
"""
_ASKED = """[eval]
metrics = ["mean_loss"]
choices = { right = "right" }
"""
MILESTONE = (
    tiny.STAGED.partition("[[gate]]")[0]
    .replace("seeds = [5, 6]\n", "")
    .replace("half = 2", "half = 1")
    .replace("[train]\n", _VALIDATION)
    .replace("[eval]\n", _ASKED)
)
CHECK = "stages/check_B/predictions.jsonl"


def project(folder: Path) -> Path:
    tiny.project(folder, MILESTONE)
    asked = (folder / "checks.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in asked]
    more = [
        {"choices": ["no idea", one["expected_answer"], f"{n} apples"], "right": 1}
        for n, one in enumerate(rows)
    ]
    rows_to(folder / "checks.jsonl", [{**row, **own} for row, own in zip(rows, more, strict=True)])
    told = [{"prompt": f"What is {n} + 40?", "final_answer": str(n + 40)} for n in range(3)]
    rows_to(folder / "validation.jsonl", told)
    return tiny.committed_and_run(folder)


@pytest.fixture
def pack(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "stages-of-the-same-rows", project)
    return Path(shutil.copytree(made / "runs/T7", tmp_path / "runs/T7"))


def row_of_check(pack: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """The second row of what the second checkpoint was asked."""
    rows = [json.loads(line) for line in (pack / CHECK).read_text().splitlines()]
    change(rows[1])
    rows_to(pack / CHECK, rows)
    reseal(pack, [])


def test_stages_of_an_honest_pack_tell_the_same_of_the_same_rows(pack: Path) -> None:
    assert errors(pack) == []


def _another_choice(row: dict[str, Any]) -> None:
    row["choices"]["texts"][2] = "none at all"


def _another_right(row: dict[str, Any]) -> None:
    row["choices"]["right"] = 0


def _fewer_tokens_of_a_choice(row: dict[str, Any]) -> None:
    row["choices"]["num_tokens"][0] += 1


def _other_answer_tokens(row: dict[str, Any]) -> None:
    row["num_answer_tokens"] += 1


def _other_prompt_tokens(row: dict[str, Any]) -> None:
    row["num_prompt_tokens"] += 1


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (_another_choice, "choices/texts"),
        (_another_right, "choices/right"),
        (_fewer_tokens_of_a_choice, "choices/num_tokens"),
        (_other_answer_tokens, "num_answer_tokens"),
        (_other_prompt_tokens, "num_prompt_tokens"),
    ],
)
def test_evaluations_of_one_row_have_its_choices_and_its_tokens(
    change: Callable[[dict[str, Any]], None], field: str, pack: Path
) -> None:
    row_of_check(pack, change)
    assert ("across-stages", f"{CHECK}#L2/{field}") in errors(pack)


@pytest.mark.parametrize(
    "key", ["num_tokens", "num_target_tokens", "num_rows_cut", "num_rows_trained_on"]
)
def test_trainings_tell_one_validation_set(key: str, pack: Path) -> None:
    events = [json.loads(line) for line in (pack / "journal.jsonl").read_text().splitlines()]
    told = [one for one in events if one["event"] == "validation-set"]
    assert told[0]["data"][key] == told[1]["data"][key]
    told[1]["data"][key] += 1
    (pack / "journal.jsonl").write_text("".join(json.dumps(one) + "\n" for one in events))
    reseal(pack, [])
    assert ("across-stages", f"journal.jsonl#L{told[1]['seq'] + 1}/data/{key}") in errors(pack)
