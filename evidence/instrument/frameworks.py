"""Frameworks on top of PyTorch, each hooked after its import.

Responsible for the list of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import accelerate_hooks, lightning_hooks, transformers_hooks

if TYPE_CHECKING:
    from .torch_hooks import Torch


def watch(torch: Torch) -> None:
    """Hook each framework that the program imports."""
    accelerate_hooks.watch(torch)
    lightning_hooks.watch(torch)
    transformers_hooks.watch(torch)
