"""The steps of a run that are recorded token for token, and the rows that are probed.

No part of the recorder, so that verify loads nothing of what it takes to train. Pure.

All of it must fit into one document, whatever the batches and however long the rows: a large step
is recorded by its last rows, and of very long rows fewer steps are recorded. A run of which more
rows must be named than fit is not begun.
"""

from __future__ import annotations

from random import Random
from typing import Final

NUM_RANDOM_STEPS: Final = 8
MAX_RECORDED_TOKENS: Final = 120_000
"""Of all recorded rows: with ids, labels and texts, half of what a document may have."""
MAX_ROWS_NAMED: Final = 400_000
"""Row numbers in the lists of one stage's cut rows, of its texts, or of all data sets."""
NUM_PROBED: Final = 20
"""Examples of the evaluation set, from its start, whose loss is taken before and after training."""


def steps_to_record(num_steps: int, seed: int, max_length: int) -> frozenset[int]:
    """The first step, the last, and eight drawn by the seed from those between.

    Fewer where ten would leave a step no room for one row of `max_length` tokens.
    """
    most = _most_steps(max_length)
    if most == 1:
        return frozenset({1})
    between = range(2, num_steps)
    drawn = Random(seed).sample(between, min(most - 2, len(between)))  # noqa: S311 - a sample, no secret
    return frozenset({1, num_steps, *drawn})


def tokens_to_record(max_length: int) -> int:
    """Most tokens recorded of one step: of a larger one, its last rows that have no more."""
    return MAX_RECORDED_TOKENS // _most_steps(max_length)


def _most_steps(max_length: int) -> int:
    return max(1, min(2 + NUM_RANDOM_STEPS, MAX_RECORDED_TOKENS // max_length))
