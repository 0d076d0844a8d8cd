"""What rows ask, and which of two sets of rows ask the same. Pure.

Responsible for sameness of questions by the three measures of `OverlapRecord`, for the questions of
an evaluation that stand in the training data of an ancestor, and for which rows are independent of
one another. What a row asks is rendered in `data.asked`.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from itertools import chain

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SeenQuestions
from evidence.records.record import Record
from evidence.rules.wording import ngrams, normalised


class Question(Record):
    """What a row asks, as its template renders it (see `data.asked`)."""

    texts: tuple[str, ...]
    """The question; where a row may ask several, each of them after the whole."""
    words: tuple[str, ...]
    """Its words, those that every row says left out."""


Questions = Sequence[Question] | Unavailable

Keys = Callable[[Question], Iterable[Hashable]]


def exact(question: Question) -> Iterable[Hashable]:
    """Keys by which two questions are the same characters."""
    return question.texts


def alike(question: Question) -> Iterable[Hashable]:
    """Keys by which they are the same once Unicode form, case and white space are aside."""
    return map(normalised, question.texts)


def by_words(question: Question) -> Iterable[Hashable]:
    """Keys by which they have NGRAM_WORDS words in a row in common, or all of a shorter one."""
    return chain.from_iterable(map(ngrams, question.words))


def meeting(
    own: Sequence[Question], asked: Sequence[Question], keys: Keys
) -> tuple[tuple[int, ...], set[int]]:
    """Which questions share a key with which of those asked. No text at all is no key."""
    places: dict[Hashable, set[int]] = {}
    for index, question in enumerate(asked):
        for key in keys(question):
            if key:
                places.setdefault(key, set()).add(index)
    rows: list[int] = []
    shared: set[Hashable] = set()
    for index, question in enumerate(own):
        found = [key for key in keys(question) if key in places]
        if found:
            rows.append(index)
            shared.update(found)
    return tuple(rows), set().union(*(places[key] for key in shared))


def questions_seen(
    asked: Questions, ancestors: Mapping[str, Questions]
) -> dict[str, SeenQuestions | Unavailable]:
    """Questions of an evaluation that the training data of each ancestor ask too, by its name.

    An ancestor whose questions are not known, or an evaluation of which they are not, is
    unavailable with that reason, and never counts as none.
    """
    return {name: _seen(asked, own) for name, own in ancestors.items()}


def _seen(asked: Questions, own: Questions) -> SeenQuestions | Unavailable:
    if isinstance(asked, Unavailable):
        return Unavailable(f"the evaluation prompt: {asked.reason}")
    if isinstance(own, Unavailable):
        return own
    met = [meeting(own, asked, keys)[1] for keys in (exact, alike, by_words)]
    return SeenQuestions(
        num_questions=len(asked),
        num_rows=len(own),
        exact=tuple(sorted(met[0])),
        normalised=tuple(sorted(met[1])),
        ngram=tuple(sorted(met[2])),
    )


def independent(keys: Sequence[Iterable[str]]) -> tuple[int, ...]:
    """For each row the number of the question that it asks, from 0, in order of appearance.

    Two rows that share a key ask the same, and so do two that a third one joins.
    """
    parents = list(range(len(keys)))
    first: dict[str, int] = {}
    for row, own in enumerate(keys):
        for key in own:
            _join(parents, first.setdefault(key, row), row)
    numbers: dict[int, int] = {}
    return tuple(numbers.setdefault(_root(parents, row), len(numbers)) for row in range(len(keys)))


def _join(parents: list[int], one: int, other: int) -> None:
    roots = _root(parents, one), _root(parents, other)
    parents[max(roots)] = min(roots)


def _root(parents: list[int], row: int) -> int:
    while parents[row] != row:
        parents[row] = parents[parents[row]]  # halves the way for whoever asks next
        row = parents[row]
    return row
