"""Targets of LoRA that no layer has are refused before the first stage is trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.errors import MilestoneError
from evidence.running.preflight import prepare
from tests.seeds import tiny

STAGED = tiny.STAGED.partition("[[gate]]")[0].replace("seeds = [5, 6]\n", "")


def asked(folder: Path, targets: str) -> None:
    """Of the second stage."""
    lora = f"train = {{ lora = {{ rank = 2, merge = true, target_modules = {targets} }} }}\n"
    tiny.project(folder, STAGED.replace('init = "stage:A"\n', f'init = "stage:A"\n{lora}'))


def test_a_target_of_a_later_stage_is_refused_with_the_stage_and_the_line(tmp_path: Path) -> None:
    asked(tmp_path, '["q_proj", "c_attn"]')
    with pytest.raises(MilestoneError) as found:
        prepare(tmp_path, "T7", None)
    assert "stage.1.train.lora: stage B: target_modules: 'c_attn' is in no name" in str(found.value)
    assert ": stage.1.train.lora" in str(found.value)
    assert "q_proj, up_proj, v_proj" in str(found.value)


@pytest.mark.parametrize("targets", ['["q_proj", "layers.0.mlp.up_proj"]', '"all-linear"'])
def test_targets_that_are_there_are_let_alone(targets: str, tmp_path: Path) -> None:
    asked(tmp_path, targets)
    assert prepare(tmp_path, "T7", None).plans


def test_of_another_type_of_model_the_worker_has_the_last_word(tmp_path: Path) -> None:
    asked(tmp_path, '["c_attn"]')
    path = tmp_path / "model/config.json"
    config = json.loads(path.read_bytes()) | {"model_type": "gpt2"}
    path.write_text(json.dumps(config), "utf-8")
    assert prepare(tmp_path, "T7", None).plans
