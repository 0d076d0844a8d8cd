"""A law without which no worktree reproduces: a model is the same wherever its folder lies."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence.records.milestone import ModelSpec

TINY = Path(__file__).parents[2] / "milestones/models/tiny-gemma"


@pytest.mark.torch
def test_the_digest_of_a_configuration_does_not_depend_on_its_folder(tmp_path: Path) -> None:
    import torch

    from evidence.backends.transformers.models import load_model, model_record

    spec = ModelSpec(config="model", init_seed=1, tokenizer="model")
    records = []
    for name in ("here", "elsewhere"):
        shutil.copytree(TINY, tmp_path / name / "model")
        model = load_model(spec, tmp_path / name, torch.float32, torch.device("cpu"))
        records.append(model_record(spec, tmp_path / name, model, "float32"))
    assert records[0] == records[1]
