"""The loss on validation rows, measured between the steps of a training.

Responsible for a measurement that leaves no trace in the training: neither in its random numbers
nor in its gradients. When it is due is `rules.validating`'s.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch

from evidence.backends.transformers.loss import num_targets_of, token_loss
from evidence.encoding.codec import encode
from evidence.records.validation import ValidationRecord
from evidence.rules.validating import is_due
from evidence.worker.interface import Emit, StageFailure


class Validation:
    """Measures after the steps at which that is due, and reports each loss."""

    def __init__(
        self, model: Any, batches: Sequence[dict[str, torch.Tensor]], every: int, emit: Emit
    ) -> None:
        self._model, self._batches = model, batches
        self._every, self._emit = every, emit

    def after_step(self, step: int, last: int) -> None:
        """Step `step` (from 1) of `last` is done. Raises StageFailure where the loss is no
        number."""
        if not is_due(step, self._every, last):
            return
        loss, num_targets = self._measure()
        if not math.isfinite(loss):
            raise StageFailure("diverged", f"the validation loss after step {step} is {loss}")
        self._emit("validation", **encode(ValidationRecord(step, loss, num_targets)))
        print(f"validation after step {step}  loss {loss!r}")

    def _measure(self) -> tuple[float, int]:
        """Mean cross entropy over the target tokens of all rows, and how many these are."""
        model, device = self._model, self._model.device
        was_training = model.training
        model.eval()
        sums, count = [], 0
        with torch.random.fork_rng([device] if device.type == "cuda" else []), torch.no_grad():
            for batch in self._batches:
                num_targets = int(num_targets_of([batch["labels"]]))
                if not num_targets:
                    continue  # nothing of it carries loss
                fed = {key: batch[key].to(device) for key in ("input_ids", "attention_mask")}
                outputs = model(**fed, use_cache=False)
                sums.append(float(token_loss(outputs, batch["labels"].to(device), 1)))
                count += num_targets
        model.train(was_training)
        return math.fsum(sums) / count, count
