"""Every causal family that transformers can build: its record and its saved weights agree."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import torch

from evidence.backends.transformers.causality import sees_the_future
from evidence.backends.transformers.models import model_record, refuse_other_class
from evidence.records.inputs import ModelRecord
from evidence.records.milestone import ModelSpec
from evidence.rules.arithmetic import training_flops
from evidence.verification.consistency.checkpoint import (
    dtype_problems,
    parameter_problems,
    shape_problems,
)
from evidence.verification.problem import Problem
from evidence.verification.reading.safetensors_header import Tensor, read_header
from evidence.worker.interface import StageFailure
from evidence.worker.model_folders import ENCODERS, causal_types, why_not_causal
from tests.backends.families import FAMILIES, UNBUILT, build
from tests.tiers import sampled

pytestmark = pytest.mark.torch

QUICK = (
    "apertus", "bert", "deepseek_v3", "ernie4_5_moe", "gemma3", "gpt2", "llama", "mamba",
    "mixtral", "opt", "qwen3",
)  # fmt: skip
BUILT = tuple(family for family in FAMILIES if family not in UNBUILT)
SAVED_AS_ANOTHER = {"emu3", "mllama"}
"""Whose text model is trained, and has a type of its own that no causal class is found by."""
IDS = (5, 9, 12, 33, 44, 7, 8, 20)


def saved(model: Any, folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """config.json and the tensors of a model that was saved."""
    model.save_pretrained(folder)
    tensors: dict[str, Tensor] = {}
    for path in folder.glob("*.safetensors"):
        data = path.read_bytes()
        header = read_header(path.name, data[: 8 + int.from_bytes(data[:8], "little")], len(data))
        assert header.problems == []
        tensors |= header.tensors
    return json.loads((folder / "config.json").read_bytes()), tensors


def problems(record: ModelRecord, config: dict[str, Any], tensors: Any) -> list[Problem]:
    """All that verify would say of the weights."""
    return [
        *parameter_problems(record, tensors),
        *dtype_problems(record, tensors, "BF16"),
        *shape_problems(config, tensors),
    ]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", sampled(BUILT, QUICK))
def test_what_is_recorded_of_a_family_is_what_is_saved(family: str, tmp_path: Path) -> None:
    model = build(family, torch.bfloat16)
    record = model_record(ModelSpec(id="a/b"), tmp_path, model, "bfloat16")
    config, tensors = saved(model, tmp_path / "model")
    assert problems(record, config, tensors) == []
    unfit = why_not_causal(config, causal_types())
    assert bool(unfit) == (family in ENCODERS | SAVED_AS_ANOTHER), "evaluation loads what is saved"
    body = record.num_parameters - record.num_embedding_parameters
    assert body == model.num_parameters(exclude_embeddings=True)
    size_bytes = sum(path.stat().st_size for path in (tmp_path / "model").glob("*.safetensors"))
    assert size_bytes >= record.num_parameters * 2
    fed = 7
    expected = training_flops(record.num_parameters, record.num_embedding_parameters, fed)
    assert expected == 6 * fed * model.num_parameters(exclude_embeddings=True)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", sorted(UNBUILT))
def test_a_family_is_left_out_for_the_reason_that_is_written_down(family: str) -> None:
    says, reason = UNBUILT[family]
    assert family in FAMILIES, f"{family} is no causal family any more"
    assert reason
    with pytest.raises(Exception, match=re.escape(says)):
        build(family, torch.bfloat16)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("family", ["bert", "gemma3", "gpt2", "llama"])
def test_what_sees_ahead_is_told_by_a_forward_pass(family: str) -> None:
    assert sees_the_future(build(family, torch.float32), IDS) == (family in ENCODERS)


@pytest.mark.filterwarnings("ignore")
def test_a_model_that_is_saved_as_what_nobody_loads_is_refused_before_its_first_step() -> None:
    with pytest.raises(StageFailure, match="'mllama_text_model'"):
        refuse_other_class(build("mllama", torch.float32))
    refuse_other_class(build("gemma3", torch.float32))


def test_positions_are_embeddings_and_buffers_are_no_parameters(tmp_path: Path) -> None:
    tables = model_record(ModelSpec(id="a/b"), tmp_path, build("gpt2", torch.float32), "float32")
    assert [one.name for one in tables.embedding_tables] == [
        "transformer.wte.weight",
        "transformer.wpe.weight",
    ]
    assert tables.num_embedding_parameters == 64 * 32 + 64 * 32
    model = build("deepseek_v3", torch.float32)
    record = model_record(ModelSpec(id="a/b"), tmp_path, model, "float32")
    _, tensors = saved(model, tmp_path / "model")
    assert sum(one.num_elements for one in record.buffers) == 4
    total = sum(tensor.num_elements for tensor in tensors.values())
    assert total == record.num_parameters + 4


@pytest.mark.parametrize(
    ("edit", "part"),
    [
        ({"buffers": ()}, "num_parameters"),
        ({"num_embedding_parameters": 1}, "num_embedding_parameters"),
        ({"embedding_tables": ()}, "num_embedding_parameters"),
        ({"num_kept_in_float32": 1}, "num_kept_in_float32"),
    ],
)
def test_another_count_is_found(edit: dict[str, Any], part: str, tmp_path: Path) -> None:
    from msgspec.structs import replace

    model = build("deepseek_v3", torch.bfloat16)
    record = model_record(ModelSpec(id="a/b"), tmp_path, model, "bfloat16")
    config, tensors = saved(model, tmp_path / "model")
    if "embedding_tables" in edit:
        edit = edit | {"num_embedding_parameters": 1}
    assert any(part in one.address for one in problems(replace(record, **edit), config, tensors))
