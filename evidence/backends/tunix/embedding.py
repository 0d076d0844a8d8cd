"""Tunix's embedding, with the one token that PyTorch learns nothing about as an input.

Responsible for that token: `torch.nn.Embedding` leaves `padding_idx` out of the gradient of what it
looks up, and transformers sets it to the pad token of the configuration. It is learned as an
output.
"""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx
from tunix.models.gemma.model import Embedder, Gemma, ModelConfig


class QuietEmbedder(Embedder):  # type: ignore[misc]  # Tunix ships no types
    """The embedding of a model whose pad token has this id."""

    unlearned = -1

    def encode(self, x: Any) -> Any:
        """Rows of the table, scaled as Tunix scales them."""
        quiet = (x == self.unlearned)[..., None]
        rows = self.input_embedding[(x,)]
        rows = jnp.where(quiet, jax.lax.stop_gradient(rows), rows)
        return rows * jnp.sqrt(rows.shape[-1]).astype(rows.dtype)


def gemma(config: ModelConfig, pad_token_id: int | None) -> Gemma:
    """Tunix's model, with this embedding."""
    rngs = nnx.Rngs(params=0)
    model = Gemma(config, rngs=rngs)
    model.embedder = QuietEmbedder(config.num_embed, config.embed_dim, rngs=rngs)
    model.embedder.unlearned = -1 if pad_token_id is None else pad_token_id
    return model
