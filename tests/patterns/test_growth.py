"""No text makes a pattern of ours slow: what it costs grows as the text does.

Time is that of the processor, and its bound lies far from both: for these texts a square pattern
needs 2.4 seconds and more, a cubic one days, a linear one milliseconds.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from types import FrameType
from typing import Any, Final

import pytest

from tests.patterns.adversarial import texts
from tests.patterns.inventory import Found, every_pattern, unlisted

NUM_CHARS: Final = 32_000
MAX_S: Final = 0.6
WHOLE: Final = frozenset({"prose/literals.py:_DATE", "prose/literals.py:_CLOCK"}) | {
    "prose/literals.py:_VERSION"
}
"""Asked by `fullmatch` through another name than their own, which the inventory does not see."""


class TooSlowError(Exception):
    """The processor was at it for longer than any linear pattern is."""


@contextmanager
def limited(seconds: float) -> Iterator[None]:
    """Raises TooSlowError after so much time of the processor; `re` asks for signals as it goes."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooSlowError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slow_text(found: Found, num_chars: int) -> str:
    """The first text that takes the pattern too long, described; empty where none does."""
    for text in texts(found.pattern, num_chars):
        for method in sorted(found.methods):
            try:
                with limited(MAX_S):
                    _ask(found.pattern, method, text)
            except TooSlowError:
                return f"{method} in {len(text)} characters: {text[:40]!r} … {text[-10:]!r}"
    return ""


def _ask(pattern: re.Pattern[Any], method: str, text: str) -> None:
    data: Any = text if isinstance(pattern.pattern, str) else text.encode("utf-8", "replace")
    if method == "sub":
        pattern.sub(lambda match: match[0], data)
    elif method == "finditer":
        for _ in pattern.finditer(data):
            pass
    else:
        getattr(pattern, method)(data)


@pytest.mark.parametrize("found", every_pattern(), ids=lambda found: found.place)
def test_a_pattern_takes_time_as_its_text_grows_and_no_more(found: Found) -> None:
    if found.place in WHOLE:
        found = replace(found, methods=frozenset({"fullmatch"}))
    assert not slow_text(found, NUM_CHARS)


def test_every_place_that_builds_a_pattern_is_known_here() -> None:
    assert unlisted() == []


@pytest.mark.parametrize(
    "pattern",
    [
        r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*$",  # the line finder of milestone files, as it was
        r"(?:a|aa)+$",
        r"a*a*b",
        r"\s+$",
    ],
)
def test_a_pattern_that_backtracks_is_noticed(pattern: str) -> None:
    assert slow_text(Found("here", re.compile(pattern), frozenset({"search"})), NUM_CHARS)
