"""The loss on validation rows, measured between the steps of a training.

Responsible for a measurement that leaves no trace in the training: neither in its random numbers
nor in its gradients. When it is due is `rules.validating`'s.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import torch

from evidence.backends.transformers.devices import random_kept
from evidence.backends.transformers.kept_best import KeptBest
from evidence.backends.transformers.loss import num_targets_of, token_loss
from evidence.encoding.codec import encode
from evidence.records.training import TrainSpec
from evidence.records.validation import ValidationRecord
from evidence.rules.validating import Patience, is_due
from evidence.worker.interface import Emit, StageFailure
from evidence.worker.recorder import STATE_FILE

VALIDATION: Final = "validation"
"""Of the state of a checkpoint: the losses so far."""


class Validation:
    """Measures after the steps at which that is due, reports each loss, and keeps what follows."""

    def __init__(
        self,
        model: Any,
        batches: Sequence[dict[str, torch.Tensor]],
        spec: TrainSpec,
        scratch: Path,
        emit: Emit,
        digest: Callable[[], str],
    ) -> None:
        self._model, self._batches, self._digest = model, batches, digest
        self._every, self._emit = spec.validate_every_steps, emit
        self._patience = Patience(spec.early_stopping_patience, spec.early_stopping_threshold)
        self._losses: list[float] = []
        self._best = KeptBest(model, scratch) if spec.keep_best else None

    @property
    def is_over(self) -> bool:
        """Whether the training ends early, by the losses so far."""
        return self._patience.is_over

    def into_checkpoint(self, folder: Path) -> dict[str, Any]:
        """What a checkpoint keeps of it, as JSON values, beside a file."""
        if self._best is not None:
            self._best.into_checkpoint(folder)
        return {VALIDATION: self._losses}

    def from_checkpoint(self, folder: Path) -> None:
        """Go on from what `into_checkpoint` kept."""
        state = json.loads((folder / STATE_FILE).read_text("utf-8"))
        for loss in state[VALIDATION]:
            self._take(loss)
        if self._best is not None:
            self._best.from_checkpoint(folder)

    def put_back_best(self) -> None:
        """After the last step: the weights are those that are to be saved."""
        if self._best is not None:
            self._best.put_back()

    def _take(self, loss: float) -> bool:
        self._losses.append(loss)
        return self._patience.take(loss)

    def after_step(self, step: int, last: int) -> None:
        """Step `step` (from 1) of `last` is done. Raises StageFailure where the loss is no
        number."""
        if not is_due(step, self._every, last):
            return
        loss, num_targets = self._measure()
        if not math.isfinite(loss):
            raise StageFailure("diverged", f"the validation loss after step {step} is {loss}")
        sha256 = None
        if self._take(loss) and self._best is not None:
            self._best.keep()
            sha256 = self._digest()
        self._emit("validation", **encode(ValidationRecord(step, loss, num_targets, sha256)))
        print(f"validation after step {step}  loss {loss!r}")

    def _measure(self) -> tuple[float, int]:
        """Mean cross entropy over the target tokens of all rows, and how many these are."""
        model, device = self._model, self._model.device
        was_training = model.training
        model.eval()
        sums, count = [], 0
        with random_kept(device), torch.no_grad():
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
