"""Tunix's Gemma, filled with the tensors of transformers, and those tensors of it again.

Responsible for the model on its device and for what goes in and out of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from tunix.models.gemma.model import Gemma, ModelConfig

from evidence.backends.tunix.embedding import gemma
from evidence.backends.tunix.names import Path, Tensors, join, parameters, split


def make(config: ModelConfig, tensors: Mapping[str, Any], pad_token_id: int | None) -> Gemma:
    """The model that holds these tensors: nothing is drawn, and nothing computed."""
    graph, state = nnx.split(nnx.eval_shape(lambda: gemma(config, pad_token_id)))
    at: dict[Path, Any] = dict(state.flat_state())
    for one in parameters(config):
        variable = at[one.path]
        array = jnp.array(join(one, tensors, np.stack))
        if array.shape != variable.shape:
            raise AssertionError(f"{one.path} has the shape {variable.shape}, not {array.shape}")
        at[one.path] = variable.replace(array)
    return nnx.merge(graph, nnx.State.from_flat_path(at))


def shapes(config: ModelConfig) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the tensors that a model of this configuration is made of."""
    _, state = nnx.split(nnx.eval_shape(lambda: gemma(config, None)))
    at: dict[Path, Any] = dict(state.flat_state())
    found: dict[str, tuple[int, ...]] = {}
    for one in parameters(config):
        abstract = jax.eval_shape(
            lambda array, one=one: split(one, array),
            jax.ShapeDtypeStruct(at[one.path].shape, jnp.float32),
        )
        found |= {name: tuple(tensor.shape) for name, tensor in abstract.items()}
    return found


def tensors_of(model: Gemma) -> Tensors:
    """What the model holds now, by the names of transformers, in the memory of the machine."""
    tree = nnx.as_pure(nnx.state(model, nnx.Param))
    found: Tensors = {}
    for one in parameters(model.config):
        found |= split(one, np.asarray(_at(tree, one.path)))
    return found


def fill(model: Gemma, tensors: Mapping[str, Any]) -> None:
    """Put these tensors in place of what the model holds."""
    at = dict(nnx.state(model, nnx.Param).flat_state())
    arrays = {one.path: jnp.array(join(one, tensors, np.stack)) for one in parameters(model.config)}
    state = {path: variable.replace(arrays[path]) for path, variable in at.items()}
    nnx.update(model, nnx.State.from_flat_path(state))


def as_tensors(config: ModelConfig, tree: Any) -> Tensors:
    """A tree of the form of the model's parameters, as tensors of transformers."""
    found: Tensors = {}
    for one in parameters(config):
        found |= split(one, _at(tree, one.path))
    return found


def as_tree(config: ModelConfig, tensors: Mapping[str, Any], form: Any) -> Any:
    """The other way: `form` is any tree of the form that is wanted."""
    arrays = {one.path: join(one, tensors, jnp.stack) for one in parameters(config)}

    def pick(path: tuple[Any, ...], _: Any) -> Any:
        return arrays[tuple(key.key for key in path)]

    return jax.tree_util.tree_map_with_path(pick, form)


def _at(tree: Any, path: Path) -> Any:
    for key in path:
        tree = tree[key]
    return tree


def causal_mask(width: int) -> Any:
    """Each token sees itself and those before it: [1, width, width]."""
    return jnp.tril(jnp.ones((1, width, width), dtype=bool))


def logits_of(model: Gemma, ids: Any) -> Any:
    """Float32 logits of rows that are filled up on the right: [rows, width, vocabulary]."""
    width = ids.shape[1]
    positions = jnp.broadcast_to(jnp.arange(width), ids.shape)
    mask = jnp.broadcast_to(causal_mask(width), (ids.shape[0], width, width))
    logits, _ = model(ids, positions, None, mask)
    return logits.astype(jnp.float32)
