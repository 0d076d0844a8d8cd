"""What of a run is recorded token for token, and what is probed: worker and verify agree on it.

Kept apart from the recorder, so that verify loads nothing of what it takes to train. Pure.
"""

from __future__ import annotations

from random import Random
from typing import Final

NUM_RANDOM_STEPS: Final = 8
NUM_PROBED: Final = 20
"""Examples of the evaluation set, from its start, whose loss is taken before and after training."""


def steps_to_keep(num_steps: int, seed: int) -> frozenset[int]:
    """The first step, the last, and eight drawn by the seed from those between."""
    between = range(2, num_steps)
    drawn = Random(seed).sample(between, min(NUM_RANDOM_STEPS, len(between)))  # noqa: S311 - a sample, no secret
    return frozenset({1, num_steps, *drawn})
