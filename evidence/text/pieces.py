"""What a paragraph of an author is made of: words, code, links and signs. Pure.

Responsible for reading it once, from the left, into pieces that hide nothing of it. How a piece is
shown is the `gate`'s, as markdown, and `hypertext.author`'s, as HTML.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Final, Literal

from evidence.records.record import Record

_URL: Final = (
    r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?"
    r"(?:[/?#][A-Za-z0-9._~:/?#!$&+,;=%*@-]*)?"
)
_LABEL: Final = r"[^\[\]\\`<>&\n]{1,300}"
_TOKEN: Final = re.compile(
    r"(?P<escaped>\\[!-/:-@\[-`{-~])"
    r"|(?P<ticks>`+)"
    rf"|\[(?P<label>{_LABEL})\]\((?P<target>{_URL})\)"
    rf"|<(?P<angled>{_URL})>"
    rf"|(?<![A-Za-z0-9@./:-])(?P<bare>{_URL})"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)"
)
_MAX_URL_CHARS: Final = 500
_OF_THE_SENTENCE: Final = "?!.,:;*_~"
"""Punctuation that belongs to the sentence, not to the address before it."""
_LINE_END: Final = re.compile(r"(?<! ) *\n *")


class Piece(Record):
    """Some of a paragraph."""

    form: Literal["words", "plain", "sign", "entity", "code", "link"]
    """`words` may be emphasised by `*` and `_`; `plain` is none of what it could have been; a
    `sign` was escaped; an `entity` is the text that it stands for."""
    text: str
    """Of a link its label, or nothing."""
    address: str = ""


def leads(address: str) -> bool:
    """Whether a link may lead there, and is not only shown."""
    return len(address) <= _MAX_URL_CHARS and "%" not in address


def pieces(text: str) -> Iterator[Piece]:
    """The pieces of a paragraph, in order."""
    closing = _closing_ticks(text)
    place = 0
    while (found := _TOKEN.search(text, place)) is not None:
        kind, end = found.lastgroup or "", found.end()
        if kind == "ticks":
            end, piece = _code_span(text, found, closing)
        elif kind == "escaped":
            piece = Piece("sign", found.group()[1:])
        elif kind == "entity":
            piece = Piece("entity", html.unescape(found.group()))
        else:
            address = found["target"] or found["angled"] or found["bare"]
            if kind == "bare":
                address = address.rstrip(_OF_THE_SENTENCE)
                end = found.start() + len(address)
            piece = Piece("link", found["label"] or "", address)
        yield Piece("words", text[place : found.start()])
        yield piece
        place = end
    yield Piece("words", text[place:])


def _closing_ticks(text: str) -> dict[int, list[int]]:
    """Where runs of so many backticks begin, the last one first."""
    found: dict[int, list[int]] = {}
    for run in re.finditer(r"`+", text):
        found.setdefault(len(run.group()), []).append(run.start())
    for places in found.values():
        places.reverse()
    return found


def _code_span(text: str, ticks: re.Match[str], closing: dict[int, list[int]]) -> tuple[int, Piece]:
    """Where the code that these backticks open ends, and the code; the ticks alone if none."""
    places = closing.get(len(ticks.group()), [])
    while places and places[-1] < ticks.end():
        places.pop()
    if not places:
        return ticks.end(), Piece("plain", ticks.group())
    inside = _LINE_END.sub(" ", text[ticks.end() : places[-1]]).strip()
    end = places[-1] + len(ticks.group())
    if not inside or "`" in inside:
        return end, Piece("plain", _LINE_END.sub(" ", text[ticks.start() : end]))
    return end, Piece("code", inside)
