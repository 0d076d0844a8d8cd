"""The order in which rows are fed, as the transformers Trainer draws it, without PyTorch. Pure.

Responsible for the permutation of each epoch and for the rows of each step. Every epoch is drawn
anew by `torch.randperm` from a CPU generator that is seeded with the seed plus the number of the
epoch, from 0 (`SeedableRandomSampler` of accelerate); batches do not reach over an epoch's end.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

_WORDS: Final = 624
_MULTIPLIER: Final = 1812433253
_MASK: Final = 0xFFFFFFFF
MAX_ROWS: Final = _MASK // 20
"""PyTorch draws longer permutations otherwise."""


def permutation(num_rows: int, seed: int) -> tuple[int, ...]:
    """What `torch.randperm(num_rows)` gives from a CPU generator of this seed."""
    if num_rows >= MAX_ROWS:
        raise ValueError(f"{num_rows} rows are more than the order is known for ({MAX_ROWS})")
    words, order = _words(seed), list(range(num_rows))
    for place in range(num_rows - 1):
        other = place + next(words) % (num_rows - place)
        order[place], order[other] = order[other], order[place]
    return tuple(order)


def rows_of_step(step: int, num_rows: int, rows_per_step: int, seed: int) -> tuple[int, ...]:
    """The rows of optimizer step `step`, from 1, in the order in which they are fed."""
    epoch, within = divmod(step - 1, -(-num_rows // rows_per_step))
    start = within * rows_per_step
    return _epoch(num_rows, seed + epoch)[start : start + rows_per_step]


_epoch = lru_cache(maxsize=2)(permutation)


def _words(seed: int) -> Iterator[int]:
    """The 32-bit words of MT19937, seeded by one number as its authors do (`init_genrand`).

    Python has the same generator, but mixes its seeds: its state is set here.
    """
    state = [seed & _MASK]
    for index in range(1, _WORDS):
        last = state[-1]
        state.append((_MULTIPLIER * (last ^ (last >> 30)) + index) & _MASK)
    generator = random.Random()  # noqa: S311 - no secret: the order of rows
    generator.setstate((3, (*state, _WORDS), None))
    while True:
        yield generator.getrandbits(32)
