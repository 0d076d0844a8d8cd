"""accelerate: divides the loss by what a step accumulates before it gives it to backward.

Responsible for noting the loss before that division.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .torch_hooks import Torch


def watch(torch: Torch) -> None:
    """Hook Accelerator.backward after its import."""

    def imported(module: Any) -> None:
        accelerator = getattr(module, "Accelerator", None)
        if accelerator is not None:
            _hook(torch, accelerator)

    torch.context.after_import("accelerate.accelerator", imported)


def _hook(torch: Torch, accelerator: Any) -> None:
    original = accelerator.backward
    steps = torch.steps

    def begin(loss: Any) -> None:
        if steps.framework != "Trainer":
            steps.undivided = ("Accelerator", loss.detach())

    begins = torch.context.guard.hook("accelerate", begin)

    @functools.wraps(original)
    def backward(self: Any, loss: Any, *args: Any, **kwargs: Any) -> Any:
        begins(loss)
        try:
            return original(self, loss, *args, **kwargs)
        finally:
            steps.undivided = None

    accelerator.backward = backward
    torch.replaced(accelerator, "backward", backward)
