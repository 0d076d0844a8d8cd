"""The few lengths that rows are padded to, so that few programs are compiled. Pure.

JAX compiles a program for each shape. Responsible for choosing lengths from those of the data: more
of them waste less padding, fewer of them less time in the compiler.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

UNIT: Final = 32
"""Lengths are multiples of it, which suits the tiles of GPUs and TPUs."""
MAX_WIDTHS: Final = 4


def widths_for(lengths: Collection[int]) -> tuple[int, ...]:
    """Lengths, ascending, of which each of `lengths` fits one; only those that one needs."""
    longest = max(lengths, default=1)
    unit = UNIT * -(-longest // (UNIT * MAX_WIDTHS))
    return tuple(sorted({-(-max(1, one) // unit) * unit for one in lengths or (1,)}))


def width_of(length: int, widths: Sequence[int]) -> int:
    """The smallest of the lengths that holds a row of `length` tokens."""
    return next(one for one in widths if one >= length)


def padded(row: Sequence[int], width: int, fill: int) -> list[int]:
    """A row, filled up on the right."""
    return [*row, *[fill] * (width - len(row))]
