"""Lines of a log that tell how the program went on or ended, found as the log is read.

Responsible for noticing them; whether a run failed by one is judged with the rows that follow it.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.foreign.facts import Mark, Place
from evidence.foreign.lines import Line

TRACEBACK, CANCELLED, MEMORY, POWERSHELL, TEMPLATE = (
    "traceback",
    "cancelled",
    "out-of-memory",
    "powershell-stderr",
    "placeholder",
)
_WORDS: Final = (
    ("Traceback (most recent call last)", TRACEBACK),
    ("CANCELLED AT", CANCELLED),
    ("DUE TO TIME LIMIT", CANCELLED),
    ("KeyboardInterrupt", CANCELLED),
    ("oom_kill", MEMORY),
    ("oom-kill", MEMORY),
    ("CUDA out of memory", MEMORY),
    ("OutOfMemoryError", MEMORY),
    ("NativeCommandError", POWERSHELL),
)
MAX_CHARS: Final = 2_000
MAX_TEXT: Final = 200
_PLACEHOLDER: Final = re.compile(
    r"[:=]\s?(?:\{[a-z_][\w.\[\]'\"]{0,40}(?::[^{}]{0,12})?\}|<[a-z][a-z _-]{1,30}>"
    r"|[Xx]{1,4}\.[Xx]{1,8}|[Xx]{3,8}|TBD|TODO|\?{2,4})(?=[\s,;|)/]|\Z)"
)


class Marks:
    """Takes lines in order; keeps of each kind the first and the last, and counts."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._first: dict[str, Mark] = {}
        self._last: dict[str, Mark] = {}

    def take(self, line: Line) -> None:
        """One more line."""
        text = line.text[:MAX_CHARS]
        for words, kind in _WORDS:
            if words in text:
                self._keep(kind, line)
                return
        if ("{" in text or "<" in text or "x" in text.lower() or "T" in text or "?" in text) and (
            _PLACEHOLDER.search(text)
        ):
            self._keep(TEMPLATE, line)

    def _keep(self, kind: str, line: Line) -> None:
        mark = Mark(kind, Place(self._file, line.number), line.text.strip()[:MAX_TEXT])
        self._first.setdefault(kind, mark)
        self._last[kind] = mark

    @property
    def found(self) -> tuple[Mark, ...]:
        """In the order of the lines; a kind that occurs once stands once."""
        both = [*self._first.values(), *self._last.values()]
        unique = {(one.kind, one.place.line): one for one in both}
        return tuple(sorted(unique.values(), key=lambda one: (one.place.line or 0, one.kind)))
