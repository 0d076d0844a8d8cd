"""What config.json gives a decoder: its layers, and how many parameters. No tensor is loaded.

Responsible for the shapes of plain decoders, exactly, and for the number of layers of any. What is
held against them is the checks'.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, TypeGuard

from evidence.verification.consistency.registry import Evidence, config_path
from evidence.verification.problem import CannotCheckError

_PLAIN: Final = ("llama", "mistral", "gemma", "gemma2", "gemma3_text", "qwen2", "qwen3")
"""Types of models whose layers have the linear layers of `_layers`, and no others."""
_A_LAYER: Final = 7
"""Linear layers of each."""
_MAX_LAYERS: Final = 10_000
_NUMBERED: Final = re.compile(r"(?:^|\.)(?:layers|h|blocks?)\.(\d{1,6})\.")
_LAYER_KEYS: Final = ("num_hidden_layers", "n_layer", "n_layers", "num_layers")
_SEVERAL: Final = ("text_config", "encoder", "decoder", "vision", "audio", "per_stack")
"""Parts of keys of a model that has several stacks of layers, or one that is read again."""


def plain_layers(evidence: Evidence) -> dict[str, tuple[int, int]]:
    """The linear layers that config.json gives a plain decoder, by name: numbers in and out. Empty
    for any other model."""
    config = _config(evidence)
    return dict(_layers(config)) if config.get("model_type") in _PLAIN else {}


def num_layers(evidence: Evidence) -> int | None:
    """How many layers config.json gives the model; None where it has several stacks, or says it
    in no key that is known here."""
    config = _config(evidence)
    if any(part in key for key in config for part in _SEVERAL):
        return None
    found = [config[key] for key in _LAYER_KEYS if key in config]
    return found[0] if len(found) == 1 and is_count(found[0]) else None


def layer_of(name: str) -> int | None:
    """The number of the layer that a module is of; None where its name has none."""
    found = _NUMBERED.search(name)
    return int(found[1]) if found else None


def plain_parameters(config: Mapping[str, Any]) -> tuple[int, tuple[tuple[int, int], ...]] | None:
    """Numbers of a plain decoder's embedding, and from where to where its parameters can number:
    with the embedding as output head, and with a head of its own. None for any other model.

    Linear layers and embedding exactly; for norms and biases there is room.
    """
    linear = dict(_layers(config)) if config.get("model_type") in _PLAIN else {}
    vocabulary, width, inner = (
        config.get(key) for key in ("vocab_size", "hidden_size", "intermediate_size")
    )
    if not linear or not (is_count(vocabulary) and is_count(width) and is_count(inner)):
        return None
    embedding = vocabulary * width
    least = embedding + sum(one * other for one, other in linear.values())
    across = linear["model.layers.0.self_attn.q_proj"][1]
    room = len(linear) // _A_LAYER * (6 * width + 5 * across + 2 * inner) + 2 * width
    return embedding, tuple((start, start + room) for start in (least, least + embedding))


def _config(evidence: Evidence) -> Mapping[str, Any]:
    try:
        config = evidence.json(config_path(evidence))
    except CannotCheckError:
        return {}
    return config if isinstance(config, dict) else {}


def _layers(config: Mapping[str, Any]) -> Iterator[tuple[str, tuple[int, int]]]:
    width, inner = config.get("hidden_size"), config.get("intermediate_size")
    heads, layers = config.get("num_attention_heads"), config.get("num_hidden_layers")
    if not (is_count(width) and is_count(inner) and is_count(heads) and is_count(layers)):
        return
    shared, head = config.get("num_key_value_heads"), config.get("head_dim")
    across = heads * (head if is_count(head) else width // heads)
    few = across // heads * (shared if is_count(shared) else heads)
    for number in range(min(layers, _MAX_LAYERS)):
        start = f"model.layers.{number}"
        yield f"{start}.self_attn.q_proj", (width, across)
        yield f"{start}.self_attn.k_proj", (width, few)
        yield f"{start}.self_attn.v_proj", (width, few)
        yield f"{start}.self_attn.o_proj", (across, width)
        yield f"{start}.mlp.gate_proj", (width, inner)
        yield f"{start}.mlp.up_proj", (width, inner)
        yield f"{start}.mlp.down_proj", (inner, width)


def is_count(value: object) -> TypeGuard[int]:
    """Whether it is a number of things that a model can have."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 < value < 1 << 40
