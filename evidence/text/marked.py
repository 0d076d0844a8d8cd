"""Data inside of sentences of ours: what it is and where it comes from, escaped by nobody yet.

Responsible for the marks that a page carries from where its words are made to the one writer that
renders and escapes it (`written` as markdown, `page` as HTML). A mark is made of characters that no
data holds, since `escape.visible` spells them out, so nothing inside of one can end it or begin
another; every way of making a text (an f-string, a template) keeps marks whole. What stands outside
of marks is ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final, Literal

from evidence.records.record import Record
from evidence.text import gate
from evidence.text.escape import visible

Kind = Literal["inline", "code", "preformatted", "learned", "words", "quoted", "verbatim"]

_KINDS: Final[dict[str, Kind]] = {
    "i": "inline",
    "c": "code",
    "p": "preformatted",
    "l": "learned",
    "w": "words",
    "q": "quoted",
    "v": "verbatim",
}
_LETTERS: Final = {kind: letter for letter, kind in _KINDS.items()}
_OPEN, _BETWEEN, _CLOSE = "\x02", "\x1f", "\x03"
_BEGIN, _END = "\x05", "\x06"
LEARNED, READ = "\x0e", "\x0f"
"""Inside of what the model saw: from here on it carries loss, from here on it does not."""
TURN: Final = re.compile(f"([{LEARNED}{READ}])")
MARK: Final = re.compile(
    f"{_OPEN}(?P<kind>[a-z])(?P<number>[0-9]*){_BETWEEN}(?P<text>[^{_OPEN}{_CLOSE}]*){_CLOSE}"
)
VALUE: Final = re.compile(f"{_BEGIN}(?P<name>[^{_BEGIN}{_BETWEEN}]*){_BETWEEN}|{_END}")
"""Where what shows a value begins, with its name, and where that ends."""


class Mark(Record):
    """One piece of data: how it is to be shown, and the text as it is but for what would act."""

    kind: Kind
    text: str
    number: int = 0
    """Most characters that are shown (0: all); of words the number of the item that they are; of
    lines of code the spaces before them."""


def read(found: re.Match[str]) -> Mark:
    """The mark that `MARK` found."""
    return Mark(_KINDS[found["kind"]], found["text"], int(found["number"] or 0))


def inline(text: str, limit: int = 0) -> str:
    """One line that shows `text` as it is, cut to `limit` characters (0: whole)."""
    return _mark("inline", text, limit) if text and visible(text).strip() else ""


def code(text: str, limit: int = 0) -> str:
    """`text` in a monospaced face."""
    return _mark("code", text, limit) if text and visible(text).strip() else ""


def preformatted(text: str) -> str:
    """A block that shows `text` line by line."""
    return _mark("preformatted", text)


def learned(lines: Sequence[Sequence[tuple[str, bool]]]) -> str:
    """A block of text as a model got it, line by line: pieces, and whether each carries loss."""
    text = "\n".join(
        "".join(f"{LEARNED}{visible(part)}{READ}" if bold else visible(part) for part, bold in line)
        for line in lines
    )
    return f"{_OPEN}{_LETTERS['learned']}{_BETWEEN}{text}{_CLOSE}"


def words(text: str, item: int = 0) -> str:
    """What an author wrote, as the gate lets it through; empty where nothing of it passes.

    `item`: as the item with that number of a list.
    """
    return _mark("words", _lines(text), item) if gate.passes(text) else ""


def quoted(text: str) -> str:
    """The same as a quotation."""
    return _mark("quoted", _lines(text))


def verbatim(text: str, indent: int = 0) -> str:
    """Lines of code that show a text as it stands, behind so many spaces."""
    return _mark("verbatim", _lines(text), indent)


def value(name: str, shown: str) -> str:
    """What shows the value of this name, so that a page can lead to where it comes from."""
    return f"{_BEGIN}{visible(name)}{_BETWEEN}{shown}{_END}"


def _mark(kind: Kind, text: str, number: int = 0) -> str:
    return f"{_OPEN}{_LETTERS[kind]}{number or ''}{_BETWEEN}{visible(text)}{_CLOSE}"


def _lines(text: str) -> str:
    """With the line ends of any system."""
    return text.replace("\r\n", "\n")
