"""Every causal family of the installed transformers, from a tiny configuration.

Responsible for the configurations, and for the list of families that are not built, each with its
reason. The tests hold that list in both directions: none is left out silently.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from typing import Any, Final

import torch
from transformers import CONFIG_MAPPING, AutoModelForCausalLM
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

FAMILIES: Final = tuple(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES)
MAX_PARAMETERS: Final = 40_000_000
"""A family that does not get below this with our sizes is not tiny."""

_SIZES: Final[Mapping[str, int]] = {
    **dict.fromkeys(("vocab_size",), 64),
    **dict.fromkeys(("hidden_size", "d_model", "n_embd", "dim"), 32),
    **dict.fromkeys(("intermediate_size", "ffn_dim", "d_ff", "n_inner"), 48),
    **dict.fromkeys(("num_hidden_layers", "n_layer", "num_layers", "n_layers"), 2),
    **dict.fromkeys(("decoder_layers", "encoder_layers"), 2),
    **dict.fromkeys(("num_attention_heads", "n_head", "n_heads", "num_heads"), 4),
    **dict.fromkeys(("decoder_attention_heads", "encoder_attention_heads"), 4),
    **dict.fromkeys(("max_position_embeddings", "n_positions", "n_ctx"), 64),
    **dict.fromkeys(("num_local_experts", "num_experts", "n_routed_experts"), 4),
    **dict.fromkeys(("q_lora_rank", "kv_lora_rank", "v_head_dim", "head_dim"), 8),
    **dict.fromkeys(("qk_rope_head_dim", "qk_nope_head_dim"), 8),
    **dict.fromkeys(("moe_intermediate_size", "shared_expert_intermediate_size"), 16),
    "num_key_value_heads": 2,
    "num_experts_per_tok": 2,
    "n_group": 1,
    "topk_group": 1,
    "first_k_dense_replace": 1,
    "hidden_size_per_layer_input": 8,
    "vocab_size_per_layer_input": 64,
    "pad_token_id": 0,
    "bos_token_id": 1,
    "eos_token_id": 2,
}
_OWN: Final[Mapping[str, Mapping[str, Any]]] = {
    "bamba": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "blt": {"encoder_hash_byte_group_vocab": 50},
    "codegen": {"rotary_dim": 4},
    "cohere_compass_text": {
        "rope_parameters": {"full_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    },
    "dots1": {"n_routed_experts": 4, "num_experts_per_tok": 2, "n_shared_experts": 1},
    "dots3_note_audio_encoder": {"adapter_input_size": 32, "adapter_out_dim": 32},
    "dots3_note_vision_encoder": {"mlp_layer_types": ["dense"] * 2, "adapter_in_dim": 32,
                                  "adapter_out_dim": 32},
    "gemma3n_text": {"num_hidden_layers": 4, "num_kv_shared_layers": 0,
                     "layer_types": ["full_attention"] * 4,
                     "intermediate_size": [48] * 4, "activation_sparsity_pattern": [0.0] * 4},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "gptj": {"rotary_dim": 4},
    "granitemoehybrid": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "hunyuan_v1_dense": {"head_dim": 8},
    "hunyuan_v1_moe": {"head_dim": 8},
    "lfm2_moe": {"layer_types": ["full_attention", "full_attention"]},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "ministral": {"head_dim": 8},
    "nemotron": {"head_dim": 8, "num_key_value_heads": 2},
    "prophetnet": {"num_encoder_layers": 2, "num_decoder_layers": 2,
                   "num_encoder_attention_heads": 4, "num_decoder_attention_heads": 4},
    "reformer": {"is_decoder": True, "axial_pos_embds_dim": [8, 24], "axial_pos_shape": [8, 8]},
    "xlnet": {"d_inner": 48},
    "zamba": {"num_hidden_layers": 4,
              "layers_block_type": [*["linear_attention"] * 2, *["hybrid"] * 2]},
    "zamba2": {"num_hidden_layers": 3,
               "layers_block_type": [*["linear_attention"] * 2, "hybrid"]},
    "zaya": {"num_experts_per_tok": 1},
}  # fmt: skip
_COMPUTED: Final[Mapping[str, str]] = {
    "falcon": "head_dim",
    "prophetnet": "num_hidden_layers",
    "xlnet": "max_position_embeddings",
    "xlstm": "v_head_dim",
}
"""What a family computes from the others and lets nobody set."""
UNBUILT: Final[Mapping[str, tuple[str, str]]] = {
    "dbrx": ("no attribute 'rope_theta'",
             "its attention asks for what its own configuration cannot hold"),
    **({} if find_spec("timm") and find_spec("PIL")
       else {"gemma3n": ("pip install", "needs the packages pillow and timm, for images")}),
    "gemma4_assistant": ("hidden_size_per_layer_input must be 0",
                         "drafts for another model and reads its cache; no default of its own"),
    "gemma4_unified_assistant": ("The set of layer types producing a cache",
                                 "drafts for another model and reads its cache"),
    "musicgen": ("no attribute 'dropout'", "its class wants the part of its own configuration"),
    "musicgen_melody": ("no attribute 'dropout'",
                        "its class wants the part of its own configuration"),
}  # fmt: skip
"""Families that transformers cannot make from a tiny configuration: what it says, and why."""


def tiny_config(family: str) -> Any:
    """A configuration of the family with our sizes, its parts likewise."""
    return _tiny(CONFIG_MAPPING[family], family)


def _tiny(kind: Any, family: str) -> Any:
    default = kind()
    given = {key: value for key, value in _SIZES.items() if _is_number(default, key)}
    given.pop(_COMPUTED.get(family, ""), None)
    given |= _OWN.get(family, {})
    for name, part in getattr(kind, "sub_configs", {}).items():
        found = getattr(default, name, None)
        if found is not None and not isinstance(found, dict) and part is not kind:
            given[name] = _tiny(type(found), type(found).model_type).to_dict()
    return kind(**given)


def _is_number(config: Any, key: str) -> bool:
    try:
        return isinstance(getattr(config, key, None), int)
    except Exception:  # some configurations refuse to say what differs between layers
        return False


def build(family: str, dtype: torch.dtype) -> Any:
    """A model of the family with random weights. Raises whatever keeps it from being tiny."""
    config = tiny_config(family)
    with torch.device("meta"):
        size = sum(one.numel() for one in AutoModelForCausalLM.from_config(config).parameters())
    if size > MAX_PARAMETERS:
        raise ValueError(f"still {size} parameters")
    torch.manual_seed(1)
    return AutoModelForCausalLM.from_config(tiny_config(family), dtype=dtype)
