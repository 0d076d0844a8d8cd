"""Conversations from a milestone to a verified pack, with a real tiny model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.encoding.digest import sha256_hex
from evidence.verification.verification import verify_pack
from tests.chat.shapes import CHATML, LLAMA3_DATED, QWEN
from tests.chat.talking import document, make, project, say
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, "chat", make)
    return made


def test_a_chat_is_trained_evaluated_and_verified(root: Path) -> None:
    pack = root / "runs/C1"
    report = verify_pack(pack)
    assert report.verdict == "INTACT", report.findings
    text, seen = document(pack, "inputs.json")["text"], document(pack, "seen.json")
    assert text["template"] == QWEN.template
    assert text["chat"] == {
        "source": "tokenizer",
        "template_sha256": sha256_hex(QWEN.template.encode()),
        "values": {},
        "spans": "prefixes",
    }
    assert text["seam"]["mismatches"] == []
    counts = {
        one["speaker"]: (one["num_turns"], one["num_read"], one["num_learned"])
        for one in seen["chat"]["speakers"]
    }
    assert counts == {
        "system": (8, 8, 0), "user": (17, 17, 0), "tool": (1, 1, 0), "assistant": (18, 18, 18),
    }  # fmt: skip
    assert seen["chat"]["num_ends_learned"] == 18
    assert seen["chat"]["tools"] == ["add"]
    saved = pack / "training_output/final_model/chat_template.jinja"
    assert saved.read_text("utf-8") == QWEN.template


def test_an_evaluation_feeds_the_template_with_its_generation_prompt(root: Path) -> None:
    lines = (root / "runs/C1/predictions.jsonl").read_text("utf-8").splitlines()
    first = json.loads(lines[0])
    assert first["prompt"] == (
        "<|im_start|>system\nYou are of use.<|im_end|>\n<|im_start|>user\nWhat is 0 plus 30?"
        "<|im_end|>\n<|im_start|>assistant\n"
    )
    assert first["target"] == "It is 30."
    assert first["groups"] == {"kind": "even"}


def test_a_clone_tells_what_was_asked_and_says_what_it_does_not_render(root: Path) -> None:
    said = say(root, "verify", "runs/C1", "--repo", ".", "--json", status=0)
    checks = {one["id"]: one for one in json.loads(said)["checks"]}
    assert checks["repo-evaluation"]["outcome"] == "pass"
    assert checks["repo-data-facts"]["outcome"] == "pass"
    assert checks["repo-rows"]["outcome"] == "not_checked"
    assert "chat template" in checks["repo-rows"]["reason"]


def test_the_summary_shows_speakers_apart_and_what_was_learned_of_each(root: Path) -> None:
    summary = (root / "runs/C1/c1_summary.md").read_text("utf-8")
    told = summary.partition("## What the Model Saw")[2].partition("\n## ")[0]
    for line in (
        "| user | 17 | 17 | 0 |",
        "| assistant | 18 | 18 | 18 |",
        "is learned in 18 of 18 turns of the assistant.",
        "Tools are offered in 1 row: `add`.",
        "*user*\n\n<pre>\n&lt;|im_end|&gt;⏎",
        "<b>A model.&lt;|im_end|&gt;⏎</b>",
        "brought along by the tokenizer",
    ):
        assert line in told, line
    assert "went through it" not in summary


def test_a_template_of_the_milestone_is_saved_and_said(tmp_path: Path) -> None:
    """And of the assistant only the last turn is learned, where that is asked for."""
    other = QWEN.template.replace("'You are of use.'", "manner")
    model = f'chat_template = {json.dumps(other)}\nchat_values = {{ manner = "Be brief." }}'
    root = project(tmp_path / "mine", QWEN, model, 'learn = "last-assistant"')
    say(root, "run", "C1")
    pack = root / "runs/C1"
    assert verify_pack(pack).verdict == "INTACT"
    text, seen = document(pack, "inputs.json")["text"], document(pack, "seen.json")
    assert text["chat"]["source"] == "milestone"
    assert text["chat"]["values"] == {"manner": "Be brief."}
    assert (pack / "training_output/final_model/chat_template.jinja").read_text("utf-8") == other
    counts = {one["speaker"]: one["num_learned"] for one in seen["chat"]["speakers"]}
    assert counts == {"system": 0, "user": 0, "tool": 0, "earlier_assistant": 0, "assistant": 9}
    summary = (pack / "c1_summary.md").read_text("utf-8")
    assert "of the milestone, SHA-256" in summary
    assert "Be brief." in document(pack, "inputs.json")["text"]["seam"]["probe_given"]


def test_doctor_refuses_a_tokenizer_without_a_template(tmp_path: Path) -> None:
    root = project(tmp_path / "mine", CHATML)
    (root / "model/chat_template.jinja").unlink()
    said = say(root, "doctor", "C1", status=2).replace("\n", " ")
    assert "has no chat template, and [data.train] and [data.eval] hold conversations" in said


def test_a_template_that_writes_the_day_ends_the_attempt_with_what_to_do(tmp_path: Path) -> None:
    root = project(tmp_path / "mine", LLAMA3_DATED)
    said = say(root, "run", "C1", status=4)
    assert "chat_values" in said
