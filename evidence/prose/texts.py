"""The author's texts by address, and the measurements in them that a pack does not support.

Responsible for naming each text by its address. Attached notes are handed in by those who read
them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

from evidence import layout
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.pack.imported import PackDocuments
from evidence.prose.support import (
    KnownNumbers,
    UnsupportedLiteral,
    known_numbers,
    unsupported_literals,
)
from evidence.records.milestone import Milestone
from evidence.text import templating

NARRATIVE: Final = ("summary", "quote", "observations", "impact", "conclusion", "next_steps")
"""Keys of `[narrative]` that hold one text each."""

AddressedLiteral: TypeAlias = tuple[str, UnsupportedLiteral]


def author_texts(milestone: Milestone) -> Iterator[tuple[str, str]]:
    """Pointer and text of everything in a milestone that a summary shows as the author's words."""
    yield "/objective", milestone.objective
    words = milestone.narrative
    for key in NARRATIVE:
        yield f"/narrative/{key}", getattr(words, key)
    for index, lesson in enumerate(words.lessons):
        yield f"/narrative/lessons/{index}", lesson


def values_named(milestone: Milestone) -> Iterator[tuple[str, str]]:
    """Where the milestone names a value of its results, and the name."""
    for index, gate in enumerate(milestone.gates):
        for key, name in (("metric", gate.metric), ("other", gate.other)):
            if name is not None:
                yield f"/gate/{index}/{key}", name
    for place, text in author_texts(milestone):
        if place.startswith("/narrative/"):
            yield from ((place, name) for _, name in templating.dotted_names(text))


def unsupported_in_pack(documents: Documents) -> Iterator[AddressedLiteral]:
    """Address of every measurement in the words of a pack that its evidence does not support."""
    known = known_of(documents)
    declared = documents.milestone.narrative.literals
    for pointer, text in author_texts(documents.milestone):
        for unsupported in unsupported_literals(text, known, declared):
            yield f"{layout.MILESTONE}#{pointer}", unsupported
    for unsupported in unsupported_literals(documents.notes, known, declared):
        yield f"{layout.NOTES}#L{unsupported.literal.line}", unsupported


def unsupported_in_text(
    text: str, documents: PackDocuments, known: KnownNumbers
) -> Iterator[UnsupportedLiteral]:
    """The same for words that came after sealing; `known` is `known_of` the documents."""
    milestone = documents.milestone
    declared = {} if milestone is None else milestone.narrative.literals
    yield from unsupported_literals(text, known, declared)


def known_of(documents: PackDocuments) -> KnownNumbers:
    """The numbers that words about a pack may repeat."""
    values = {} if documents.results is None else documents.results.values
    milestone = documents.milestone
    return known_numbers(values, {} if milestone is None else encode(milestone))
