"""Which logits of a prompt are kept. Pure.

A vocabulary may have a quarter of a million words: a pack keeps of each prompt the highest logits,
which decide what is generated, and some evenly spread over the vocabulary, which tell whether two
models agree everywhere. With the log of the sum of all exponentials each is a probability.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

NUM_SPREAD: Final = 64
"""Ids evenly spread over the vocabulary: i · vocab_size // 64."""
NUM_HIGHEST: Final = 8
MAX_PROMPTS: Final = 64
"""Prompts whose logits are kept: the first ones."""


def kept_ids(vocab_size: int, highest: Iterable[int]) -> tuple[int, ...]:
    """Ids whose logits are kept, ascending: the spread ones, and the highest that are given."""
    spread = (index * vocab_size // NUM_SPREAD for index in range(NUM_SPREAD))
    return tuple(sorted({*spread, *highest}))
