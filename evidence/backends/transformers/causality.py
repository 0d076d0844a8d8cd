"""Whether a model predicts each token from those before it alone; one that does not is refused.

Responsible for that one question. An encoder sees what it is to predict: its loss falls, and what
it generates is worth nothing. What does not fit into a model's context or embedding is refused by
`fit`, and what its folder tells before anything is started, by `worker.model_folders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from evidence.backends.transformers.forward import logits_of, to_ask
from evidence.data.tokens import Example
from evidence.rules.closeness import SAME_LOGITS
from evidence.worker.interface import StageFailure

NUM_TOKENS: Final = 8
"""Of a text that is looked at. Short, so that each later token weighs."""


def refuse_encoder(model: Any, examples: Sequence[Example]) -> None:
    """Raise StageFailure where the model sees the tokens that it is to predict."""
    longest = max((example.ids for example in examples), key=len, default=())
    if sees_the_future(model, longest):
        raise StageFailure(
            "requirement-not-met",
            f"{type(model).__name__} sees the tokens that it is to predict (another last token "
            "changes what it says of the tokens before), so that its loss would mean nothing: "
            "take a decoder, such as Llama, Gemma or GPT-2",
        )


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
    asked = to_ask(model)
    one, other = (_logits(asked, row)[:kept] for row in (before, after))
    moved = (one - other).abs().max()
    scale = torch.maximum(one.abs().max(), other.abs().max())
    return bool(moved > SAME_LOGITS * torch.finfo(asked.dtype).eps * scale)


def _logits(model: Any, ids: Sequence[int]) -> torch.Tensor:
    row = torch.tensor([list(ids)], device=model.device)
    return logits_of(model, input_ids=row, attention_mask=torch.ones_like(row))
