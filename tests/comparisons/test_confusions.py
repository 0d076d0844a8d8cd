"""Laws of what is held against each other: two confusions that were made in earnest, built again.

One arm is trained on questions alone and the other on questions with their answers, in another
order, and the order is what the milestone says that they differ in. An evaluation of corrections
cuts the error off the prompt. Both packs are honest, and each says what it cannot show.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from tests import warm
from tests.command import evidence
from tests.packs.sealing import reseal
from tests.shared import made_once

ROOT = Path(__file__).parents[2]
MILESTONE = """
schema = "milestone.v1"
id = "T6"
title = "Two confusions"
kind = "fine-tune-and-eval"
objective = "Credit a difference to what did not make it."

[model]
config = "model"
init_seed = 3
tokenizer = "model"

[data.questions]
path = "rows.jsonl"
loss = "all"
text = "{{ prompt }}"

[data.turned]
path = "turned.jsonl"
answer = ["final_answer"]
text = "{{ prompt }}\\nAnswer: {{ final_answer }}"

[data.clean]
path = "clean.jsonl"

[data.injected]
path = "injected.jsonl"
under_test = "error"

[train]
batch_size = 2
gradient_accumulation = 2
learning_rate = 0.001
dtype = "float32"
max_length = 64
log_every_steps = 2

[eval]
prompt = "{{ prompt.split('\\n')[0] }}\\n"
target_field = "expected_answer"
max_new_tokens = 4

[[stage]]
name = "first"
kind = "train"
data = "questions"

[[stage]]
name = "second"
kind = "train"
data = "turned"

[[stage]]
name = "check"
kind = "eval"
data = ["clean", "injected"]

[[arms]]
stages = ["first", "second"]
varies = ["data"]

[[gate]]
name = "the arms differ in the order alone"
metric = "arms.first.second.num_undeclared"
op = "=="
value = 0
required = false

