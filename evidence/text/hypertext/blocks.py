"""A page of ours as HTML: its headings, tables, lists and paragraphs.

Responsible for the few blocks that the shipped markdown templates are made of. Every table is named
by the heading that it stands under, its columns and rows have headings of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import takewhile
from typing import Final

from evidence.records.record import Record
from evidence.text.hypertext.line import Opened, Writer, block_of, taken_out, text_of

_HEADING: Final = re.compile(r"(#{1,4}) (.*)")
_ITEM: Final = re.compile(r"( *)(?:-|([0-9]{1,9})\.) (.*)")
_IMAGE: Final = re.compile(r"!\[([^\]\n]*)\]\(([A-Za-z0-9_./-]*)\)")
_NOT_IN_ID: Final = re.compile(r"[^a-z0-9 -]")
_NUMBER: Final = re.compile(r"[-−+]?[0-9][0-9.,]*(?:e-?[0-9]+)?(?:[ \u00a0](?:%|[kMGT]?i?B|W|s))?")


class Section(Record):
    """A part of a page below a heading of the second level."""

    id: str
    title: str
    """Its text, escaped."""
    html: str


class Body(Record):
    """A page cut into its parts."""

    warning: str
    """What stands above the title."""
    title: str
    facts: str
    """What stands below it."""
    sections: tuple[Section, ...]


def body(page: str, figures: Mapping[str, str], opened: Opened) -> Body:
    """HTML of a page. `figures`: what stands in the place of a picture, by its path."""
    text, taken = taken_out(page)
    blocks = _Blocks(Writer(taken, opened), figures)
    return blocks.body(text.split("\n"))


class _Blocks:
    """Reads a page line by line. `_heading` is the last one, and names the tables below it."""

    def __init__(self, writer: Writer, figures: Mapping[str, str]) -> None:
        self._writer = writer
        self._figures = figures
        self._heading = ""
        self._ids: dict[str, int] = {}
        self._num_tables: dict[str, int] = {}
        self._behind_figure = False

    def body(self, lines: Sequence[str]) -> Body:
        """The whole page."""
        starts = [at for at, line in enumerate(lines) if line.startswith("## ")]
        head = list(lines[: starts[0]] if starts else lines)
        title_at = next((at for at, line in enumerate(head) if line.startswith("# ")), 0)
        title = self._writer.line(head[title_at][2:]) if head else ""
        self._heading = text_of(title)
        ends = [*starts[1:], len(lines)]
        return Body(
            warning=self._html(head[:title_at]),
            title=title,
            facts=self._html(head[title_at + 1 :]),
            sections=tuple(
                self._section(lines[start:end]) for start, end in zip(starts, ends, strict=True)
            ),
        )

    def _section(self, lines: Sequence[str]) -> Section:
        title = text_of(self._writer.line(lines[0][3:]))
        self._heading = title
        return Section(self._id(title), title, self._html(lines[1:]))

    def _id(self, title: str) -> str:
        """As GitHub names a heading, so that links within a page lead to the same place."""
        plain = _NOT_IN_ID.sub("", re.sub(r"&[#a-z0-9]+;", "", title.lower()))
        found = plain.strip().replace(" ", "-") or "section"
        count = self._ids[found] = self._ids.get(found, -1) + 1
        return f"{found}-{count}" if count else found

    def _html(self, lines: Sequence[str]) -> str:
        return "\n".join(self._blocks(lines))

    def _blocks(self, lines: Sequence[str]) -> Iterator[str]:
        at = 0
        while at < len(lines):
            line, end = lines[at], at + 1
            if not line.strip() or line == "---":
                at = end
                continue
            if line.startswith("```"):
                end = next((n for n in range(end, len(lines)) if lines[n][:3] == "```"), end) + 1
                code = "\n".join(map(self._writer.line, lines[at + 1 : end - 1]))
                yield f"<pre><code>{code}</code></pre>"
            else:
                kind = _kind(line)
                end += _num_alike(lines[end:], kind)
                yield self._block(kind, lines[at:end])
            at = end

    def _block(self, kind: str, lines: Sequence[str]) -> str:
        behind, self._behind_figure = self._behind_figure, False
        if kind == "table":
            table = self._table(lines)
            return _behind(table, len(lines) - 2) if behind else table
        if kind == "heading":
            return "\n".join(map(self._subheading, lines))
        if kind == "item":
            return self._list(lines)
        if kind == "quote":
            text = self._paragraph([line[1:].strip() for line in lines])
            return f'<div class="warn" role="note">{text}</div>'
        return self._paragraphs(lines)

    def _subheading(self, line: str) -> str:
        found = _HEADING.fullmatch(line)
        level, title = (len(found[1]), found[2]) if found else (3, line)
        shown = self._writer.line(title)
        self._heading = text_of(shown)
        return f'<h{level} id="{self._id(self._heading)}">{shown}</h{level}>'

    def _paragraphs(self, lines: Sequence[str]) -> str:
        """Lines of a paragraph; a block of data or a picture among them stands by itself."""
        parts: list[str] = []
        words: list[str] = []
        for line in lines:
            mark, image = self._writer.block(line), _IMAGE.fullmatch(line.strip())
            if mark is None and image is None:
                words.append(line)
                continue
            parts += [self._paragraph(words)] if words else []
            words = []
            if mark is not None:
                shown = block_of(mark)
                is_item = mark.kind == "words" and mark.number
                item = f'<ol><li value="{mark.number}">{shown}</li></ol>'
                parts.append(item if is_item else shown)
            elif image is not None:
                parts.append(self._figures.get(image[2], ""))
                self._behind_figure = image[2] in self._figures
        parts += [self._paragraph(words)] if words else []
        return "\n".join(filter(None, parts))

    def _paragraph(self, lines: Sequence[str]) -> str:
        shown = [self._writer.line(line.rstrip()) for line in lines]
        ends = ["<br>\n" if line.endswith("  ") else "\n" for line in lines]
        return f"<p>{''.join(map(''.join, zip(shown, ends, strict=True))).strip()}</p>"

    def _list(self, lines: Sequence[str]) -> str:
        parts: list[str] = []
        open_lists: list[tuple[int, str]] = []
        for line in lines:
            found = _ITEM.fullmatch(line)
            if found is None:
                parts.append(f"\n{self._writer.line(line.strip())}")
                continue
            indent, number = len(found[1]), found[2]
            while open_lists and open_lists[-1][0] > indent:
                parts.append(f"</li></{open_lists.pop()[1]}>")
            if open_lists and open_lists[-1][0] == indent:
                parts.append("</li>")
            else:
                tag = "ol" if number else "ul"
                open_lists.append((indent, tag))
                parts.append(f"<{tag}>")
            value = f' value="{int(number)}"' if number else ""
            parts.append(f"<li{value}>{self._writer.line(found[3])}")
        parts += [f"</li></{tag}>" for _, tag in reversed(open_lists)]
        return "".join(parts)

    def _table(self, lines: Sequence[str]) -> str:
        rows = [[self._writer.line(cell) for cell in _cells(line)] for line in lines]
        titles = rows[0]
        content = rows[2:]
        numeric = {
            column
            for column in range(len(titles))
            if content and all(_is_number(row, column) for row in content)
        }
        head = "".join(_head(title, column in numeric) for column, title in enumerate(titles))
        by_row = len(titles) > 1 and bool(titles[0])
        columns = range(len(titles))
        body = "\n".join(
            f"<tr>{''.join(_cell(row, at, at in numeric, by_row) for at in columns)}</tr>"
            for row in content
        )
        count = self._num_tables[self._heading] = self._num_tables.get(self._heading, 0) + 1
        caption = self._heading if count == 1 else f"{self._heading} ({count})"
        return (
            f'<div class="wide"><table><caption>{caption}</caption>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table></div>"
        )


def _num_alike(lines: Sequence[str], kind: str) -> int:
    """How many lines go on with a block of that kind."""
    goes_on = (
        bool(line.strip()) and (_kind(line) == kind or (kind == "item" and line.startswith("  ")))
        for line in lines
    )
    return sum(1 for _ in takewhile(bool, goes_on))


def _kind(line: str) -> str:
    if line.startswith("|"):
        return "table"
    if line.startswith(">"):
        return "quote"
    if _HEADING.fullmatch(line):
        return "heading"
    return "item" if _ITEM.fullmatch(line) else "words"


def _behind(table: str, count: int) -> str:
    """A table that tells what the picture before it shows."""
    return f"<details><summary>The same as a table: {count} rows</summary>\n{table}</details>"


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _is_number(row: Sequence[str], column: int) -> bool:
    return column < len(row) and bool(_NUMBER.fullmatch(text_of(row[column])))


def _head(title: str, is_numeric: bool) -> str:
    if not title:
        return "<td></td>"
    return f'<th scope="col"{_number(is_numeric)}>{title}</th>'


def _cell(row: Sequence[str], column: int, is_numeric: bool, by_row: bool) -> str:
    text = row[column] if column < len(row) else ""
    if not column and by_row:
        return f'<th scope="row"{_number(is_numeric)}>{text}</th>'
    return f"<td{_number(is_numeric)}>{text}</td>"


def _number(is_numeric: bool) -> str:
    return ' class="n"' if is_numeric else ""
