"""Where a text occurs in another, overlaps included, in linear time whatever the two are. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

_BY_FIND: Final = 64
"""So many places are looked for by `str.find`; more may overlap, and cost their length each."""


def occurrences(text: str, part: str) -> Iterator[int]:
    """Every place where `part` begins in `text`, in order. None of an empty part."""
    place = text.find(part) if part else -1
    for _ in range(_BY_FIND):
        if place < 0:
            return
        yield place
        place = text.find(part, place + 1)
    if place >= 0:
        yield from _by_prefixes(text, part, place)


def _by_prefixes(text: str, part: str, begin: int) -> Iterator[int]:
    """The same from `begin` on (Knuth, Morris and Pratt)."""
    borders = _borders(part)
    matched = 0
    for index in range(begin, len(text)):
        char = text[index]
        while matched and part[matched] != char:
            matched = borders[matched - 1]
        if part[matched] == char:
            matched += 1
        if matched == len(part):
            yield index + 1 - matched
            matched = borders[matched - 1]


def _borders(part: str) -> list[int]:
    """By place: how long the longest beginning of `part` is that also ends there."""
    borders = [0] * len(part)
    length = 0
    for index in range(1, len(part)):
        while length and part[index] != part[length]:
            length = borders[length - 1]
        if part[index] == part[length]:
            length += 1
        borders[index] = length
    return borders
