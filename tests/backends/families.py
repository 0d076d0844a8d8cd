"""Every causal family of the installed transformers, from a tiny configuration.

Responsible for the configurations. A family whose own rules leave no tiny configuration, or whose
packages are not here, raises: the tests skip it with that reason, none is left out silently.
"""

from __future__ import annotations

from collections.abc import Mapping
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
    "granitemoehybrid": {"mamba_n_heads": 8, "mamba_d_head": 8},
    "mamba2": {"num_heads": 8, "head_dim": 8},
    "gpt_neo": {"attention_types": [[["global", "local"], 1]]},
    "lfm2_moe": {"layer_types": ["full_attention", "full_attention"]},
    "codegen": {"rotary_dim": 4},
    "gptj": {"rotary_dim": 4},
    "gemma3n_text": {"num_hidden_layers": 4, "num_kv_shared_layers": 0,
                     "layer_types": ["full_attention"] * 4,
                     "intermediate_size": [48] * 4, "activation_sparsity_pattern": [0.0] * 4},
}  # fmt: skip
_COMPUTED: Final[Mapping[str, str]] = {"falcon": "head_dim"}
"""What a family computes from the others and lets nobody set."""


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
