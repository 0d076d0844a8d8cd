"""Laws of runs that measure how likely texts are, on a real tiny model."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.self_test import edits
from evidence.self_test.bench import Bench
from evidence.self_test.forger import ForgedPack
from evidence.self_test.forgeries import FORGERIES
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from tests.seeds import tiny
from tests.shared import made_once

pytestmark = pytest.mark.torch

_WHOLE = tiny.MILESTONE.replace("seeds = [1, 2, 3]\n", "").partition("[[gate]]")[0]
_ASKED = """
before_target = " "
metrics = ["mean_loss"]
group_by = ["half"]

[eval.choices]
right = "right"
normalise = "tokens"

[[attempt]]"""
_GATES = """
[[gate]]
name = "the answers are not impossible"
metric = "eval.perplexity"
op = "<"
value = 1000000

[[gate]]
name = "something is chosen"
metric = "eval.choice.rate"
op = ">="
value = 0
"""
MILESTONE = _WHOLE.replace("[[attempt]]", _ASKED) + _GATES
MILESTONE = MILESTONE.replace('target_field = "expected_answer"\n', "")
ROWS = [
    {"id": "a", "prompt": "What is 1 + 5?", "choices": ["6", "seven", "8"], "right": 0},
    {"id": "b", "prompt": "What is 2 + 5?", "choices": ["6", "7", "no idea"], "right": "B"},
    {"id": "c", "prompt": "What is 3 + 5?", "choices": ["a b", "a  b", "8"], "right": 2},
]


def project(folder: Path, milestone: str = MILESTONE) -> Path:
    tiny.project(folder, milestone)
    rows = [{**row, "half": n % 2} for n, row in enumerate(ROWS)]
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def run_in(folder: Path, milestone: str = MILESTONE) -> Path:
    project(folder, milestone)
    return tiny.committed_and_run(folder)


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "likelihoods", run_in)


def predictions(pack: Path) -> list[dict[str, Any]]:
    text = (pack / layout.PREDICTIONS).read_text("utf-8")
    return [json.loads(line) for line in text.splitlines()]


def by_hand(folder: Path, prompt: str, text: str) -> tuple[float, int]:
    """The same with nothing of ours: the whole text, its offsets, its probabilities."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    whole = tokenizer(prompt + text, return_offsets_mapping=True)
    ids = torch.tensor([whole["input_ids"]])
    with torch.no_grad():
        log = torch.log_softmax(model(ids).logits[0].double(), -1)
    places = [n for n, (_, end) in enumerate(whole["offset_mapping"]) if end > len(prompt)]
    return math.fsum(float(log[n - 1, ids[0, n]]) for n in places), len(places)


def test_likelihoods_are_those_of_the_saved_model(ran: Path) -> None:
    pack = ran / "runs/T7"
    for row, asked in zip(predictions(pack), ROWS, strict=True):
        prompt = f"{asked['prompt']}\n "
        found = row["choices"]
        for at, text in enumerate(found["texts"]):
            total, count = by_hand(pack / layout.FINAL_MODEL, prompt, text)
            assert found["num_tokens"][at] == count
            assert found["log_likelihoods"][at] == pytest.approx(total, rel=1e-5)
        assert row["target"] == found["texts"][found["right"]]
        assert row["answer_loss"] == -found["log_likelihoods"][found["right"]]


def test_values_gates_groups_and_summary_follow_from_them(ran: Path) -> None:
    pack = ran / "runs/T7"
    values, rows = tiny.values_of(pack), predictions(pack)
    tokens = sum(row["num_answer_tokens"] for row in rows)
    loss = math.fsum(row["answer_loss"] for row in rows) / tokens
    assert values["eval.mean_loss"]["value"] == loss
    assert values["eval.perplexity"]["value"] == pytest.approx(math.exp(loss), rel=1e-15)
    right = sum(row["scores"]["choice"] for row in rows)
    assert values["eval.choice.num_correct"]["value"] == right
    assert "eval.by.half.0.choice.rate" in values
    results = json.loads((pack / layout.RESULTS).read_bytes())
    assert [gate["outcome"] for gate in results["gates"]] == ["met", "met"]
    said = (pack / "t7_summary.md").read_text("utf-8")
    assert "finds likeliest per token" in said
    assert "perplexity of" in said
    assert "| exact | contains | choice |" in said
    assert "| Id | Prompt | Right choice | Picked choice |" in said
    first = next(row for row in rows if row["id"] == "a")["choices"]
    assert f"| 6 | {first['texts'][first['picked']]} |" in said


def failed_checks(pack: Path, folder: Path, edit: Callable[[ForgedPack], None]) -> set[str]:
    bench = Bench(pack, folder)
    forged = ForgedPack(bench)
    edit(forged)
    bench.put(forged.seal().all_bytes())
    return {one.id for one in verify_pack(bench.pack).checks if one.outcome == "fail"}


