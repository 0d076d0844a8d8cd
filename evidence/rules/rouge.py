"""ROUGE-L of an answer: the longest sequence of words that it has in common with the expected one.

Responsible for one answer. F-measure of C.-Y. Lin, ROUGE: A Package for Automatic Evaluation of
Summaries (ACL workshop, 2004), with precision and recall alike and without a stemmer; words are
runs of a to z and 0 to 9 in small letters, as the package rouge-score takes them. Texts of other
alphabets have no words. Pure.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

MAX_WORDS: Final = 2_000
"""Of either text: the time grows with their product, and verify computes it of a stranger's."""
_NO_WORD: Final = re.compile(r"[^a-z0-9]+")


def words(text: str) -> list[str]:
    """The words of a text."""
    return _NO_WORD.sub(" ", text.lower()).split()


def rouge_l(answer: str, target: str) -> float | None:
    """From 0 to 1, and 0 where either has no word; None where one has more than MAX_WORDS."""
    found, wanted = words(answer), words(target)
    if max(len(found), len(wanted)) > MAX_WORDS:
        return None
    if not found or not wanted:
        return 0.0
    return 2 * common_length(found, wanted) / (len(found) + len(wanted))


def common_length(one: Sequence[str], other: Sequence[str]) -> int:
    """Length of the longest common subsequence.

    A bit stands for each place of `one`, all at once (M. Crochemore, C. Iliopoulos, Y. Pinzon,
    J. Reid, A fast and practical bit-vector algorithm for the longest common subsequence problem,
    Information Processing Letters 80, 2001): it is cleared where the length grows.
    """
    places: defaultdict[str, int] = defaultdict(int)
    for place, word in enumerate(one):
        places[word] |= 1 << place
    every = (1 << len(one)) - 1
    bits = every
    for word in other:
        same = bits & places.get(word, 0)
        bits = ((bits + same) | (bits - same)) & every
    return len(one) - bits.bit_count()
