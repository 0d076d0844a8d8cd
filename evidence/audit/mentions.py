"""Where a text names stages, of those that the evidence has.

Responsible for finding names: `self-correct`, "Self correct", `stage A`, "arms A and B". A name
that is also a common word counts only where the text marks it as one. What a number beside it is
of is `sections`'s.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from functools import cached_property
from typing import Final

from msgspec.structs import replace

from evidence.audit.common_words import HARMLESS
from evidence.audit.meaning import words_of
from evidence.records.record import Record

UNKNOWN: Final = "?"
"""A stage that the evidence does not have."""
_FEW_CHARS: Final = 2
_MARK: Final = r"(?:stage|arm|branch|variant|condition)"
_BEFORE: Final = re.compile(rf"\b{_MARK}s?\s{{1,3}}[`\"'*(]{{0,2}}$", re.IGNORECASE)
_AFTER: Final = re.compile(rf"[`\"'*)]{{0,2}}(?:'s|’s)?\s{{1,3}}{_MARK}s?\b", re.IGNORECASE)
_OTHER: Final = re.compile(rf"\b{_MARK}s?\s{{1,3}}[`\"'*]{{0,2}}(?P<name>[A-Z0-9][\w-]{{0,63}})")
_JOINED: Final = re.compile(
    r"[`\"'*]{0,2}\s{0,2}(?:,|/|&|–|-|,?\s?\b(?:and|or|to|vs\.?|versus)\b)\s{0,2}[`\"'*]{0,2}"
)


class Mention(Record):
    """A stage named in a text."""

    name: str
    start: int
    end: int
    is_telling: bool
    """Whether the words can hardly be anything else than the name of the stage."""
    words: frozenset[str] = frozenset()
    """As they stand, for those that look for other names."""


class Stages:
    """The stages that the evidence is of, to be found in texts."""

    def __init__(self, names: Collection[str]) -> None:
        self.names = frozenset(names)
        self.called = self.names | frozenset(_evaluated(self.names))
        """Also what evaluations are of: `M45_C` of `check_M45_C`."""

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        longest = sorted(self.called, key=lambda one: (-len(one), one))
        said = "|".join(_shape(one) for one in longest)
        return re.compile(rf"(?<![\w.-])(?:{said})(?![\w-])(?!\.\w)")

    @cached_property
    def _by_words(self) -> dict[tuple[str, ...], str]:
        return {tuple(_plain(one)): one for one in sorted(self.called)}

    def is_name(self, cell: str) -> str:
        """The stage that a cell or a heading names and nothing else; empty where it does not."""
        bare = cell.strip("`*_\"' :")
        return bare if bare in self.called else self._by_words.get(tuple(_plain(bare)), "")

    def mentions(self, text: str) -> list[Mention]:
        """Those of a text, in order."""
        if not self.called:
            return []
        found = [*self._found(text), *self._others(text)]
        return sorted(_joined(found, text), key=lambda one: one.start)

    def written(self, text: str) -> frozenset[str]:
        """Names that stand in a text, also where they may be words of the sentence."""
        return frozenset(self.is_name(match.group()) for match in self._pattern.finditer(text))

    def _found(self, text: str) -> Iterator[Mention]:
        for match in self._pattern.finditer(text):
            name = self.is_name(match.group())
            said = text[max(0, match.start() - 20) : match.start()]
            is_marked = bool(_BEFORE.search(said) or _AFTER.match(text, match.end()))
            is_quoted = said[-1:] in ("`", "*") and text[match.end() : match.end() + 1] == said[-1:]
            is_odd = len(name) > _FEW_CHARS and not name.isalpha()
            yield Mention(
                name=name,
                start=match.start(),
                end=match.end(),
                is_telling=is_marked or is_quoted or is_odd,
                words=frozenset(words_of(match.group())),
            )

    def _others(self, text: str) -> Iterator[Mention]:
        for match in _OTHER.finditer(text):
            if not self.is_name(match["name"].rstrip("-")):
                yield Mention(UNKNOWN, match.start("name"), match.end("name"), is_telling=True)


def _joined(found: list[Mention], text: str) -> Iterator[Mention]:
    """`Stages A and B` marks both; what is a common word and not marked is no name."""
    ordered = sorted(found, key=lambda one: one.start)
    told = [one.is_telling for one in ordered]
    for order in (range(1, len(ordered)), range(len(ordered) - 2, -1, -1)):
        for at in order:
            beside = at - 1 if order.step > 0 else at + 1
            first, second = sorted((ordered[at], ordered[beside]), key=lambda one: one.start)
            between = text[first.end : second.start]
            told[at] = told[at] or (told[beside] and _JOINED.fullmatch(between) is not None)
    for one, is_telling in zip(ordered, told, strict=True):
        if is_telling or not is_common(one.name):
            yield replace(one, is_telling=is_telling)


def is_common(name: str) -> bool:
    """Whether a name may as well be a word of the sentence, or a letter of anything."""
    return len(name) <= _FEW_CHARS or frozenset(words_of(name)) <= HARMLESS


def _plain(name: str) -> list[str]:
    return re.split(r"[-_\s.#]+", name if len(name) <= _FEW_CHARS else name.lower())


def _shape(name: str) -> str:
    """A letter is a name as it stands; of longer ones case and what joins their parts may vary."""
    if len(name) <= _FEW_CHARS:
        return re.escape(name)
    return "(?i:" + r"[-_\s.#]?".join(map(re.escape, re.split(r"[-_.]+", name))) + ")"


def _evaluated(names: Collection[str]) -> Iterator[str]:
    """`check_control` beside `control` is an evaluation of it; so `check_M45_C` is one of M45_C."""
    checks = {
        one.removesuffix(f"_{other}")
        for one in names
        for other in names
        if one.endswith(f"_{other}") and one != other
    }
    for one in names:
        yield from (
            one.removeprefix(f"{check}_") for check in checks if one.startswith(f"{check}_")
        )
