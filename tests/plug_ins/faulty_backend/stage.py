"""Real training and evaluation with a fault, as another implementation might have it.

EVIDENCE_FAULT names it: decay (`VALUE` instead of the milestone's), norms (both norms of a layer
used in each other's place, under their right names), loading (the same in evaluation alone), order
(rows from the end), means (each forward pass averaged by itself).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from msgspec.structs import replace
from transformers.models.gemma.modeling_gemma import GemmaDecoderLayer

from evidence.backends.transformers import loss, stage, training
from evidence.worker.interface import Emit, Job


def run_stage(job: Job, emit: Emit) -> None:
    """Run one stage."""
    fault, _, value = os.environ.get("EVIDENCE_FAULT", "").partition("=")
    if fault == "decay":
        _decay(float(value))
    elif fault == "order":
        _order()
    elif fault == "means":
        _means(job)
    elif fault == "norms" or (fault == "loading" and job.stage == "eval"):
        _norms()
    stage.run_stage(job, emit)


def _decay(weight_decay: float) -> None:
    arguments = training.arguments_of

    def other(job: Job, execution: Any, num_steps: int) -> Any:
        train = replace(job.plan.train, weight_decay=weight_decay)
        return arguments(
            replace(job, plan=replace(job.plan, given_train=train)), execution, num_steps
        )

    training.arguments_of = other


def _order() -> None:
    item: Callable[..., dict[str, Any]] = training.ExampleDataset.__getitem__

    def from_the_end(self: Any, index: int) -> dict[str, Any]:
        return item(self, len(self) - 1 - index)

    training.ExampleDataset.__getitem__ = from_the_end  # type: ignore[method-assign]  # the fault


def _means(job: Job) -> None:
    def mean_of_means(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        mean = loss.token_loss(outputs, labels)
        return mean if num_items_in_batch is None else mean / job.plan.train.gradient_accumulation

    training.token_loss = mean_of_means


def _norms() -> None:
    forward = GemmaDecoderLayer.forward

    def crossed(self: Any, *args: Any, **kwargs: Any) -> Any:
        _cross(self)
        try:
            return forward(self, *args, **kwargs)
        finally:
            _cross(self)

    GemmaDecoderLayer.forward = crossed


def _cross(layer: Any) -> None:
    before, after = layer.input_layernorm, layer.post_attention_layernorm
    layer.input_layernorm, layer.post_attention_layernorm = after, before
