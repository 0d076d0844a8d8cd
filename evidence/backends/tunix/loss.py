"""The loss that training uses and probes measure: cross entropy of the target tokens.

Responsible for the same quantity as `transformers.loss`: a sum over a forward pass, divided by the
target tokens of the whole step. Tunix's own averages each forward pass by itself.
"""

from __future__ import annotations

from typing import Any

import jax.numpy as jnp
from jax.nn import logsumexp
from tunix.models.gemma.model import Gemma

from evidence.backends.tunix.model import logits_of
from evidence.data.tokens import IGNORED


def summed(model: Gemma, ids: Any, labels: Any) -> Any:
    """Cross entropy of labels[1:], added up in single precision."""
    logits, wanted = logits_of(model, ids)[:, :-1], labels[:, 1:]
    counts = wanted != IGNORED
    picked = jnp.take_along_axis(logits, jnp.where(counts, wanted, 0)[..., None], axis=-1)[..., 0]
    return jnp.sum(jnp.where(counts, logsumexp(logits, axis=-1) - picked, 0.0))


def step_loss(model: Gemma, ids: Any, labels: Any, num_targets: Any) -> tuple[Any, Any]:
    """What a forward pass adds to the loss of its step; twice, as Tunix's trainer hands it on."""
    loss = summed(model, ids, labels) / num_targets
    return loss, loss