[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1
"""
HONEST = (
    MILESTONE.replace("prompt.split('\\n')[0]", "prompt")
    .replace('loss = "all"\ntext = "{{ prompt }}"', 'answer = ["final_answer"]\n'
             'text = "{{ prompt }}\\nAnswer: {{ final_answer }}"')
)  # fmt: skip
torch = pytest.mark.torch


def rows_to(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def whole(text: str) -> Callable[[Path], Path]:
    def make(folder: Path) -> Path:
        folder = folder / "project"
        (folder / "milestones").mkdir(parents=True)
        (folder / "milestones/T6.toml").write_text(text)
        shutil.copytree(ROOT / "milestones/models/tiny-gemma", folder / "model")
        rows = [{"prompt": f"What is {n} + 1?", "final_answer": str(n + 1)} for n in range(12)]
        rows_to(folder / "rows.jsonl", rows)
        rows_to(folder / "turned.jsonl", rows[::-1])
        asked = [
            {
                "id": f"q{n}",
                "prompt": f"What is {n} + {n + 1} + 7?\n{n} + {n + 1} = {2 * n + 1}",
                "expected_answer": str(2 * n + 8),
            }
            for n in range(20, 24)
        ]
        rows_to(folder / "clean.jsonl", asked)
        for row in asked:
            row["error"] = row["prompt"].partition("\n")[2] + "5"
            row["prompt"] += "5"
        rows_to(folder / "injected.jsonl", asked)
        ended = warm.evidence(folder, "run", "T6")
        assert ended.returncode == 0, ended.stderr
        return folder / "runs/T6"

    return make


@pytest.fixture
def confused(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "two-confusions", whole(MILESTONE))
    return Path(shutil.copytree(made, tmp_path / "runs/T6"))


@pytest.fixture
def honest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "no-confusion", whole(HONEST))


def found(pack: Path) -> list[tuple[str, str, str]]:
    report = json.loads(evidence("verify", str(pack), "--json").out)
    one = report[0] if isinstance(report, list) else report
    one = one["reports"][0] if "reports" in one else one
    return [(f["severity"], f["code"], f["message"]) for f in one["findings"]]


@torch
def test_what_the_models_saw_is_named_before_the_order_that_is_credited(confused: Path) -> None:
    said = [text for level, code, text in found(confused) if code == "arms-differ"]
    assert said[0].startswith("first and second: these arms also differ in rows in which")
    assert "final_answer carries loss: 0 of 12 rows against 12 of 12 rows" in said[0]
    lines = (confused / "t6_summary.md").read_text().splitlines()
    first = next(line for line in lines if line.startswith("- ⚠️"))
    assert "first and second: these arms also differ in rows in which" in first
    assert "0 of 12 rows against 12 of 12 rows" in first


@torch
def test_an_error_that_no_prompt_has_is_named_where_the_rate_of_corrections_is(
    confused: Path,
) -> None:
    said = found(confused)
    tested = [text for level, code, text in said if code == "not-in-prompt"]
    assert tested == [
        "error is not in the prompt of 4 of 4 rows: the model was never shown it, so its rate can "
        "only be 0 % or chance"
    ] * 2  # fmt: skip
    alike = [text for level, code, text in said if code == "pair-alike"]
    assert any("all 4 prompts are equal: the two conditions ask the same thing" in x for x in alike)
    summary = (confused / "t6_summary.md").read_text()
    warned = summary.split("**Worth knowing before reading on:**")[1].split("---")[0]
    assert "all 4 prompts are equal: the two conditions ask the same thing" in warned
    assert "the model was never shown it" in warned


@torch
def test_the_pack_itself_is_honest_and_intact(confused: Path) -> None:
    ended = evidence("verify", str(confused))
    assert ended.exit == 0, ended.out
    assert {level for level, _, _ in found(confused)} == {"warning"}
    assert evidence("render", str(confused), "--check").exit == 0


@torch
def test_arms_that_differ_as_declared_and_errors_that_are_asked_are_warned_of_in_nothing(
    honest: Path,
) -> None:
    codes = {code for _, code, _ in found(honest)}
    assert not codes & {"arms-differ", "not-in-prompt"}
    values = json.loads((honest / layout.RESULTS).read_bytes())["values"]
    assert values["arms.first.second.num_undeclared"]["value"] == 0
    assert values["check_first_injected.eval.under_test.num_in_prompt"]["value"] == 4
    assert values["pair.check_first_clean.check_first_injected.num_equal_prompts"]["value"] == 0
    assert values["check_first_clean.eval.seen.first.num_questions"]["value"] == 0


def without_arms(pack: Path) -> None:
    edit(pack / layout.RESULTS, lambda found: found.pop("arms"))


def without_pairs(pack: Path) -> None:
    edit(pack / layout.RESULTS, lambda found: found.pop("pairs"))


def called_declared(pack: Path) -> None:
    def change(found: Any) -> None:
        for one in found["arms"][0]["differences"]:
            one["standing"] = "declared"

    edit(pack / layout.RESULTS, change)


def other_text_under_test(pack: Path) -> None:
    path = pack / "stages/check_first_clean/predictions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        row["under_test"] = ["What is"]
    rows_to(path, rows)


def no_text_under_test(pack: Path) -> None:
    path = pack / "stages/check_first_injected/predictions.jsonl"
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    for row in rows:
        del row["under_test"]
    rows_to(path, rows)


def no_ancestors(pack: Path) -> None:
    edit(pack / "stages/check_first_clean/inputs.json", lambda found: found.pop("ancestors"))


def another_ancestor(pack: Path) -> None:
    def change(found: Any) -> None:
        found["ancestors"]["second"] = found["ancestors"].pop("first")

    edit(pack / "stages/check_first_clean/inputs.json", change)


def fewer_rows_trained_on(pack: Path) -> None:
    def change(found: Any) -> None:
        found["ancestors"]["first"]["num_rows"] -= 1

    edit(pack / "stages/check_first_clean/inputs.json", change)


def an_arm_less(pack: Path) -> None:
    shutil.rmtree(pack / "stages/second")


def edit(path: Path, change: Callable[[Any], object]) -> None:
    document = json.loads(path.read_bytes())
    change(document)
    path.write_text(json.dumps(document))


@torch
@pytest.mark.parametrize(
    ("lie", "forget"),
    [
        (without_arms, ["results"]),
        (without_pairs, ["results"]),
        (called_declared, ["results"]),
        (other_text_under_test, []),
        (no_text_under_test, []),
        (no_ancestors, []),
        (another_ancestor, []),
        (fewer_rows_trained_on, []),
        (an_arm_less, []),
    ],
)
def test_a_lie_about_what_was_compared_is_found_however_it_is_sealed(
    lie: Callable[[Path], None], forget: list[str], confused: Path
) -> None:
    lie(confused)
    reseal(confused, forget)
    ended = evidence("verify", str(confused))
    assert ended.exit == 1, ended.out


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('stages = ["first", "second"]', 'stages = ["first", "secnd"]', "did you mean 'second'?"),
        ('stages = ["first", "second"]', 'stages = ["first", "first"]', "is named twice"),
        ('stages = ["first", "second"]', 'stages = ["first", "check_clean"]', "no training stage"),
        ('varies = ["data"]', 'varies = ["train.learning_rat"]', "'train.learning_rate'"),
        ('varies = ["data"]', 'varies = ["order"]', "nothing that arms are compared by"),
    ],
)
def test_what_cannot_be_arms_is_refused_by_its_key(old: str, new: str, says: str) -> None:
    with pytest.raises(MalformedError, match="arms") as refused:
        parse_milestone(MILESTONE.replace(old, new).encode())
    assert says in refused.value.message
