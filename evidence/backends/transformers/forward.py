"""A question to a model before it is trained: one forward pass, with nothing left behind.

Responsible for asking so that rounding decides little: a small model is asked in single precision,
whatever it is in. What is asked, and what the answer means, is the caller's.
"""

from __future__ import annotations

import copy
from typing import Any

import torch

from evidence.rules.closeness import ASKED_IN_FLOAT32


def to_ask(model: Any) -> Any:
    """The model, or a copy of it in single precision where it is in another and is small.
    What is in 4 bit cannot be copied so."""
    num_parameters = sum(one.numel() for one in model.parameters())
    is_cast = model.dtype != torch.float32 and not getattr(model, "is_quantized", False)
    if is_cast and num_parameters <= ASKED_IN_FLOAT32:
        return copy.deepcopy(model).float()
    return model


def logits_of(model: Any, **inputs: Any) -> torch.Tensor:
    """Logits of the first row in double precision (tokens x vocabulary), without dropout.

    The model stays as it is, in training where it was.
    """
    was_training = model.training
    model.eval()
    with torch.no_grad():
        found = model(**inputs)
    model.train(was_training)
    logits: torch.Tensor = found["logits"][0].cpu().double()
    return logits
