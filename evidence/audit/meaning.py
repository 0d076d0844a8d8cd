"""What a name means: its measure, its split and aggregate, and the words that are left.

Responsible for names of facts and names of claims alike, so that `train_samples_per_second` and
"Samples/second (training)" come to the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Final

from evidence.audit.vocabulary import (
    AGGREGATES,
    IDENTITIES,
    MEASURES,
    NAMES_OF_MEASURES,
    NOISE,
    SETTINGS,
    SPLITS,
    WEAK,
)
from evidence.records.record import Record

MAX_WORDS: Final = 40
_WORD: Final = re.compile(r"[a-z0-9@]+(?:\.[0-9]+)*")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z][a-z])")
_LONGEST: Final = max(len(phrase) for phrase in MEASURES)
_IDENTIFIER: Final = re.compile(
    r"[a-z0-9]{1,40}(?:[A-Z][a-z0-9]{1,40}){1,8}|[A-Z][a-z0-9]{1,40}(?:[A-Z][a-z0-9]{1,40}){1,8}"
)


class Meaning(Record):
    """What a name says of the value beside it."""

    measure: str = ""
    """A key of the vocabulary; empty where no word of it is one."""
    split: str = ""
    """`train`, `eval` or `test`."""
    aggregate: str = ""
    """`first`, `last`, `mean`, `min`, `max`, `best` or `median`."""
    rest: frozenset[str] = frozenset()
    """Other words that tell the value from others."""

    @property
    def is_named(self) -> bool:
        """Whether anything is known of what it measures."""
        return bool(self.measure)


def words_of(text: str) -> tuple[str, ...]:
    """The words of a name in lower case, `train_loss` and `trainLoss` taken apart."""
    spaced = _IDENTIFIER.sub(_taken_apart, text[:2_000]).lower().replace("_", " ")
    spaced = spaced.replace("held-out", "heldout").replace("held out", "heldout")
    return tuple(_WORD.findall(spaced)[:MAX_WORDS])


def _taken_apart(match: re.Match[str]) -> str:
    """`trainLoss` is two words, since both are known; `HellaSwag` is a name."""
    parts = _CAMEL.split(match.group())
    known = [part.lower() in NAMES_OF_MEASURES for part in parts]
    return " ".join(parts) if sum(known) > len(parts) / 2 else match.group()


@lru_cache(maxsize=20_000)
def meaning_of(text: str) -> Meaning:
    """What a name means."""
    return meaning_of_words(words_of(text))


def meaning_of_words(words: Iterable[str]) -> Meaning:
    """Of several measures the one with the longest name counts, of equal ones the last."""
    given = tuple(words)
    measure, taken = _measure(given)
    left = [word for index, word in enumerate(given) if index not in taken]
    said = {given[index] for index in taken}
    splits = list(dict.fromkeys(SPLITS[word] for word in left if word in SPLITS))
    split = splits[0] if splits else ""
    aggregate = next((AGGREGATES[word] for word in left if word in AGGREGATES), "")
    of_time: frozenset[str] = frozenset()
    if measure in SETTINGS or measure in IDENTITIES:
        of_time = frozenset((f"at {aggregate}",)) if aggregate in ("first", "last") else of_time
        aggregate = ""
    rest = frozenset(
        word
        for word in left
        if word not in SPLITS
        and word not in AGGREGATES
        and word not in NOISE
        and word not in said
        and len(word) < 60
    )
    rest |= {f"per {after}" for word, after in pairwise(left) if word == "per"}
    both = frozenset() if len(splits) < 2 else frozenset((f"and {splits[1]}",))
    return Meaning(measure, split, aggregate, rest | both | of_time)


def _measure(words: tuple[str, ...]) -> tuple[str, frozenset[int]]:
    """The key, and which words say it. Splits inside a phrase are passed over (`num train
    epochs`)."""
    plain = [index for index, word in enumerate(words) if word not in SPLITS]
    found: list[tuple[bool, int, int, str, frozenset[int]]] = []
    at = 0
    while at < len(plain):
        size = next(
            (
                size
                for size in range(min(_LONGEST, len(plain) - at), 0, -1)
                if tuple(words[index] for index in plain[at : at + size]) in MEASURES
            ),
            0,
        )
        if size:
            taken = plain[at : at + size]
            key = MEASURES[tuple(words[index] for index in taken)]
            found.append((key not in WEAK, size, at, key, frozenset(taken)))
        at += size or 1
    return max(found)[3:] if found else ("", frozenset())
