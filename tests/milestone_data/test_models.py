"""Laws of the model configs: what transformers builds from them, counted without weights."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from tests.milestone_data.committed import MODELS, TRAINING

pytestmark = pytest.mark.torch


def model(name: str) -> Any:
    with torch.device("meta"):
        return AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(MODELS / name))


@pytest.mark.parametrize(
    ("name", "num_parameters", "dtype"),
    [
        ("gemma-2b", 2_506_172_416, torch.bfloat16),
        ("tiny-gemma", 3_114_752, torch.float32),
    ],
)
def test_a_config_builds_the_gemma_it_names(
    name: str, num_parameters: int, dtype: torch.dtype
) -> None:
    built = model(name)
    assert type(built).__name__ == "GemmaForCausalLM"
    assert built.num_parameters() == num_parameters
    assert {parameter.dtype for parameter in built.parameters()} == {dtype}
    assert built.lm_head.weight is built.model.embed_tokens.weight


def test_the_stand_in_has_the_architecture_of_the_model() -> None:
    small, large = (
        json.loads((MODELS / name / "config.json").read_bytes())
        for name in ("tiny-gemma", "gemma-2b")
    )
    assert small.keys() == large.keys()
    assert {key for key in small if small[key] != large[key]} == {
        "dtype",
        "head_dim",
        "hidden_size",
        "intermediate_size",
        "max_position_embeddings",
        "num_attention_heads",
        "num_hidden_layers",
        "vocab_size",
    }


def test_transformers_loads_the_tokenizer_as_it_was_trained() -> None:
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "tiny-gemma", local_files_only=True)
    assert tokenizer.is_fast
    ids = [getattr(tokenizer, f"{name}_token_id") for name in ("pad", "eos", "bos", "unk")]
    assert ids == [0, 1, 2, 3]
    for row in TRAINING[:20]:
        encoded = tokenizer(row["prompt"], return_offsets_mapping=True)
        assert encoded["input_ids"].count(tokenizer.bos_token_id) == 1
        assert tokenizer.eos_token_id not in encoded["input_ids"]
        assert encoded["input_ids"] == tokenizer.backend_tokenizer.encode(row["prompt"]).ids
        assert tokenizer.decode(encoded["input_ids"], skip_special_tokens=True) == row["prompt"]