def of_choices(key: str, value: Callable[[Any], Any]) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        found = pack.rows(layout.PREDICTIONS)[0]["choices"]
        found[key] = value(found[key])

    return edit


def of_row(key: str, value: Any) -> Callable[[ForgedPack], None]:
    def edit(pack: ForgedPack) -> None:
        row = pack.rows(layout.PREDICTIONS)[0]
        if value is None:
            del row[key]
        else:
            row[key] = value

    return edit


def other_score(pack: ForgedPack) -> None:
    scores = pack.rows(layout.PREDICTIONS)[0]["scores"]
    scores["choice"] = not scores["choice"]


LIES = {
    "another score": other_score,
    "another choice picked": of_choices("picked", lambda at: (at or 0) + 1),
    "another choice right": of_choices("right", lambda at: at + 1),
    "no such choice": of_choices("right", lambda _: 7),
    "a choice less": of_choices("texts", lambda found: found[:2]),
    "the same choice twice": of_choices("texts", lambda found: [found[0], *found[:2]]),
    "a likelihood of one choice": of_choices("log_likelihoods", lambda found: [0.0, *found[1:]]),
    "more tokens of one choice": of_choices("num_tokens", lambda found: [99, *found[1:]]),
    "no choices": of_row("choices", None),
    "no loss": of_row("answer_loss", None),
    "another loss than the choice of this text": of_row("answer_loss", 0.5),
    "an answer without a token": of_row("num_answer_tokens", 0),
    "compared in another way": lambda pack: pack.milestone('normalise = "tokens"\n', ""),
    "not asked for": lambda pack: pack.milestone(r'metrics = \["mean_loss"\]\n', ""),
}
NOT_ALWAYS = ("compared in another way",)
"""What another way of comparing picks may be the same: that is the author's word."""


@pytest.mark.parametrize("lie", [one for one in LIES if one not in NOT_ALWAYS])
def test_another_fact_about_likelihoods_is_found(lie: str, ran: Path, tmp_path: Path) -> None:
    pack = ran / "runs/T7"
    assert "prediction-scores" in failed_checks(pack, tmp_path, LIES[lie])


def test_the_pack_as_it_is_holds_and_so_do_the_choices_of_its_data(
    ran: Path, tmp_path: Path
) -> None:
    assert failed_checks(ran / "runs/T7", tmp_path, lambda _: None) == set()
    bench = Bench(ran / "runs/T7", tmp_path / "texts")
    forged = ForgedPack(bench)
    forged.rows(layout.PREDICTIONS)[1]["choices"]["texts"][2] = "another"
    bench.put(forged.seal().all_bytes())
    report = verify_pack(bench.pack, VerifyOptions(further=repository_checks(ran)))
    assert "repo-evaluation" in {one.id for one in report.checks if one.outcome == "fail"}


def test_a_self_test_tells_lies_about_likelihoods_and_scores_with_the_choices(
    ran: Path, tmp_path: Path
) -> None:
    assert "choice" in {one.id for one in FORGERIES}
    failed = failed_checks(ran / "runs/T7", tmp_path / "choice", edits.likelier_choice)
    assert "prediction-scores" in failed
    forged = ForgedPack(Bench(ran / "runs/T7", tmp_path / "whole"))
    for row in forged.rows(layout.PREDICTIONS):
        row["output"] = row["answer"] = "no"
    edits.whole_prediction(forged)
    row = next(one for one in forged.rows(layout.PREDICTIONS) if one["answer"] != "no")
    assert row["scores"]["exact"]
    assert row["scores"]["choice"] == (row["choices"]["picked"] == row["choices"]["right"])


def refused(folder: Path, milestone: str) -> str:
    done = tiny.run(project(folder, milestone))
    assert done.returncode == 2, done.stderr
    return done.stderr


def test_a_row_that_expects_a_choice_which_is_not_right_is_refused(tmp_path: Path) -> None:
    project(tmp_path)
    rows = [{**row, "half": 1, "expected_answer": row["choices"][0]} for row in ROWS]
    (tmp_path / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = tiny.run(tmp_path)
    assert done.returncode == 2, done.stderr
    assert "checks.jsonl:2: expects '6' in 'expected_answer', which is another" in done.stderr


def test_what_no_row_or_backend_can_answer_is_refused_before_the_run(tmp_path: Path) -> None:
    named = MILESTONE.replace('right = "right"', 'right = "rihgt"')
    assert "Did you mean 'right'?" in refused(tmp_path / "a", named)
    other = MILESTONE.replace('backend = "transformers"', 'backend = "tunix"')
    assert "does not measure how likely" in refused(tmp_path / "b", other)
    gate = MILESTONE.replace("eval.perplexity", "eval.perplexty")
    assert "eval.perplexity" in refused(tmp_path / "c", gate)
    taken = MILESTONE.replace(
        "[[attempt]]",
        '[[eval.scorer]]\nname = "choice"\nkind = "regex"\npattern = "a"\n[[attempt]]',
    )
    assert "taken already" in refused(tmp_path / "d", taken)
