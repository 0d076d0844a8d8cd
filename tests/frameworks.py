"""Packages that train and compute: nothing that reads a pack may load any of them."""

from __future__ import annotations

FRAMEWORKS = frozenset(
    (
        "accelerate", "flax", "jax", "jax_plugins", "jaxlib", "libtpu", "numpy", "optax", "orbax",
        "qwix", "safetensors", "tokenizers", "torch", "transformers", "tunix",
    )
)  # fmt: skip
