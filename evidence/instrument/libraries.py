"""The libraries that the program imports, each with its version.

Responsible for the event `library`. What a library does is the matter of other modules.
"""

from __future__ import annotations

from typing import Any

from .context import Context

NAMES = (
    "accelerate",
    "bitsandbytes",
    "datasets",
    "deepspeed",
    "flax",
    "jax",
    "keras",
    "lightning",
    "numpy",
    "optax",
    "peft",
    "pytorch_lightning",
    "safetensors",
    "sklearn",
    "tensorflow",
    "tokenizers",
    "torchvision",
    "transformers",
    "trl",
)


def watch(context: Context) -> None:
    """Say each library once, when it is imported."""

    def say(module: Any) -> None:
        version = getattr(module, "__version__", None)
        context.spool.write("library", name=module.__name__, version=str(version or "")[:100])

    for name in NAMES:
        context.after_import(name, say)
