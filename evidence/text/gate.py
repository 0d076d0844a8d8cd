r"""The gate: text of authors and strangers, let into a page as a small part of markdown.

Responsible for what may pass (docs/format.md): paragraphs, `*` and `_` for emphasis, inline code,
plain lists, and links over http or https that show where they lead. Everything else is shown as it
was typed: whatever could begin another construct is escaped, not only what is known to be bad.
Headings become bold lines and blocks of code lines of inline code, so that nothing opens what it
does not close. The result belongs on lines of its own, with an empty line before and after it.
Time is linear in the text. What a line is, is read by `passages`, and
what stands in it by `pieces`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from evidence.text.escape import visible
from evidence.text.passages import Passage, passages
from evidence.text.pieces import Piece, leads, pieces

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "`@`"}
"""A sign in code is no part of an address of mail, nor of a name that is called."""
_SPECIAL: Final = re.compile(r"[\\`\[\]{}~$!#&<>|]|@(?!\s)|://|(?<![A-Za-z0-9])[wW]{3}\.")
_EMPHASIS: Final = re.compile(r"[*_]")
_LINE_START: Final = re.compile(r"([-+=:])|([0-9]{1,9})(?=[.)](?:[ ]|$))|(\*)(?=[ ]|$)")
_ONLY_MARKS: Final = re.compile(r"[*_ ]+")
BREAK: Final = "  \n"
"""Two spaces: the next line begins a line on the page, too."""


def through(text: str, *, keep_line_ends: bool = False) -> str:
    """Markdown of `text` with nothing in it but what is allowed; empty for a blank text.

    `keep_line_ends`: every line of a paragraph stays a line.
    """
    parts: list[str] = []
    widths: list[int] = []  # of the marks of the lists that the last passage is in
    for one in passages(visible(text.replace("\r\n", "\n"))):
        shown = _shown(one, keep_line_ends=keep_line_ends)
        if not shown:
            continue
        del widths[one.depth - bool(one.mark) :]
        indent = " " * sum(widths)
        if one.mark:
            mark = "- " if one.mark in "-*+" else f"{int(one.mark[:-1])}. "
            widths.append(len(mark))
            indent, begin = indent + " " * len(mark), indent + mark
        else:
            begin = indent
        parts.append("" if not parts else "\n" if one.follows_at_once else "\n\n")
        parts.append(begin + shown.replace("\n", f"\n{indent}"))
    return "".join(parts)


def passes(text: str) -> bool:
    """Whether anything of a text is shown."""
    read = passages(visible(text.replace("\r\n", "\n")))
    return any(_shown(one, keep_line_ends=False) for one in read)


def quoted(text: str) -> str:
    """The same as a block quotation, line ends kept."""
    lines = through(text, keep_line_ends=True).split("\n")
    return "\n".join(f"> {line}" if line else ">" for line in lines)


def item(mark: str, markdown: str) -> str:
    """What came through the gate as an item of a list whose mark is `mark`, such as `10. `."""
    indent = " " * len(mark)
    first, *rest = markdown.split("\n")
    return "\n".join([mark + first, *(f"{indent}{line}" if line else "" for line in rest)])


def verbatim(text: str) -> str:
    """Lines of inline code that show a text as it stands."""
    blocks = re.split(r"\n(?:[ \t]*\n)+", visible(text.replace("\r\n", "\n")).strip("\n"))
    return "\n\n".join(BREAK.join(map(_code_line, one.split("\n"))) for one in blocks)


def plain(text: str, *, emphasis: bool = False) -> str:
    """Markdown that shows `text`, inside of a line, without any markup: visible text only.

    `emphasis`: but for `*` and `_`, which may emphasise.
    """
    shown = _SPECIAL.sub(_spelled, text)
    return shown if emphasis else _EMPHASIS.sub(r"\\\g<0>", shown)


def at_line_start(line: str) -> str:
    """A line of markdown, so spelled that its beginning begins no list, table or heading."""
    if _ONLY_MARKS.fullmatch(line):
        return _EMPHASIS.sub(r"\\\g<0>", line)
    found = _LINE_START.match(line)
    if found is None:
        return line
    rest = line[found.end() :]
    return f"{found[2]}\\{rest}" if found[2] else f"\\{found[0]}{rest}"


def _spelled(found: re.Match[str]) -> str:
    text = found.group()
    if text[-1] == ".":
        return f"{text[:-1]}\\."
    return _ENTITIES.get(text) or f"\\{text}"


def _shown(one: Passage, *, keep_line_ends: bool) -> str:
    if one.form == "code":
        return BREAK.join(map(_code_line, one.lines))
    if one.form == "heading":
        shown = plain(" ".join(one.lines))
        return f"**{shown}**" if shown else ""
    text = (BREAK if keep_line_ends else "\n").join(one.lines)
    return "\n".join(map(at_line_start, _words(text).split("\n")))


def _code_line(line: str) -> str:
    stripped = line.rstrip()
    if "`" in stripped or not stripped.strip():
        return at_line_start(plain(stripped.strip()))
    return f"`{stripped}`"


def _words(text: str) -> str:
    """A paragraph: its pieces spelled anew, and all between them escaped."""
    return "".join(map(_spelled_piece, pieces(text)))


def _spelled_piece(one: Piece) -> str:
    if one.form == "link":
        return _link(one.text, one.address)
    return _PIECES[one.form](one.text)


def _of_escape(sign: str) -> str:
    """The sign stays escaped: without, it could make an address with what stands around it."""
    shown = plain(sign)
    return f"\\{sign}" if shown == sign else shown


def _of_entity(text: str) -> str:
    """An entity stays one, for the same reason; and white space could begin a block of code."""
    if text.isspace():
        return "&#32;"
    shown = visible(text)
    if shown != text:
        return plain(shown)
    return "".join(_ENTITIES.get(char) or f"&#{ord(char)};" for char in text)


def _link(label: str, address: str) -> str:
    """An address that shows itself, behind the words that it was given; in plain words where it is
    too long, or has a per cent sign, which parsers spell each in their own way."""
    shown = f"<{address}>" if leads(address) else plain(address)
    same = not label or label == address
    return shown if same else f"{plain(label, emphasis=True)} ({shown})"


_PIECES: Final[Mapping[str, Callable[[str], str]]] = {
    "words": lambda text: plain(text, emphasis=True),
    "plain": plain,
    "sign": _of_escape,
    "entity": _of_entity,
    "code": lambda text: f"`{text}`",
}
