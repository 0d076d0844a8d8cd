r"""Foreign text made inert for GitHub-flavoured markdown.

Three degrees: `inline` for text that must show exactly as it is (model outputs, data, names),
`code` and `preformatted` for the same in a monospaced face, and `author` for the milestone's own
words, which keep their markdown but can neither carry HTML nor load anything. Characters that
act are made visible by `escape.visible` first in all of them.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.text.escape import visible

NEWLINE: Final = "⏎"
"""Shown where a text has a line end."""

_SPECIAL: Final = re.compile(
    # An underscore inside a word opens and closes nothing; escaping it would only be ugly.
    r"[\\`*\[\]{}~$!#]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)
_LEADING: Final = re.compile(r"^([-+=])|^(\d{1,9})(?=[.)](?:\s|$))")
_MENTION: Final = re.compile(r"@(?=\w)")
_CODE_SAFE: Final = re.compile(r"[^`|\n\t\\]+")
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;"}
_TAG_OPENS: Final = re.compile(r"<(?=[A-Za-z/!?])")
_ENTITY_OPENS: Final = re.compile(r"&(?=[#A-Za-z])")
_SCHEME: Final = re.compile(r"(?i)\b(javascript|vbscript|data|file|blob)(\s*):")
_HEADING: Final = re.compile(r"^([ >]{0,6})(#{1,6})(?=[ \t]|$)", re.MULTILINE)
_UNDERLINE: Final = re.compile(r"^([ >]{0,6})(?=(=+|-+)[ \t]*$)", re.MULTILINE)
_FENCE: Final = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def inline(text: str, limit: int = 0) -> str:
    """One line of markdown that shows `text` as it is, cut to `limit` characters (0: whole)."""
    flat = visible(text).replace("\t", " ").strip().replace("\n", f" {NEWLINE} ")
    if limit and len(flat) > limit:
        flat = flat[: limit - 1].rstrip() + "…"
    escaped = "".join(_ENTITIES.get(char, char) for char in _SPECIAL.sub(r"\\\g<0>", flat))
    escaped = _LEADING.sub(lambda m: f"\\{m[1]}" if m[1] else f"{m[2]}\\", escaped)
    # Bare addresses are no links here: what a model says is not ours to link to.
    escaped = escaped.replace("://", "\\://").replace("www.", "www\\.")
    return _MENTION.sub("&#64;", escaped)


def code(text: str, limit: int = 0) -> str:
    """`text` in a code span where that can hold it, else as `inline`."""
    shown = visible(text).strip()
    if limit and len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return f"`{shown}`" if _CODE_SAFE.fullmatch(shown) else inline(text, limit)


def html(text: str) -> str:
    """`text` for the inside of an HTML or SVG element or attribute."""
    shown = visible(text)
    for char in "&<>":
        shown = shown.replace(char, _ENTITIES[char])
    return shown.replace('"', "&quot;").replace("'", "&#39;")


def preformatted(text: str) -> str:
    """A block that shows `text` line by line. No markdown is read inside it."""
    return f"<pre>\n{html(text)}\n</pre>"


def author(text: str) -> str:
    """The author's markdown: HTML shown as text, images as links, headings below our own.

    Whatever it opens (a code fence) is closed at its end, so that it cannot swallow what follows.
    """
    shown = visible(text.replace("\r\n", "\n")).strip("\n")
    shown = _ENTITY_OPENS.sub("&amp;", shown)
    shown = _TAG_OPENS.sub("&lt;", shown)
    shown = shown.replace("![", "\\![")
    shown = _SCHEME.sub(r"\1\2 :", shown)
    shown = _HEADING.sub(lambda m: m[1] + "#" * max(4, len(m[2])), shown)
    shown = _UNDERLINE.sub(r"\1\\", shown)
    return _closed(shown)


def quote(text: str) -> str:
    """The author's markdown as a block quotation, line ends kept."""
    lines = author(text).split("\n")
    return "  \n".join(f"> {line}".rstrip() for line in lines)


def _closed(text: str) -> str:
    fence = ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if match is None:
            continue
        marks, rest = match[1], match[2]
        if not fence:
            if marks[0] == "~" or "`" not in rest:
                fence = marks
        elif marks[0] == fence[0] and len(marks) >= len(fence) and not rest.strip():
            fence = ""
    return f"{text}\n{fence}" if fence else text
