"""The optimizers of PyTorch, made of optax's parts so that both take the same steps.

Responsible for their arithmetic: of the Trainer's Adafactor, AdamW and SGD, of clipping as PyTorch
does it, and of which parameters decay. They see the tensors of transformers (`in_layout`), as
single precision; in bfloat16 AdamW rounds wherever PyTorch does.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

import jax
import jax.numpy as jnp
import optax
from tunix.models.gemma.model import ModelConfig

from evidence.backends.tunix.model import as_tensors, as_tree
from evidence.records.training import TrainSpec

_NEVER_DECAYS: Final = re.compile(r"bias|layernorm|rmsnorm|(?:^|\.)norm(?:$|\.)|_norm(?:$|\.)")
"""Names that the Trainer decays nothing of (`Trainer.get_decay_parameter_names`)."""
_CLIP_EPSILON: Final = 1e-6
_DECAY_RATE: Final = 0.8
_TINY: Final = 1e-30
"""Of Adafactor: what is added to squares."""
_BETA1, _BETA2, _EPSILON = 0.9, 0.999, 1e-8


class NormState(NamedTuple):
    """The norm of the gradient of the step, before it is clipped."""

    norm: Any


class RateState(NamedTuple):
    """The learning rate of the step: set from outside before it."""

    rate: Any


class AdamState(NamedTuple):
    """Of AdamW."""

    count: Any
    mean: Any
    square: Any


def optimizer(spec: TrainSpec, config: ModelConfig) -> optax.GradientTransformation:
    """The optimizer of a milestone, over the parameters of Tunix's model."""
    return in_layout(optimizer_of_tensors(spec), config)


def optimizer_of_tensors(spec: TrainSpec) -> optax.GradientTransformation:
    """The same over the tensors of transformers, in single precision."""
    dtype = jnp.dtype(spec.dtype)
    return optax.chain(
        clip(spec.max_grad_norm, dtype), *_STEPS[spec.optimizer](spec.weight_decay, dtype)
    )


def _adafactor(weight_decay: float, _: Any) -> tuple[optax.GradientTransformation, ...]:
    """`transformers.Adafactor` as the Trainer asks for it; its state is single precision."""
    return (
        optax.scale_by_factored_rms(
            decay_rate=_DECAY_RATE, min_dim_size_to_factor=1, epsilon=_TINY
        ),
        optax.clip_by_block_rms(1.0),
        optax.add_decayed_weights(weight_decay, mask=decays),
        scale_by_rate(jnp.float32),
    )


def _sgd(weight_decay: float, dtype: Any) -> tuple[optax.GradientTransformation, ...]:
    """`torch.optim.SGD`, which rounds factors, too, to the parameters' format."""
    decay = rounded(jnp.float32(weight_decay), dtype)
    return (
        optax.add_decayed_weights(decay, mask=decays),
        optax.stateless(lambda tree, _: jax.tree.map(lambda one: rounded(one, dtype), tree)),
        scale_by_rate(dtype),
    )


def _adamw(weight_decay: float, dtype: Any) -> tuple[optax.GradientTransformation, ...]:
    return (adamw(weight_decay, dtype),)


_STEPS: Final = {"adafactor": _adafactor, "sgd": _sgd, "adamw_torch": _adamw}
"""What comes after clipping, by the name that [train] gives it."""


def in_layout(
    inner: optax.GradientTransformation, config: ModelConfig
) -> optax.GradientTransformation:
    """An optimizer of the tensors of transformers, for a tree of Tunix's model."""

    def single(tree: Any) -> dict[str, Any]:
        return {name: one.astype(jnp.float32) for name, one in as_tensors(config, tree).items()}

    def init(tree: Any) -> Any:
        return inner.init(single(_arrays(tree)))

    def update(gradients: Any, state: Any, tree: Any = None) -> tuple[Any, Any]:
        found, state = inner.update(single(gradients), state, single(tree))
        return as_tree(config, found, gradients), state

    return optax.GradientTransformation(init, update)


def _arrays(tree: Any) -> Any:
    from flax import nnx

    return nnx.as_pure(tree)


