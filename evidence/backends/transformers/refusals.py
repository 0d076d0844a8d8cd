"""What is refused once a model is loaded: one that sees what it is to predict.

Responsible for the sentence; `causality` asks the model. What does not fit into its context or its
embedding is refused by `fit`, and what its folder tells before anything is started, by
`running.model_folders`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence.backends.transformers.causality import sees_the_future
from evidence.data.tokens import Example
from evidence.worker.interface import StageFailure


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
