"""Where the author's words are, and what the evidence of a pack says to them.

Responsible for naming each text by its address. Attached notes are handed in by those who read
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from evidence import layout
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.prose.support import Finding, Known, judge, known_of
from evidence.records.milestone import Milestone

NARRATIVE: Final = ("summary", "quote", "observations", "impact", "conclusion", "next_steps")
"""Keys of `[narrative]` that hold one text each."""

Addressed: TypeAlias = tuple[str, Finding]


def author_texts(milestone: Milestone) -> Iterator[tuple[str, str]]:
    """Pointer and text of everything in a milestone that a summary shows as the author's words."""
    yield "/objective", milestone.objective
    words = milestone.narrative
    for key in NARRATIVE:
        yield f"/narrative/{key}", getattr(words, key)
    for index, lesson in enumerate(words.lessons):
        yield f"/narrative/lessons/{index}", lesson


def judge_pack(documents: Documents) -> Iterator[Addressed]:
    """Address and finding of every typed measurement of a pack that its evidence does not hold."""
    known = _known(documents)
    declared = documents.milestone.narrative.literals
    for pointer, text in author_texts(documents.milestone):
        for finding in judge(text, known, declared):
            yield f"{layout.MILESTONE}#{pointer}", finding
    for finding in judge(documents.notes, known, declared):
        yield f"{layout.NOTES}#L{finding.literal.line}", finding


def judge_text(text: str, documents: Documents) -> Iterator[Finding]:
    """The same for words that came after sealing."""
    yield from judge(text, _known(documents), documents.milestone.narrative.literals)


def _known(documents: Documents) -> tuple[Known, ...]:
    values = {} if documents.results is None else documents.results.values
    return known_of(values, encode(documents.milestone))
