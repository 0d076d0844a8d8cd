"""Which tensors of transformers each parameter of Tunix's Gemma is made of, and how.

Responsible for names, transposes and stacks, both ways, of the first Gemma. It is ours because
Tunix's own loader takes `post_attention_layernorm` for what Gemma 2 calls so; in the first Gemma it
is the norm before the MLP. Works on arrays of NumPy and of JAX alike: an optimizer sees the tensors
of transformers, since what Adafactor factors depends on their shapes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from tunix.models.gemma.model import ModelConfig

from evidence.records.record import Record

Path = tuple[str | int, ...]
"""Where a parameter is in Tunix's model."""
Tensors = dict[str, Any]
"""By their names in the safetensors of transformers."""

EMBEDDING: Final = "model.embed_tokens.weight"


class Parameter(Record):
    """One parameter of Tunix's model, and the tensors that it holds."""

    path: Path
    names: tuple[str, ...]
    heads: int = 0
    """Of attention. 0: no heads in it."""
    turned: bool = False
    """Whether the tensor of transformers is the other way round."""
    output: bool = False
    """Whether heads are what it takes in, not what it gives."""


def parameters(config: ModelConfig) -> Iterator[Parameter]:
    """All parameters of the model."""
    yield Parameter(("embedder", "input_embedding"), (EMBEDDING,))
    for index in range(config.num_layers):
        yield from _layer(index, config)
    yield Parameter(("final_norm", "scale"), ("model.norm.weight",))


def _layer(index: int, config: ModelConfig) -> Iterator[Parameter]:
    at: Path = ("layers", index)
    name = f"model.layers.{index}"
    q, k, v, o = (f"{name}.self_attn.{one}_proj.weight" for one in "qkvo")
    yield Parameter((*at, "pre_attention_norm", "scale"), (f"{name}.input_layernorm.weight",))
    if config.num_heads == config.num_kv_heads:
        yield Parameter((*at, "attn", "qkv_einsum", "w"), (q, k, v), config.num_heads)
    else:
        yield Parameter((*at, "attn", "q_einsum", "w"), (q,), config.num_heads)
        yield Parameter((*at, "attn", "kv_einsum", "w"), (k, v), config.num_kv_heads)
    yield Parameter((*at, "attn", "attn_vec_einsum", "w"), (o,), config.num_heads, output=True)
    yield Parameter((*at, "pre_ffw_norm", "scale"), (f"{name}.post_attention_layernorm.weight",))
    for one in ("gate_proj", "up_proj", "down_proj"):
        yield Parameter((*at, "mlp", one, "kernel"), (f"{name}.mlp.{one}.weight",), turned=True)


def split(parameter: Parameter, array: Any) -> Tensors:
    """The tensors of transformers that an array of Tunix holds."""
    if parameter.output:  # heads, head_dim, features
        return {parameter.names[0]: array.reshape(-1, array.shape[-1]).T}
    if parameter.heads:  # stacked: heads, features, head_dim
        parts = array if len(parameter.names) > 1 else (array,)
        return {
            name: part.swapaxes(1, 2).reshape(-1, part.shape[1])
            for name, part in zip(parameter.names, parts, strict=True)
        }
    return {parameter.names[0]: array.T if parameter.turned else array}


def join(parameter: Parameter, tensors: Mapping[str, Any], stack: Any) -> Any:
    """The array of Tunix. `stack` is that of NumPy or of JAX."""
    parts = [tensors[name] for name in parameter.names]
    if parameter.output:
        return parts[0].T.reshape(parameter.heads, -1, parts[0].shape[0])
    if parameter.heads:
        parts = [one.reshape(parameter.heads, -1, one.shape[-1]).swapaxes(1, 2) for one in parts]
        return stack(parts) if len(parts) > 1 else parts[0]
    return parts[0].T if parameter.turned else parts[0]
