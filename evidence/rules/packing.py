"""How the rows of a forward pass are packed into sequences. Pure.

Responsible for one rule, so that worker and verifier say the same: rows keep their order; a row
goes behind the one before it where the sequence then has at most `max_length` tokens, and else
begins the next one (next fit).
"""

from __future__ import annotations

from collections.abc import Sequence


def packed(lengths: Sequence[int], max_length: int) -> list[list[int]]:
    """Places of the rows of each sequence. `lengths` in tokens, each at most `max_length`."""
    sequences: list[list[int]] = []
    room = 0
    for place, length in enumerate(lengths):
        if not sequences or length > room:
            sequences.append([])
            room = max_length
        sequences[-1].append(place)
        room -= length
    return sequences


def num_fed_tokens(sequences: Sequence[Sequence[int]]) -> int:
    """Tokens in the tensor of a forward pass: each sequence, of rows of these lengths, is padded to
    the longest."""
    return len(sequences) * max(map(sum, sequences), default=0)
