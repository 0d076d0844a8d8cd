"""Which stage a claim is of, where the evidence is of several.

Responsible for rows, columns, headings and sentences that name a stage: below `Stage A` stands
nothing of stage B, and "control 0.20" is of control. A sentence that names several, or compares,
may be of any: what it says is then held against all of them, and the reader is told.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Final

from msgspec.structs import replace

from evidence.audit.claims import Claim
from evidence.audit.meaning import meaning_of, words_of
from evidence.audit.mentions import UNKNOWN, Mention, Stages, is_common
from evidence.audit.values import KEY
from evidence.audit.vocabulary import AGGREGATES, LINKING, NAMES_OF_MEASURES
from evidence.records.record import Record

_DIGIT: Final = re.compile(r"\d")
_MEASURED: Final = re.compile(r"\d\.\d|\d\s?%")
_LAST_NUMBER: Final = re.compile(r"\d(?P<behind>[^\d]{0,40})$")
_BEHIND: Final = re.compile(
    r"\s?(?:%|per cent)?\s?(?:[(\[]\s?(?:for |of |in |on )?|(?:for|of|in|on|by|with)\s)"
    r"(?:the )?(?:(?:stage|arm) )?[`\"*]{0,2}"
)
"""Between a number and the stage behind it that it is of: `0.20 (control)`, "0.20 for control"."""
_ENDS: Final = re.compile(
    r"[`\"*]{0,2}\s?(?:arm|stage|run|model)?\s?(?:[)\].,;]|and\b|while\b|to\b|→|$)"
)
_OWN: Final = re.compile(r"[`\"*]{0,2}(?:\s?arm|\s?stage)?(?:'s|’s|:|\s?=|\s?→)?\s{0,3}[(`*]{0,2}")
_GENITIVE: Final = re.compile(r"[`\"*]{0,2}(?:'s|’s)\s(?:[a-z]{1,20}\s){0,3}")
_FROM_TO: Final = re.compile(r"\bfrom\b[^;]{0,200}(?:\bto\b|→|->)", re.IGNORECASE)
_OPENS: Final = re.compile(
    r"(?:^|[,;:(—–]\s?|\b(?:and|while|whereas|but|that)\s)(?:the )?[`\"*]{0,2}$", re.I
)
_COMPARES: Final = frozenset(
    (
        *("from", "than", "over", "versus", "vs", "against", "compared", "relative", "unlike"),
        *("while", "whereas", "but", "instead", "other", "others", "both", "each", "either", "all"),
        *("difference", "gap", "apart", "before", "after", "whose", "which", "where", "base"),
        *("began", "starting", "started", "initial", "beats", "beat", "exceeds", "outperforms"),
        *("outperformed", "rather", "respectively", "previous", "earlier", "parent", "up", "down"),
        *("above", "below", "beyond", "ahead", "behind", "rose", "fell", "gained", "lost", "plus"),
        *("not", "never", "no", "without", "minus", "together", "average", "mean", "total", "sum"),
        *("combined", "pooled", "between"),
    )
)
"""Words of a sentence that may hold a number of another stage than it names."""
_OF_MEANS: Final = frozenset(("mean", "average"))
"""Of these, where the number itself is one: of its stage, unless another word compares."""
_GAP: Final = LINKING | NAMES_OF_MEASURES | AGGREGATES.keys() | frozenset(
    (
        *("arm", "stage", "branch", "run", "model", "s", "had", "has", "reaches", "got", "gets"),
        *("scored", "scores", "with", "its", "in", "on", "gave", "shows", "showed", "ended"),
        *("ends", "achieved", "corrects", "corrected", "rate", "answers", "answered", "share"),
    )
)  # fmt: skip
"""Words that may stand between a stage and its number."""


class Said(Record):
    """What a claim says of stages."""

    names: tuple[str, ...] = ()
    """Those that it names; none: it may be of any."""
    is_sure: bool = False
    """Whether it can be of this one alone."""
    is_open: bool = False
    """Whether it may be of another stage all the same."""
    words: frozenset[str] = frozenset()
    """Of the names as they stand."""
    is_apart: bool = False
    """Whether its sentence goes from one stage to another: the ends are of no run."""


def said_of(claim: Claim, stages: Stages) -> Said:
    """The stage that its row or its column is named by, else its sentence, else what stands
    above."""
    if not stages.called:
        return Said()
    cells = [said for cell in (claim.subject, claim.header) if (said := _cell(cell, stages)).names]
    if cells:
        return _of({name for said in cells for name in said.names}, _words(cells))
    text = claim.before + "\0" + claim.after
    mentions = stages.mentions(text)
    comparing = _COMPARES - (_OF_MEANS if claim.meaning.aggregate == "mean" else frozenset())
    if mentions:
        said = _in_sentence(len(claim.before), text, mentions, comparing)
        is_apart = _FROM_TO.search(text) is not None and len(stages.written(text)) > 1
        return replace(said, is_apart=is_apart)
    compares = bool(comparing & frozenset(words_of(text)))
    for heading in reversed(claim.headings):
        said = _in_heading(heading, stages)
        if said.names:
            is_sure = said.is_sure and not compares
            return Said(said.names, is_sure, said.is_open or compares, said.words)
    return Said()


def _of(names: Collection[str], words: frozenset[str]) -> Said:
    is_one = len(names) == 1 and UNKNOWN not in names
    return Said(tuple(sorted(names)), is_one, not is_one, words)


def _cell(cell: str, stages: Stages) -> Said:
    """The stage that a row or a column is of: its name alone, or within other words."""
    name = stages.is_name(cell)
    if name and _is_name_only(name):
        return _of({name}, frozenset(words_of(cell)))
    found = stages.mentions(cell)
    return _of({one.name for one in found}, _words(found)) if found else Said()


def _in_heading(heading: str, stages: Stages) -> Said:
    name = stages.is_name(heading)
    is_told = name == heading.strip("`*_ ") or not is_common(name)
    if name and is_told and _is_name_only(name):
        return _of({name}, frozenset(words_of(heading)))
    found = stages.mentions(heading)
    said = _of({one.name for one in found}, _words(found)) if found else Said()
    is_told = all(one.is_telling for one in found)
    compares = bool(_COMPARES & frozenset(words_of(heading)))
    return Said(said.names, said.is_sure and is_told and not compares, said.is_open, said.words)


def _in_sentence(
    at: int, text: str, mentions: Sequence[Mention], comparing: frozenset[str]
) -> Said:
    names, words = {one.name for one in mentions}, _words(mentions)
    taken = [one for one in mentions if one.start < at and _is_behind_a_number(one, text)]
    left = [one for one in mentions if one not in taken]
    own = _behind(at, text, mentions) or _ahead(at, text, left, comparing)
    if own is not None and own.name != UNKNOWN:
        return Said((own.name,), is_sure=True, words=words)
    measured = _MEASURED.search(_without(mentions, text)[mentions[0].end : at])
    is_open = len(names) > 1 or UNKNOWN in names or bool(taken) or measured is not None
    is_open = is_open or bool(comparing & (frozenset(words_of(text)) - words))
    return Said(tuple(sorted(names)), is_open=is_open, words=words)


def _behind(at: int, text: str, mentions: Sequence[Mention]) -> Mention | None:
    """The stage right behind a number."""
    following = next((one for one in mentions if one.start > at), None)
    if following is None:
        return None
    is_beside = _BEHIND.fullmatch(text, at + 1, following.start) is not None
    return following if is_beside and _ENDS.match(text, following.end) else None


def _is_behind_a_number(one: Mention, text: str) -> bool:
    before = _LAST_NUMBER.search(text[: one.start])
    is_beside = before is not None and _BEHIND.fullmatch(before["behind"]) is not None
    return is_beside and _ENDS.match(text, one.end) is not None


def _ahead(
    at: int, text: str, mentions: Sequence[Mention], comparing: frozenset[str]
) -> Mention | None:
    """The stage before a number, where nothing stands between that may be of another."""
    before = [one for one in mentions if one.end <= at]
    if not before:
        return None
    own, plain = before[-1], _without(mentions, text)
    gap = plain[own.end : at]
    if _GENITIVE.fullmatch(gap):
        return own
    number = max((match.end() for match in _DIGIT.finditer(plain[:at])), default=0)
    if [one.name for one in before if one.start >= number] != [own.name]:
        return None
    if comparing & frozenset(words_of(plain[number : own.start])):
        return None
    if _OWN.fullmatch(gap):
        return own
    is_subject = own.is_telling or _OPENS.search(text[: own.start]) is not None
    is_subject = is_subject and not gap.startswith(" of ")  # the control of something
    return own if is_subject and frozenset(words_of(gap)) <= _GAP - comparing else None


def _without(mentions: Sequence[Mention], text: str) -> str:
    """A text without the digits of names, of steps and of epochs; all stays in its place."""
    for one in mentions:
        text = text[: one.start] + "_" * (one.end - one.start) + text[one.end :]
    return KEY.sub(lambda match: " " * len(match.group()), text)


def _words(mentions: Sequence[Mention] | Sequence[Said]) -> frozenset[str]:
    return frozenset().union(*(one.words for one in mentions))


def others_than(stage: str, stages: Collection[str]) -> frozenset[str]:
    """The stages that have nothing to do with one: `check_A` evaluates A, and a row of A may show
    what came of it."""
    if not stage:
        return frozenset()
    return frozenset(one for one in stages if f"_{stage}_" not in f"_{one}_")


def _is_name_only(name: str) -> bool:
    """Whether a cell with these words can be nothing else: a row `loss` is of a loss."""
    meaning = meaning_of(name)
    return not (meaning.measure or meaning.split or meaning.aggregate)
