"""What the files of a folder say among themselves: one finding, and words that all of them use.

Responsible for the record. A finding accuses nobody: it says what stands where, and what would
explain it.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from evidence.foreign.facts import Fact, Place
from evidence.records.record import Record

Severity: TypeAlias = Literal["note", "warning", "contradiction"]
MAX_PLACES = 6
MAX_SHOWN = 80


class Finding(Record):
    """One thing to know of the evidence, whatever is claimed with it."""

    code: str
    severity: Severity
    message: str
    places: tuple[Place, ...]


def note(code: str, message: str, places: Iterable[Place]) -> Finding:
    """Something that has an innocent explanation, or is none of anybody's fault."""
    return Finding(code, "note", message, tuple(places)[:MAX_PLACES])


def warning(code: str, message: str, places: Iterable[Place]) -> Finding:
    """Something that a reader has to know before they believe a number."""
    return Finding(code, "warning", message, tuple(places)[:MAX_PLACES])


def contradiction(code: str, message: str, places: Iterable[Place]) -> Finding:
    """Two files that cannot both be of what they seem to be of."""
    return Finding(code, "contradiction", message, tuple(places)[:MAX_PLACES])


def cut(text: str) -> str:
    """A text of theirs, as long as a sentence bears."""
    flat = " ".join(text.split())
    return flat if len(flat) <= MAX_SHOWN else f"{flat[: MAX_SHOWN - 1]}\u2026"


def said(fact: Fact) -> str:
    """A fact with its place."""
    return f"{cut(fact.text)} ({fact.place})"


def are_together(one: str, other: str) -> bool:
    """Whether two files are likely to be of one run: in one folder, or one above the other."""
    left, right = PurePosixPath(one).parent, PurePosixPath(other).parent
    return left == right or left in right.parents or right in left.parents
