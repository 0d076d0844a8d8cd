"""The markers of a page: `<!-- evidence PACK VALUE -->…<!-- /evidence -->`, found in its text.

Responsible for which comments of a page are markers, where their content stands, and what is wrong
with one. Pure. What a comment is, is said by `comment`; what a marker must show, by `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Final

from evidence.encoding.schema import nearest
from evidence.errors import UsageError
from evidence.markers.comment import Comment, Kind, comments_in
from evidence.records.record import Record
from evidence.text.escape import one_line
from evidence.text.formatting import FORMATS

MAX_DECIMALS: Final = 17
OPTIONS: Final = ("decimals", "format")
FORM: Final = "<!-- evidence runs/M43 train.loss_end -->2.31<!-- /evidence -->"
_MAX_SHOWN_CHARS: Final = 100
_WORD: Final = re.compile(r'"([^"]*)"|(\S+)')
_OPTION: Final = re.compile(r"([a-z]+)=(.*)", re.DOTALL)
_LINE_END: Final = re.compile(r"[\r\n]")


class Marker(Record):
    """One marked value of a page. Lines and columns count from 1, `start` and `end` from 0."""

    line: int
    column: int
    start: int
    end: int
    content: str
    """What stands between the two comments now."""
    pack: str
    """As it is written: from the folder of the page."""
    value: str
    """Name of a value, or an address in a file of the pack."""
    decimals: int | None = None
    form: str = ""


class BadMarker(Record):
    """What would be a marker, and why it is none."""

    line: int
    column: int
    message: str


class Markers(Record):
    """All that a page has of them, in order."""

    found: tuple[Marker, ...]
    bad: tuple[BadMarker, ...]
    num_in_code: int
    """Comments inside of code, which show how a marker is written."""


def markers_in(text: str, kind: Kind) -> Markers:
    """The markers of a page, and what looks like one and is none."""
    every = list(comments_in(text, kind))
    comments = [one for one in every if not one.in_code]
    found: list[Marker] = []
    bad: list[BadMarker] = []
    opened: Comment | None = None
    for one, following in pairwise([*comments, None]):
        assert one is not None  # noqa: S101 - only the last of the pairs is none
        closes = following is not None and not following.words
        if not one.words:
            if opened is None:
                bad.append(_bad(one, f"closes no marker; one begins so: {FORM}"))
            opened = None
        elif closes and following is not None:
            opened = one
            try:
                found.append(_marker(text, one, following))
            except UsageError as error:
                bad.append(_bad(one, error.message))
        elif _looks_like_one(one.words):
            bad.append(_bad(one, "is never closed: <!-- /evidence --> is missing behind it"))
    num_in_code = sum(one.in_code and bool(one.words) for one in every)
    return Markers(tuple(found), tuple(bad), num_in_code)


def _bad(comment: Comment, message: str) -> BadMarker:
    return BadMarker(comment.line, comment.column, message)


def _looks_like_one(words: str) -> bool:
    """Whether a comment that is not closed was meant as a marker: it may be words of the author."""
    pack, value, *options = [*_words(words), "", ""]
    names_both = _like_a_folder(pack) and _like_a_value(value)
    return names_both and all("=" in one for one in options if one)


def _like_a_folder(word: str) -> bool:
    """`M43` and `runs/M43` are names of packs; `of` and `is` are words of a sentence."""
    return not (word.isalpha() and word.islower())


def _like_a_value(word: str) -> bool:
    """`train.loss_end` or `results.json#/values`; neither `needed.` nor `v1.2` nor `#12`."""
    if "#" in word:
        return word.partition("#")[2].startswith(("/", "L"))
    first, _, more = word.partition(".")
    return first[:1].isalpha() and more[:1].isalpha() and word[-1] not in ".,;:!?"


def _words(text: str) -> list[str]:
    return [match[1] if match[2] is None else match[2] for match in _WORD.finditer(text)]


def _marker(text: str, comment: Comment, closing: Comment) -> Marker:
    content = text[comment.end : closing.start]
    if _LINE_END.search(text, comment.start, comment.end):
        raise UsageError(f"is written over several lines, and stands in one: {FORM}")
    if _LINE_END.search(text, comment.end, closing.end):
        raise UsageError("is closed in another line: a marker and its value stand in one line")
    words = _words(comment.words)
    if len(words) < 2:
        raise UsageError(f"names no value; a marker is written so: {FORM}")
    pack, value, *options = words
    given: dict[str, str] = {}
    for one in options:
        match = _OPTION.fullmatch(one)
        if match is None or match[1] not in OPTIONS:
            hint = nearest(one if match is None else match[1], list(OPTIONS))
            raise UsageError(
                f"has {_shown(one)} behind its value, and only decimals=N or format=NAME may "
                f"stand there{hint}"
            )
        given[match[1]] = match[2]
    if len(given) < len(options) or len(given) > 1:
        raise UsageError("takes one of decimals=N and format=NAME, once")
    return Marker(
        comment.line, comment.column, comment.end, closing.start, content, pack, value,
        _decimals(given.get("decimals")), _form(given.get("format")),
    )  # fmt: skip


def _decimals(written: str | None) -> int | None:
    if written is None:
        return None
    if not re.fullmatch(r"[0-9]{1,2}", written) or int(written) > MAX_DECIMALS:
        text = f"has decimals={_shown(written)}; wanted: a whole number from 0 to {MAX_DECIMALS}"
        raise UsageError(text)
    return int(written)


def _form(written: str | None) -> str:
    if written is None or written in FORMATS:
        return written or ""
    known = ", ".join(FORMATS)
    hint = nearest(written, list(FORMATS))
    raise UsageError(f"has no format {_shown(written)}{hint}; there are: {known}")


def _shown(text: str) -> str:
    return repr(one_line(text, _MAX_SHOWN_CHARS))


def with_contents(text: str, markers: Sequence[Marker], contents: Sequence[str]) -> str:
    """The page with these contents in the places of those of its markers, and nothing else."""
    parts: list[str] = []
    place = 0
    for marker, content in zip(markers, contents, strict=True):
        parts += [text[place : marker.start], content]
        place = marker.end
    return "".join([*parts, text[place:]])
