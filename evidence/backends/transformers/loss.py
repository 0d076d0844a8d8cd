"""The loss that training uses: the mean cross entropy of a step's target tokens.

Responsible for that loss and for holding the one of the model's class against it. It is computed
here because a class may have another: one that averages each forward pass by itself, or that adds
terms of its own. Nothing here knows of the Trainer.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import torch
from torch.nn.functional import cross_entropy, pad

from evidence.backends.transformers.devices import random_kept
from evidence.data.tokens import IGNORED
from evidence.records.record import Record

ROUNDING: Final = 1e-4
"""Relative. Both come from the same logits, in single precision."""
COARSE: Final = 2e-3
"""The same where a class may compute its loss in half precision."""


def token_loss(
    outputs: Any,
    labels: torch.Tensor,
    num_items_in_batch: torch.Tensor | int | None = None,
    smoothing: float = 0.0,
) -> torch.Tensor:
    """Summed cross entropy of labels[1:], over the target tokens of the whole step.

    The same operations in the same order as transformers has them for most of its classes, so that
    these train to the same weights bit for bit. Of a token with `smoothing` ε it is (1 − ε) times
    its own negative log-likelihood and ε times the mean of those of the whole vocabulary, which is
    what transformers' LabelSmoother gives.
    """
    logits = outputs["logits"].float()
    wanted = pad(labels, (0, 1), value=IGNORED)[..., 1:].contiguous().view(-1).to(logits.device)
    total = cross_entropy(
        logits.view(-1, logits.shape[-1]),
        wanted,
        ignore_index=IGNORED,
        reduction="sum",
        label_smoothing=smoothing,
    )
    if num_items_in_batch is None:
        return total / num_targets_of([labels])
    if torch.is_tensor(num_items_in_batch):
        num_items_in_batch = num_items_in_batch.to(total.device)
    return total / num_items_in_batch


def num_targets_of(labels: Sequence[torch.Tensor]) -> torch.Tensor:
    """Tokens that carry loss in these forward passes: the first of a row is never predicted."""
    counts = [(one[..., 1:] != IGNORED).sum() for one in labels]
    return torch.stack(counts).sum()


class Compared(Record):
    """The losses of one forward pass, dropout off: all from the same logits."""

    ours: float
    framework: float | None
    """Of the model's class; None where it gives none."""
    repeats: bool
    """Whether the class holds each prediction against the very token that it has just read."""

    @property
    def is_another(self) -> bool:
        """Whether the class has a loss that differs from ours by more than rounding."""
        return self.framework is not None and not _near(self.framework, self.ours, ROUNDING)


def compare_losses(
    model: Any,
    inputs: dict[str, Any],
    num_items: torch.Tensor,
    extra: dict[str, Any],
    *,
    is_mixed: bool = False,
) -> Compared:
    """Our loss and that of the model's class. `is_mixed`: the class may compute its own in half
    precision, though it is given in single precision.

    Random numbers drawn in it are given back: the training after it is the same as without it.
    """
    was_training = model.training
    model.eval()
    device, labels = model.device, inputs["labels"]
    with random_kept(device), torch.no_grad():
        outputs = model(**inputs, **extra)
        ours = float(token_loss(outputs, labels, num_items))
        repeated = cross_entropy(
            outputs["logits"].float().view(-1, outputs["logits"].shape[-1]),
            labels.view(-1).to(outputs["logits"].device),
            ignore_index=IGNORED,
            reduction="sum",
        )
    model.train(was_training)
    own = outputs.get("loss")
    if own is None or not math.isfinite(own):
        return Compared(ours, None, False)
    is_coarse = is_mixed or own.dtype in (torch.bfloat16, torch.float16)
    close = COARSE if is_coarse else ROUNDING / 10

    def is_mean(total: float, count: int) -> bool:
        return any(_near(float(own), total / max(1, one), close) for one in (count, int(num_items)))

    repeats = is_mean(float(repeated), int((labels != IGNORED).sum()))
    same = is_mean(ours * int(num_items), int(num_targets_of([labels])))
    return Compared(ours, float(own), repeats and not same)


def _near(one: float, other: float, relative: float) -> bool:
    return abs(one - other) <= relative * abs(other)
