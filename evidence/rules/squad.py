"""Exact match and F1 over words as the evaluation of SQuAD computes them. Pure.

Formulas and normalisation are those of its official script, version 2.0 (P. Rajpurkar, R. Jia,
P. Liang, Know What You Don't Know, ACL 2018): small letters, no ASCII punctuation, no English
articles, single blanks. An example has one expected answer; that script takes the best of several.
"""

from __future__ import annotations

import re
import string
from collections import Counter
from typing import Final

_PUNCTUATION: Final = str.maketrans("", "", string.punctuation)
_ARTICLES: Final = re.compile(r"\b(?:a|an|the)\b")


def words(text: str) -> list[str]:
    """The words of a text, normalised."""
    return _ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split()


def squad_exact(answer: str, target: str) -> bool:
    """The same words in the same order."""
    return words(answer) == words(target)


def f1(answer: str, target: str) -> float:
    """Harmonic mean of precision and recall over words, each as often as it stands there; where one
    text has no word, 1 if the other has none either."""
    found, wanted = words(answer), words(target)
    if not found or not wanted:
        return float(found == wanted)
    same = sum((Counter(found) & Counter(wanted)).values())
    return 2 * same / (len(found) + len(wanted))
