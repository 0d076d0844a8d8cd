"""One line of a page of ours as HTML: our own emphasis, code and links, and the data in it.

Responsible for escaping: whatever is neither a sign of ours nor a mark is text. Data comes as marks
and is never looked into for signs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from evidence.records.record import Record
from evidence.text import markdown, marked
from evidence.text.hypertext import author
from evidence.text.marked import Mark

Opened = Callable[[str], str]
"""The id of what is opened by the value of a name; empty where there is nothing to open."""

_PLACE: Final = "\x02{}\x03"
_NAME: Final = "\x05{}\x1f"
_SIGN: Final = re.compile(
    r"\x02(?P<place>[0-9]+)\x03"
    r"|\x05(?P<name>[0-9]+)\x1f"
    r"|(?P<end>\x06)"
    r"|(?P<strong>\*\*)"
    r"|(?P<emphasis>\*)"
    r"|`(?P<code>[^`\n]*)`"
    r"|\[(?P<label>[^\[\]\n]*)\]\((?P<target>[A-Za-z0-9_.#/-]*)\)"
)
BLOCKS: Final = ("preformatted", "learned", "words", "quoted", "verbatim")
_TAGS: Final = re.compile(r"<[^<>]*>")


class Taken(Record):
    """What was taken out of a page: marks, and names of values."""

    marks: tuple[Mark, ...]
    names: tuple[str, ...]


class Writer:
    """Writes lines, knowing what was taken out of the page."""

    def __init__(self, taken: Taken, opened: Opened) -> None:
        self._marks = taken.marks
        self._names = taken.names
        self._opened = opened

    def block(self, line: str) -> Mark | None:
        """The block that a line consists of; None for any other line."""
        found = _SIGN.fullmatch(line.strip())
        mark = None if found is None or not found["place"] else self._marks[int(found["place"])]
        return mark if mark is not None and mark.kind in BLOCKS else None

    def line(self, text: str) -> str:
        """HTML of a line. Whatever it opens is closed."""
        parts: list[str] = []
        open_tags: list[str] = []
        place = 0
        for found in _SIGN.finditer(text):
            parts.append(markdown.html(text[place : found.start()]))
            place = found.end()
            kind = found.lastgroup or ""
            if kind in ("strong", "emphasis"):
                tag = "strong" if kind == "strong" else "em"
                parts.append(_toggled(tag, open_tags, text, found))
            elif kind == "name":
                parts.append(self._begun(self._names[int(found["name"])], open_tags))
            elif kind == "end":
                parts.append(_ended("button", open_tags))
            else:
                parts.append(self._plain(found))
        parts.append(markdown.html(text[place:]))
        parts += [f"</{tag}>" for tag in reversed(open_tags) if tag]
        return "".join(parts)

    def _begun(self, name: str, open_tags: list[str]) -> str:
        opened = "" if "button" in open_tags else self._opened(name)
        open_tags.append("button" if opened else "")
        return f'<button type="button" class="v" popovertarget="{opened}">' if opened else ""

    def _plain(self, found: re.Match[str]) -> str:
        if found["place"]:
            return self._data(self._marks[int(found["place"])])
        if found["code"] is not None:
            return f"<code>{self.line(found['code'])}</code>"
        return f'<a href="{markdown.html(found["target"])}">{self.line(found["label"])}</a>'

    def _data(self, mark: Mark) -> str:
        if mark.kind == "code":
            return f"<code>{markdown.html(markdown.flat(mark.text, mark.number))}</code>"
        limit = mark.number if mark.kind == "inline" else 0
        return markdown.html(markdown.flat(mark.text, limit))


def _toggled(tag: str, open_tags: list[str], text: str, found: re.Match[str]) -> str:
    if tag in open_tags:
        return _ended(tag, open_tags)
    if not text[found.end() : found.end() + 1].strip():
        return found.group()  # a sign by itself
    open_tags.append(tag)
    return f"<{tag}>"


def _ended(tag: str, open_tags: list[str]) -> str:
    """What was opened last closes, whichever it is: nothing of ours overlaps."""
    last = open_tags.pop() if open_tags else ""
    return f"</{last}>" if last else ""


def block_of(mark: Mark) -> str:
    """HTML of a mark that is a block of its own."""
    return _BLOCKS[mark.kind](mark)


def _learned(mark: Mark) -> str:
    parts = marked.TURN.split(mark.text)
    tags = {marked.LEARNED: "<mark>", marked.READ: "</mark>"}
    shown = "".join(tags.get(part) or markdown.html(part) for part in parts)
    return f'<pre class="seen">\n{shown}\n</pre>'


_BLOCKS: Final[Mapping[str, Callable[[Mark], str]]] = {
    "preformatted": lambda mark: f"<pre>\n{markdown.html(mark.text)}\n</pre>",
    "learned": _learned,
    "words": lambda mark: author.words(mark.text),
    "quoted": lambda mark: (
        f"<blockquote>{author.words(mark.text, keep_line_ends=True)}</blockquote>"
    ),
    "verbatim": lambda mark: author.verbatim(mark.text),
}


def taken_out(page: str) -> tuple[str, Taken]:
    """A page with a number in the stead of all that is data, names of values too: it may have line
    ends, and what begins a table or a heading."""
    marks: list[Mark] = []
    names: list[str] = []

    def take(found: re.Match[str]) -> str:
        marks.append(marked.read(found))
        return _PLACE.format(len(marks) - 1)

    def take_name(found: re.Match[str]) -> str:
        if found["name"] is None:
            return found.group()
        names.append(found["name"])
        return _NAME.format(len(names) - 1)

    text = marked.VALUE.sub(take_name, marked.MARK.sub(take, page))
    return text, Taken(tuple(marks), tuple(names))


def text_of(html: str) -> str:
    """The text of HTML of ours, still escaped."""
    return _TAGS.sub("", html)
