"""Numbers that stand, digit for digit, in the program's own source or command line. Pure.

Responsible for one doubt about a number in a file: whether somebody typed it. A number of few
digits may stand anywhere by chance, so that only longer ones are looked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

MIN_DIGITS: Final = 4
"""Significant ones: 0.95 stands in many a program."""
MAX_PLACES: Final = 5


def places_of(text: str, sources: Mapping[str, str], words: Sequence[str]) -> tuple[str, ...]:
    """Where a number, as it was written, stands in sources or in the command."""
    digits = re.sub(r"[eE].*|[^0-9]", "", text).lstrip("0")
    if len(digits) < MIN_DIGITS:
        return ()
    alone = standing_alone(text)
    found = list(_places(alone, sources))
    found += ["the command line"] if any(alone.search(word) for word in words) else []
    return tuple(found[:MAX_PLACES])


def standing_alone(text: str) -> re.Pattern[str]:
    """A number as it was written, and no part of another."""
    return re.compile(rf"(?<![\w.]){re.escape(text)}(?![\w.])")


def _places(alone: re.Pattern[str], sources: Mapping[str, str]) -> Iterator[str]:
    for path, source in sources.items():
        for match in alone.finditer(source):
            line = source.count("\n", 0, match.start()) + 1
            yield f"{path}, line {line}"
