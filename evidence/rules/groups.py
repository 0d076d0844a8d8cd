"""How many groups an evaluation can be scored by: what results.json has room for. Pure.

Responsible for the one rule that a run is refused by before its training, and that verify reads
by: names and numbers of groups are a stranger's, and nobody's memory should depend on them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from evidence import limits

MAX_GROUPS_BYTES: Final = 6 << 20
"""Of the scores of groups in results.json, which has a loss table beside them."""
VALUES_A_SCORE: Final = 4
VALUE_BYTES: Final = 350
"""Of one value in results.json, with its name and address, the group's own name aside."""


def size_bytes(values: Iterable[str], num_scorers: int) -> int:
    """What the scores of groups with these names take."""
    num_values = 1 + VALUES_A_SCORE * num_scorers
    return sum(num_values * (VALUE_BYTES + len(value.encode())) for value in values)


def too_long(values: Iterable[str]) -> bool:
    """Whether one of them is longer than the name of a group can be."""
    return any(len(value) > limits.MAX_GROUP_VALUE_CHARS for value in values)
