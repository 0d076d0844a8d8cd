"""What loss functions are given as targets.

Responsible for the event `loss-function` and for telling a forward pass which of its tokens carry
loss, where a loss function of PyTorch is called. A fused loss tells nothing here.
"""

from __future__ import annotations

from typing import Any

from .arrival import Arrival, is_plain, is_within
from .context import Context
from .forwards import Forward, is_numbers
from .steps import Steps

MAX_KINDS = 50


class Targets:
    """The calls of loss functions in this process."""

    def __init__(self, context: Context, torch: Any, steps: Steps, agrees: dict[int, bool]) -> None:
        self._context = context
        self._torch = torch
        self._steps = steps
        self._agrees = agrees
        """By model: whether the labels have told the number of targets so far."""
        self._num_calls = 0
        self._calls: dict[tuple[Any, ...], int] = {}

    def called(self, name: str, *args: Any, **kwargs: Any) -> None:
        """A loss function is called."""
        given = _arguments(name, args, kwargs)
        scores, target = given["input"], given["target"]
        if (
            is_within(self._torch)
            or not self._torch.is_grad_enabled()
            or not getattr(scores, "requires_grad", False)
        ):
            return
        ignored = given.get("ignore_index", -100)
        self._count(name, ignored, given)
        self._num_calls += 1
        if not is_plain(target) or not is_numbers(target):
            return
        forward = self._forward(target)
        if "labels" in forward.fed and self._agrees.get(forward.top) and self._num_calls % 64:
            return  # the labels tell; looked at again now and then
        num, known = target.numel(), forward.num_fed
        if known is not None and num in (known, known - (forward.num_rows or 0)):
            if forward.targets is None or not forward.has_targets:
                forward.has_targets = True
                kept = (target != ignored).sum() if "labels" in forward.fed else target.reshape(-1)
                forward.targets = (Arrival(kept), ignored)
        elif forward.targets is None:
            forward.targets = (Arrival((target != ignored).sum()), ignored)

    def _forward(self, target: Any) -> Forward:
        """The forward pass that the targets belong to; without one, they are all that is known."""
        if not self._steps.forwards:
            self._steps.forward(Forward(0))
        return self._steps.forwards[-1]

    def _count(self, name: str, ignored: Any, given: dict[str, Any]) -> None:
        reduction, smoothing = given.get("reduction", "mean"), given.get("label_smoothing", 0.0)
        key = (name, int(ignored), str(reduction), float(smoothing))
        if key not in self._calls and len(self._calls) < MAX_KINDS:
            self._calls[key] = 0
            self._say(key, 1)
        if key in self._calls:
            self._calls[key] += 1

    def _say(self, key: tuple[Any, ...], num_calls: int) -> None:
        names = ("name", "ignore_index", "reduction", "label_smoothing")
        self._context.spool.hold("loss-function", num_calls=num_calls, **dict(zip(names, key)))

    def end(self) -> None:
        """Say how often each was called."""
        for key, num_calls in self._calls.items():
            if num_calls > 1:
                self._say(key, num_calls)


NAMES = {
    "cross_entropy": (
        "input",
        "target",
        "weight",
        "size_average",
        "ignore_index",
        "reduce",
        "reduction",
        "label_smoothing",
    ),
    "nll_loss": (
        "input",
        "target",
        "weight",
        "size_average",
        "ignore_index",
        "reduce",
        "reduction",
    ),
}
"""As PyTorch has had them since 1.10."""


def _arguments(name: str, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    return {**dict(zip(NAMES[name], args)), **kwargs}
