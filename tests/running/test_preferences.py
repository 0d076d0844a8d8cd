"""What no training here learns from is refused in one sentence: pairs of answers, models with
another head, encoder-decoders. Each says what to do instead."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.errors import MilestoneError
from evidence.running.preflight import prepare
from tests.command import evidence
from tests.project import Project, write_rows

INSTEAD = "evidence record"
PAIRS = [{"prompt": f"p{i}", "chosen": f"good {i}", "rejected": f"bad {i}"} for i in range(14)]
T5 = {"model_type": "t5", "is_encoder_decoder": True}
CLASSIFIER = {"model_type": "llama", "architectures": ["LlamaForSequenceClassification"]}


@pytest.fixture
def paired(project: Project) -> Project:
    """A project whose training rows are pairs; the milestone teaches the chosen answer."""
    write_rows(project.root / "data/train.jsonl", PAIRS)
    project.edit('answer = ["answer"]', 'answer = ["chosen"]')
    project.edit("{{ answer }}", "{{ chosen }}")
    project.edit('[data.train.fields]\nprompt = "string"\nanswer = "string"\n', "")
    return project


def refused(project: Project) -> str:
    ended = evidence("doctor", "T1", "--root", str(project.root))
    assert ended.exit == 2, ended.out
    with pytest.raises(MilestoneError) as found:
        prepare(project.root, "T1", None)
    sentence = found.value.message
    assert sentence in ended.out
    assert "\n" not in sentence
    return sentence


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("{{ chosen }}", "{{ chosen }} {{ rejected }}", "text"),
        ('answer = ["chosen"]', 'answer = ["rejected"]', "answer"),
    ],
)
def test_a_text_with_the_rejected_answer_in_it_is_refused(
    old: str, new: str, key: str, paired: Project
) -> None:
    paired.edit(old, new)
    said = refused(paired)
    assert f"data.train.{key}: teaches 'rejected'" in said
    assert 'answer = ["chosen"]' in said
    assert INSTEAD in said


def test_the_chosen_answer_alone_is_taught_like_any_other(paired: Project) -> None:
    assert prepare(paired.root, "T1", None).plans


def test_a_field_of_that_name_in_other_rows_is_a_field(paired: Project) -> None:
    write_rows(
        paired.root / "data/train.jsonl", [{"prompt": "p", "rejected": "no"} for _ in range(14)]
    )
    paired.edit('answer = ["chosen"]', 'answer = ["rejected"]')
    paired.edit("{{ chosen }}", "{{ rejected }}")
    assert prepare(paired.root, "T1", None).plans


def test_nothing_is_guessed_of_pairs(paired: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(paired.root)
    ended = evidence("new", "N1", "--data", "data/train.jsonl")
    assert ended.exit == 2
    assert "a chosen and a rejected answer" in ended.err
    assert INSTEAD in ended.err
    assert not Path("milestones/N1.toml").exists()


@pytest.mark.parametrize(
    ("config", "part"),
    [(T5, "it is an encoder-decoder (t5)"), (CLASSIFIER, "it classifies or rates texts")],
    ids=["t5", "classifier"],
)
def test_a_milestone_is_not_written_for_a_model_that_is_not_trained_here(
    config: dict[str, object], part: str, project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project.root)
    Path("model/config.json").write_text(json.dumps(config), "utf-8")
    ended = evidence("new", "N1", "--data", "data/train.jsonl", "--model", "model")
    assert ended.exit == 2
    assert part in ended.err
    assert INSTEAD in ended.err
    assert not Path("milestones/N1.toml").exists()


@pytest.mark.parametrize(
    ("config", "part"),
    [(T5, "it is an encoder-decoder (t5)"), (CLASSIFIER, "it classifies or rates texts")],
    ids=["t5", "classifier"],
)
def test_doctor_refuses_such_a_model(
    config: dict[str, object], part: str, project: Project
) -> None:
    project.edit('backend = "stub"', 'backend = "transformers"')
    (project.root / "model/config.json").write_text(json.dumps(config), "utf-8")
    assert part in refused(project)
    assert INSTEAD in evidence("doctor", "T1", "--root", str(project.root)).out
