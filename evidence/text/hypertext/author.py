"""The words of authors as HTML: what the gate lets through, and nothing else.

Responsible for the same small part of markdown as `gate` (docs/format.md). Every character of the
text is escaped here; the tags are the writer's own, each closed where the text ends. Time is linear
in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from evidence.text import markdown
from evidence.text.escape import visible
from evidence.text.passages import Passage, passages
from evidence.text.pieces import Piece, leads, pieces

_RUN: Final = re.compile(r"(?P<run>\*\*|\*|__|_)|(?P<line>(?<! ) *\n)")
_TAGS: Final = {"**": "strong", "__": "strong", "*": "em", "_": "em"}


def words(text: str, *, keep_line_ends: bool = False) -> str:
    """Blocks of HTML that show a text. `keep_line_ends`: every line of it stays one."""
    lists = _Lists()
    for one in passages(visible(text.replace("\r\n", "\n"))):
        shown = _shown(one, keep_line_ends=keep_line_ends)
        if shown:
            lists.add(one, shown)
    return lists.closed()


def verbatim(text: str) -> str:
    """A text as it stands, line by line, in a monospaced face."""
    return f"<pre>\n{markdown.html(text.strip(chr(10)))}\n</pre>"


class _Lists:
    """Blocks so far, and the lists that are open."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._open: list[str] = []

    def add(self, one: Passage, shown: str) -> None:
        """A passage: an item of a list, or a block where it stands."""
        kind = "ul" if one.mark in ("-", "*", "+") else "ol"
        inside = one.depth - bool(one.mark)
        self._close(one.depth)
        if one.mark and len(self._open) == one.depth:
            self._parts.append("</li>")
            if self._open[-1] != kind:
                self._parts.append(f"</{self._open.pop()}>")
        if one.mark and len(self._open) == inside:
            self._parts.append(f"<{kind}>")
            self._open.append(kind)
        if one.mark:
            number = "" if kind == "ul" else f' value="{int(one.mark[:-1])}"'
            self._parts.append(f"<li{number}>{shown}")
        else:
            self._parts.append(f"<p>{shown}</p>")

    def _close(self, depth: int) -> None:
        while len(self._open) > depth:
            self._parts.append(f"</li></{self._open.pop()}>")

    def closed(self) -> str:
        """All of it, with every list closed."""
        self._close(0)
        return "".join(self._parts)


def _shown(one: Passage, *, keep_line_ends: bool) -> str:
    if one.form == "code":
        lines = (f"<code>{markdown.html(line)}</code>" for line in one.lines if line.strip())
        return "<br>".join(lines)
    if one.form == "heading":
        title = markdown.html(" ".join(one.lines))
        return f"<strong>{title}</strong>" if title else ""
    return _paragraph(("  \n" if keep_line_ends else "\n").join(one.lines))


def _paragraph(text: str) -> str:
    return "".join(_emphasised(_atoms(pieces(text)))).strip()


def _atoms(found: Iterable[Piece]) -> Iterator[tuple[str, str]]:
    """HTML, or a run that may emphasise with the text around it, which says whether it can."""
    for one in found:
        if one.form == "words":
            yield from _of_words(one.text)
        else:
            yield "", _piece(one)


def _piece(one: Piece) -> str:
    if one.form == "code":
        return f"<code>{markdown.html(one.text)}</code>"
    if one.form != "link":
        return markdown.html(" " if one.text.isspace() else one.text)
    address = markdown.html(one.address)
    shown = f'<a href="{address}" rel="noopener noreferrer nofollow">{address}</a>'
    shown = shown if leads(one.address) else address
    same = not one.text or one.text == one.address
    return shown if same else f"{markdown.html(one.text)} ({shown})"


def _of_words(text: str) -> Iterator[tuple[str, str]]:
    place = 0
    for found in _RUN.finditer(text):
        yield "", markdown.html(text[place : found.start()])
        place = found.end()
        if found["run"] is None:
            yield "", "<br>\n" if found.group().startswith("  ") else "\n"
            continue
        before, after = text[found.start() - 1 : found.start()], text[found.end() : found.end() + 1]
        in_word = "_" in found.group() and before.isalnum() and after.isalnum()
        opens = "" if in_word or after.isspace() else "o"
        closes = "" if in_word or before.isspace() else "c"
        yield found.group() + opens + closes, found.group()
    yield "", markdown.html(text[place:])


def _emphasised(atoms: Iterable[tuple[str, str]]) -> list[str]:
    """Runs that have a partner become tags, all others stay as they were typed."""
    parts: list[str] = []
    waiting: list[tuple[str, int]] = []
    counts = dict.fromkeys(_TAGS, 0)
    for run, shown in atoms:
        sign = run.rstrip("oc")
        if sign and run.endswith("c") and counts[sign]:
            while waiting[-1][0] != sign:
                counts[waiting.pop()[0]] -= 1
            counts[sign] -= 1
            parts[waiting.pop()[1]] = f"<{_TAGS[sign]}>"
            parts.append(f"</{_TAGS[sign]}>")
            continue
        if sign and "o" in run:
            waiting.append((sign, len(parts)))
            counts[sign] += 1
        parts.append(shown)
    return parts
