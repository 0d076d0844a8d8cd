"""A page in markdown taken apart: tables, lists, paragraphs, quotations, listings, front matter.

Responsible for text and the line that each piece stands in; markdown itself is markdown-it's. What
a claim is, is found by `claims`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from evidence.records.record import Record

MAX_HEADINGS: Final = 6
_FEW_WORDS: Final = 6
"""An item of so few that has a list of its own is the heading of that."""
_STRIKES: Final = {"<del>": 1, "</del>": -1, "<s>": 1, "</s>": -1}
_FRONT: Final = re.compile(r"\A---[ \t]*\n(.*?)\n---[ \t]*(?:\n|\Z)", re.DOTALL)
_MAX_FRONT_CHARS: Final = 256 * 1024


class Table(Record):
    """A table with its header."""

    header: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...]], ...]
    """Each with its line."""
    headings: tuple[str, ...]
    lead: str = ""
    """The paragraph before it."""


class Prose(Record):
    """A paragraph or an item of a list; its lines are joined by line feeds."""

    text: str
    line: int
    headings: tuple[str, ...]
    is_quoted: bool = False
    lead: str = ""
    """Of an item: the paragraph before its list."""


class Listing(Record):
    """Lines that stand as they are, with what they are said to be."""

    lines: tuple[str, ...]
    line: int
    language: str
    headings: tuple[str, ...]


class Front(Record):
    """The YAML at the head of a model card."""

    value: Any
    line: int


Block = Table | Prose | Listing | Front


def blocks(text: str) -> Iterator[Block]:
    """Every piece of a page, in order."""
    front = _FRONT.match(text[:_MAX_FRONT_CHARS])
    if front is not None:
        yield from _front(front[1])
        text = "\n" * front[0].count("\n") + text[front.end() :]
    tokens = (
        MarkdownIt("commonmark", {"maxNesting": 20}).enable(["table", "strikethrough"]).parse(text)
    )
    yield from _Reader(tokens).read()


def _front(text: str) -> Iterator[Front]:
    try:
        value = yaml.safe_load(text) if text.count("*") < 100 else None
    except (yaml.YAMLError, RecursionError, ValueError):
        value = None
    if isinstance(value, dict):
        yield Front(value, 2)


class _Reader:
    """Walks the tokens of a page once."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._headings: list[str] = []
        self._lead = ""
        self._quoted = 0
        self._lists: list[str] = []
        self._items: list[str] = []

    def read(self) -> Iterator[Block]:
        """The pieces, in order."""
        index = 0
        while index < len(self._tokens):
            token = self._tokens[index]
            if token.type == "table_open":
                index, table = self._table(index)
                yield table
            elif token.type == "heading_open":
                self._heading(int(token.tag[1:]), _plain(self._tokens[index + 1]))
                index += 2
            elif token.type in ("fence", "code_block"):
                lines = tuple(token.content.split("\n"))
                line = (token.map or [0])[0] + (2 if token.type == "fence" else 1)
                yield Listing(lines, line, token.info.strip().lower(), tuple(self._headings))
            elif token.type == "inline":
                yield self._prose(token)
            else:
                self._enter(token)
            index += 1

    def _enter(self, token: Token) -> None:
        if token.type in ("blockquote_open", "blockquote_close"):
            self._quoted += token.nesting
        elif token.type in ("bullet_list_open", "ordered_list_open"):
            self._lists.append(self._lead)
            self._items.append("")
        elif token.type in ("bullet_list_close", "ordered_list_close"):
            self._lists.pop()
            self._items.pop()
            self._lead = ""

    def _heading(self, level: int, text: str) -> None:
        # The first is the title of the page, and says nothing of one number.
        below = [*self._headings[: max(0, level - 2)], text] if level > 1 else []
        self._headings = below[:MAX_HEADINGS]
        self._lead = ""

    def _prose(self, token: Token) -> Prose:
        text = _plain(token)
        lead = self._lists[-1] if self._lists else ""
        if not self._lists:
            self._lead = text
        above = [one for one in self._items[:-1] if len(one.split()) <= _FEW_WORDS]
        if self._items:
            self._items[-1] = text
        return Prose(
            text=text,
            line=(token.map or [0])[0] + 1,
            headings=(*self._headings, *(one.rstrip(":") for one in above if one)),
            is_quoted=self._quoted > 0,
            lead=lead,
        )

    def _table(self, index: int) -> tuple[int, Table]:
        rows: list[tuple[int, tuple[str, ...]]] = []
        cells: list[str] = []
        line = 0
        while self._tokens[index].type != "table_close":
            token = self._tokens[index]
            if token.type == "tr_open":
                cells, line = [], (token.map or [0])[0] + 1
            elif token.type == "inline":
                cells.append(_plain(token))
            elif token.type == "tr_close":
                rows.append((line, tuple(cells)))
            index += 1
        header = rows[0][1] if rows else ()
        return index, Table(header, tuple(rows[1:]), tuple(self._headings), self._lead)


def _plain(token: Token) -> str:
    """The words of an inline token; code keeps its marks, for a path is known by them."""
    parts: list[str] = []
    struck = 0  # what was struck out is withdrawn
    for child in token.children or ():
        if child.type in ("s_open", "s_close"):
            struck += child.nesting
        elif child.type == "html_inline" and child.content.lower() in _STRIKES:
            struck += _STRIKES[child.content.lower()]
        elif struck > 0:
            continue
        elif child.type == "text":
            parts.append(child.content)
        elif child.type == "code_inline":
            parts.append(f"`{child.content}`")
        elif child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
    return "".join(parts)