def decays(tensors: dict[str, Any]) -> dict[str, bool]:
    """Which tensors decay: all but norms and biases."""
    return {name: _NEVER_DECAYS.search(name) is None for name in tensors}


def clip(max_norm: float, dtype: Any) -> optax.GradientTransformation:
    """`torch.nn.utils.clip_grad_norm_`: max / (norm + 1e-6) where that is less than 1; 0: never."""

    def init(_: Any) -> NormState:
        return NormState(jnp.zeros((), jnp.float32))

    def update(gradients: Any, _: NormState, __: Any = None) -> tuple[Any, NormState]:
        norm = norm_of(gradients, dtype)
        if max_norm > 0:
            above = rounded(norm + _CLIP_EPSILON, dtype)
            factor = jnp.minimum(1.0, rounded(rounded(1 / above, dtype) * max_norm, dtype))
            gradients = jax.tree.map(lambda one: rounded(one * factor, dtype), gradients)
        return gradients, NormState(norm)

    return optax.GradientTransformation(init, update)


def norm_of(gradients: Any, dtype: Any) -> Any:
    """The norm of the norms of each tensor."""
    squares = (jnp.sum(jnp.square(one)) for one in jax.tree.leaves(gradients))
    norms = [rounded(jnp.sqrt(one), dtype) for one in squares]
    return rounded(jnp.sqrt(sum(jnp.square(one) for one in norms)), dtype)


def scale_by_rate(dtype: Any) -> optax.GradientTransformation:
    """Minus the rate of the step, in this format, times each update."""

    def init(_: Any) -> RateState:
        return RateState(jnp.zeros((), jnp.float32))

    def update(updates: Any, state: RateState, _: Any = None) -> tuple[Any, RateState]:
        rate = rounded(state.rate, dtype)
        return jax.tree.map(lambda one: -rate * one, updates), state

    return optax.GradientTransformation(init, update)


def adamw(weight_decay: float, dtype: Any) -> optax.GradientTransformation:
    """`torch.optim.AdamW`, operation by operation, each rounded to the parameters' format."""

    def init(tensors: Any) -> tuple[AdamState, RateState]:
        mean, square = (jax.tree.map(jnp.zeros_like, tensors) for _ in range(2))
        count = jnp.zeros((), jnp.int32)
        return AdamState(count, mean, square), RateState(jnp.zeros((), jnp.float32))

    def update(gradients: Any, state: Any, tensors: Any) -> tuple[Any, Any]:
        (count, mean, square), rate = state[0], state[1].rate
        count = count + 1
        correct1, correct2 = (1 - beta ** count.astype(jnp.float32) for beta in (_BETA1, _BETA2))
        cut: Callable[[Any], Any] = lambda one: rounded(one, dtype)  # noqa: E731 - one word below
        mean = jax.tree.map(lambda m, g: cut(m + (1 - _BETA1) * (g - m)), mean, gradients)
        square = jax.tree.map(
            lambda s, g: cut(cut(s * _BETA2) + (1 - _BETA2) * g * g), square, gradients
        )

        def moved(m: Any, s: Any, p: Any, kept: Any) -> Any:
            decayed = cut(p * (1 - rate * weight_decay)) if kept and weight_decay else p
            below = cut(cut(cut(jnp.sqrt(s)) / jnp.sqrt(correct2)) + _EPSILON)
            return cut(decayed - rate / correct1 * (m / below)) - p

        updates = jax.tree.map(moved, mean, square, tensors, decays(tensors))
        return updates, (AdamState(count, mean, square), state[1])

    return optax.GradientTransformation(init, update)


def rounded(number: Any, dtype: Any) -> Any:
    """A number of single precision, as near as the format holds it.

    A cast and its return would not do: the compiler may leave out both.
    """
    if dtype == jnp.bfloat16:
        return jax.lax.reduce_precision(number, exponent_bits=8, mantissa_bits=7)
    return number


def find(state: Any, kind: type[Any]) -> Any:
    """The part of this kind in the state of an optimizer, whatever is around it."""
    leaves = jax.tree.leaves(state, is_leaf=lambda one: isinstance(one, kind))
    return next(one for one in leaves if isinstance(one, kind))
