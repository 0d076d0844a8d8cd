"""When two texts say the same: without case, Unicode form and white space; word by word. Pure.

Responsible for the sameness that data sets, questions and prompts are compared by. What a row asks
is read elsewhere. Python's Unicode tables decide on characters that are newer than they are.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from typing import Final

from evidence.records.inputs import NGRAM_WORDS

_SENTENCE_MARKS: Final = ".,;:!?…\"'“”‘’()[]{}"


def normalised(text: str) -> str:
    """A text in its compatibility form (NFKC), case folded, each white space a single blank."""
    return spaced(unicodedata.normalize("NFKC", text).casefold())


def spaced(text: str) -> str:
    """A text with each white space a single blank, and none around it."""
    return " ".join(text.split())


def words(text: str) -> tuple[str, ...]:
    """The words of a text, normalised, without the marks of sentences and quotations around them.

    Signs stay: `1 + 1` and `1 ÷ 1` are different questions.
    """
    stripped = (word.strip(_SENTENCE_MARKS) for word in normalised(text).split())
    return tuple(word for word in stripped if word)


def ngrams(text: str) -> Iterator[tuple[str, ...]]:
    """Each NGRAM_WORDS words in a row; all words of a text that has fewer; none of no words."""
    found = words(text)
    for start in range(max(1, len(found) - NGRAM_WORDS + 1)) if found else ():
        yield found[start : start + NGRAM_WORDS]
