"""Whether a model predicts each token from those before it alone.

Responsible for that one question. An encoder sees what it is to predict: its loss falls, and what
it generates is worth nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Final

import torch

NUM_TOKENS: Final = 8
"""Of a text that is looked at. Short, so that each later token weighs."""
SMALL: Final = 50_000_000
"""Parameters up to which the question is put in single precision, whatever the model is in."""
ROUNDING: Final = 16
"""Units in the last place by which earlier predictions may move: in a mixture of experts, tokens
that go elsewhere change the shape of a multiplication."""


def sees_the_future(model: Any, ids: Sequence[int]) -> bool:
    """Whether predictions change where tokens after them are others: two forward passes.

    False where `ids` are fewer than two: nothing comes after the first.
    """
    before = list(ids[:NUM_TOKENS])
    kept = len(before) // 2
    if not kept:
        return False
    size = model.get_input_embeddings().weight.shape[0]
    after = [*before[:kept], *((one + 1) % size for one in before[kept:])]
    asked = model
    if model.dtype != torch.float32 and _num_parameters(model) <= SMALL:
        asked = copy.deepcopy(model).float()
    one, other = (_logits(asked, row)[:kept] for row in (before, after))
    moved = (one - other).abs().max()
    scale = torch.maximum(one.abs().max(), other.abs().max())
    return bool(moved > ROUNDING * torch.finfo(asked.dtype).eps * scale)


def _logits(model: Any, ids: Sequence[int]) -> torch.Tensor:
    was_training = model.training
    model.eval()
    row = torch.tensor([list(ids)], device=model.device)
    with torch.no_grad():
        found = model(input_ids=row, attention_mask=torch.ones_like(row))
    model.train(was_training)
    logits: torch.Tensor = found["logits"][0].double()
    return logits


def _num_parameters(model: Any) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
