"""What Tunix's Gemma would compute otherwise is refused by name, and with what to do."""

from __future__ import annotations

import json
from typing import Any

import pytest

from evidence.backends.tunix.configuration import refuse, refuse_settings
from evidence.records.training import TrainSpec
from evidence.worker.interface import StageFailure
from tests.backends.tunix.pair import ROOT

SETTINGS: dict[str, Any] = json.loads(
    (ROOT / "milestones/models/tiny-gemma/config.json").read_bytes()
)


@pytest.mark.parametrize(
    "edit",
    [
        {"attention_bias": True},
        {"attention_dropout": 0.1},
        {"hidden_act": "silu"},
        {"rms_norm_eps": 1e-5},
        {"rope_theta": 1e6},
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
        {"rope_parameters": {"rope_theta": 5e5, "rope_type": "default"}},
        {"tie_word_embeddings": False},
        {"use_bidirectional_attention": True},
        {"quantization_config": {"quant_method": "bitsandbytes"}},
        {"num_key_value_heads": 3},
        {"head_dim": 15},
    ],
    ids=lambda edit: next(iter(edit)),
)
def test_another_model_than_tunix_has_is_refused_by_name(edit: dict[str, Any]) -> None:
    refuse(SETTINGS)
    with pytest.raises(StageFailure) as found:
        refuse(SETTINGS | edit)
    assert found.value.kind == "requirement-not-met"
    named = {"rope_parameters": "rope_t"}.get(next(iter(edit)), next(iter(edit)))
    assert named in found.value.message
    assert 'backend = "transformers"' in found.value.message


@pytest.mark.parametrize("kind", ["gemma2", "gemma3_text", "llama", None])
def test_another_type_is_refused_with_those_that_can_be_taken(kind: str | None) -> None:
    with pytest.raises(StageFailure, match=r"google/gemma-2b") as found:
        refuse(SETTINGS | {"model_type": kind})
    assert repr(kind) in found.value.message


def test_a_number_format_that_masks_cannot_be_written_in_is_refused() -> None:
    refuse_settings(TrainSpec(dtype="bfloat16"))
    with pytest.raises(StageFailure, match=r"bfloat16.*float32"):
        refuse_settings(TrainSpec(dtype="float16"))
