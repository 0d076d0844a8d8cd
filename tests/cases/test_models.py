"""Cases of models and their tokens: what carries loss, what moved, what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.errors import MilestoneError
from evidence.running.preflight import prepare
from evidence.verification.verification import verify_pack
from tests.cases import project_of

END, BEGIN = 1, 2
"""Ids of <eos> and <bos> in the tokenizer of the cases."""


@pytest.mark.torch
@pytest.mark.full
def test_an_end_token_that_is_the_pad_token_carries_loss(tmp_path: Path) -> None:
    project, name = project_of("r01-pad-is-eos", tmp_path)
    result = project.run(name)
    pack = result.pack
    assert (result.status, verify_pack(pack).verdict) == ("complete", "INTACT")
    seen = read(pack, "seen.json")
    rows = [row for batch in seen["batches"] for row in batch["rows"]]
    assert rows
    for row in rows:
        assert row["ids"][-1] == row["labels"][-1] == END
        assert sum(label == END for label in row["labels"]) == 1


@pytest.mark.torch
@pytest.mark.full
def test_a_begin_token_typed_in_the_template_is_found(tmp_path: Path) -> None:
    project, name = project_of("r21-begin-token-typed", tmp_path)
    pack = project.run(name).pack
    text = read(pack, "inputs.json")["text"]
    assert text["rows_doubled_bos"] == list(range(text["num_rows"]))
    first = read(pack, "seen.json")["batches"][0]["rows"][0]
    assert first["ids"][:2] == [BEGIN, BEGIN]
    assert "the begin token twice" in summary(pack)
    assert "begin-doubled" in {one.code for one in verify_pack(pack).findings}


@pytest.mark.torch
@pytest.mark.full
def test_training_that_moves_next_to_nothing_is_said(tmp_path: Path) -> None:
    project, name = project_of("r12-bf16-nothing-moves", tmp_path)
    result = project.run(name)
    report = verify_pack(result.pack)
    assert (result.status, report.verdict) == ("complete", "INTACT")
    values = read(result.pack, "results.json")["values"]
    assert values["train.num_weights_compared"]["value"] == 102_592
    assert 0 < values["train.num_weights_changed"]["value"] < 2_000
    assert values["train.num_optimizer_steps"]["value"] == values["train.num_steps"]["value"]
    assert "weights-unmoved" in {one.code for one in report.findings}
    assert "Training hardly moved the model: of 102,592 weights" in summary(result.pack)
    assert "rounded away in bfloat16" in summary(result.pack)


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ('"model_type": "gemma"', '"model_type": "t5"', "it is an encoder-decoder (t5)"),
        ('"model_type": "gemma"', '"model_type": "vit"', "is of the type 'vit'"),
        ('"model_type": "gemma"', '"model_type": "bert"', "it is an encoder (bert)"),
        ('"vocab_size": 1024', '"vocab_size": 100', "the model's embedding ends at 99"),
        (
            '"use_cache"',
            '"quantization_config": {"bits": 4}, "use_cache"',
            "its weights are quantised",
        ),
    ],
)
def test_an_unfit_model_is_refused_before_anything_is_started(
    old: str, new: str, part: str, tmp_path: Path
) -> None:
    pytest.importorskip("transformers")
    project, name = project_of("r12-bf16-nothing-moves", tmp_path)
    config = project.root / "model" / "config.json"
    text = config.read_text("utf-8")
    assert old in text
    config.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(MilestoneError, match=r"R12\.toml:\d+: ") as refused:
        prepare(project.root, name, None)
    assert part in refused.value.message
    assert refused.value.hint
    assert not project.runs.exists()


def test_float16_weights_with_adamw_are_refused(tmp_path: Path) -> None:
    project, name = project_of("r12-bf16-nothing-moves", tmp_path)
    path = project.root / "milestones" / f"{name}.toml"
    path.write_text(path.read_text("utf-8").replace('"bfloat16"', '"float16"'), "utf-8")
    with pytest.raises(MilestoneError, match=r"train\.dtype: float16 weights cannot hold"):
        prepare(project.root, name, None)


@pytest.mark.torch
@pytest.mark.full
def test_no_pad_token_is_no_reason_to_fail(tmp_path: Path) -> None:
    project, name = project_of("r01-pad-is-eos", tmp_path)
    config = project.root / "model" / "tokenizer_config.json"
    text = config.read_text("utf-8")
    assert ' "pad_token": "<eos>",\n' in text
    config.write_text(text.replace(' "pad_token": "<eos>",\n', ""), "utf-8")
    project.git("commit", "-qam", "no pad token")
    result = project.run(name)
    assert (result.status, verify_pack(result.pack).verdict) == ("complete", "INTACT")
    named = {one["name"] for one in read(result.pack, "inputs.json")["tokenizer"]["special_tokens"]}
    assert "pad_token" not in named


def read(pack: Path, name: str) -> Any:
    return json.loads((pack / name).read_bytes())


def summary(pack: Path) -> str:
    (page,) = pack.glob("*_summary.md")
    return page.read_text("utf-8")
