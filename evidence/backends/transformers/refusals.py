"""What is refused once a model is loaded, before its first step.

Responsible for what only the loaded model can tell: whether it sees what it is to predict, and ids
that its embedding does not have. What its folder tells is refused before anything is started, by
`running.model_folders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import torch

from evidence.data.tokens import Example
from evidence.worker.interface import StageFailure

_NUM_LOOKED_AT: Final = 64
"""Tokens of the forward pass that tells a decoder from an encoder."""
_ROUNDINGS: Final = 4
"""So many roundings of the number format tell nothing."""
_LEAST_SHARE: Final = 1e-4


def refuse_unfit(model: Any, examples: Sequence[Example]) -> None:
    """Raise StageFailure where these examples cannot be trained on with this model."""
    _refuse_ids_outside(model, examples)
    longest = max(examples, key=lambda example: len(example.ids))
    if sees_ahead(model, longest.ids[:_NUM_LOOKED_AT]):
        raise StageFailure(
            "requirement-not-met",
            f"{type(model).__name__} sees the tokens that it is to predict (another last token "
            "changes what it says of the tokens before), so that its loss would mean nothing: "
            "take a decoder, such as Llama, Gemma or GPT-2",
        )


def _refuse_ids_outside(model: Any, examples: Sequence[Example]) -> None:
    num_ids = model.get_input_embeddings().num_embeddings
    outside = [one for one in examples if max(one.ids, default=0) >= num_ids]
    if outside:
        first = outside[0]
        raise StageFailure(
            "bad-data",
            f"{len(outside)} training rows have token ids that the model's embedding of {num_ids} "
            f"rows lacks (row {first.source_row} has id {max(first.ids)}): tokenizer and model do "
            "not belong together, take the tokenizer of this model",
        )


def sees_ahead(model: Any, ids: Sequence[int]) -> bool:
    """Whether another last token changes what the model says of the tokens before it.

    Two forward passes of the same shape: a decoder gives the same numbers up to rounding.
    """
    if len(ids) < 2:
        return False
    other = [*ids[:-1], next((one for one in ids if one != ids[-1]), 0)]
    if other[-1] == ids[-1]:
        return False
    was_training = model.training
    model.eval()
    with torch.no_grad():
        # One after the other: rows of one batch may be computed by other kernels.
        one, two = (
            model(input_ids=torch.tensor([row], device=model.device)).logits[0].float()
            for row in (list(ids), other)
        )
    model.train(was_training)
    apart = (one - two).abs()
    share = max(_LEAST_SHARE, _ROUNDINGS * torch.finfo(model.dtype).eps)
    return bool(apart[:-1].max() > share * apart[-1].max())
