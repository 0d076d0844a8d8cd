"""What is refused once a model is loaded, before its first step.

Responsible for what only the loaded model can tell: whether it sees what it is to predict, and ids
that its embedding does not have. What its folder tells is refused before anything is started, by
`running.model_folders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence.backends.transformers.causality import sees_the_future
from evidence.data.tokens import Example
from evidence.worker.interface import StageFailure


def refuse_unfit(model: Any, examples: Sequence[Example]) -> None:
    """Raise StageFailure where these examples cannot be trained on with this model."""
    _refuse_ids_outside(model, examples)
    longest = max(examples, key=lambda example: len(example.ids))
    if sees_the_future(model, longest.ids):
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
