"""What a row's token ids say of begin and end tokens: recorder and verify ask alike. Pure."""

from __future__ import annotations

from collections.abc import Sequence


def lacks(ids: Sequence[int], token: int) -> bool:
    """Whether the token stands nowhere in the row."""
    return token not in ids


def begins_doubled(ids: Sequence[int], token: int) -> bool:
    """Whether the row begins with the token twice."""
    return list(ids[:2]) == [token, token]


def ends_doubled(ids: Sequence[int], token: int) -> bool:
    """Whether the row ends with the token twice."""
    return list(ids[-2:]) == [token, token]
