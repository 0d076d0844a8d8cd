"""Foreign text made inert for GitHub-flavoured markdown.

`inline` for text that must show exactly as it is (model outputs, data, names), `code` and
`preformatted` for the same in a monospaced face. Characters that act are made visible by
`escape.visible` first in all of them. The words of authors, who may use a little markdown, go
through the `gate`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from evidence.text import gate
from evidence.text.escape import visible

NEWLINE: Final = "⏎"
"""Shown where a text has a line end."""

_UNDERSCORE: Final = re.compile(
    # Inside a word it opens and closes nothing; escaping it would only be ugly.
    r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])"
)
_IN_MAIL: Final = re.compile(r"(?<=[A-Za-z0-9._+-])@(?=[A-Za-z0-9_.-]*\.[A-Za-z0-9])")
"""The sign in what GitHub makes an address of mail of, an entity or not."""
_CODE_SAFE: Final = re.compile(r"[^`|\n\t\\]+")
_SHORT_CHARS: Final = 200
"""Of a text that is remembered: names, units and levels come again and again in a page."""
_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def inline(text: str, limit: int = 0) -> str:
    """One line of markdown that shows `text` as it is, cut to `limit` characters (0: whole)."""
    # Bare addresses are no links here: what a model says is not ours to link to.
    return gate.at_line_start("`@`".join(map(_plain, _IN_MAIL.split(flat(text, limit)))))


def flat(text: str, limit: int = 0) -> str:
    """`text` on one line, acting characters visible, escaped for nothing yet."""
    line = visible(text).replace("\t", " ").strip().replace("\n", f" {NEWLINE} ")
    return line[: limit - 1].rstrip() + "…" if limit and len(line) > limit else line


def _plain(text: str) -> str:
    shown = gate.plain(text, emphasis=True).replace("`@`", "&#64;")
    return _UNDERSCORE.sub(r"\\_", shown.replace("*", "\\*"))


def code(text: str, limit: int = 0) -> str:
    """`text` in a code span where that can hold it, else as `inline`."""
    shown = visible(text).strip()
    if limit and len(shown) > limit:
        shown = shown[: limit - 1] + "…"
    return f"`{shown}`" if _CODE_SAFE.fullmatch(shown) else inline(text, limit)


def html(text: str) -> str:
    """`text` for the inside of an HTML or SVG element or attribute."""
    return _short_html(text) if len(text) <= _SHORT_CHARS else _html(text)


@lru_cache(maxsize=1 << 13)
def _short_html(text: str) -> str:
    return _html(text)


def _html(text: str) -> str:
    shown = visible(text)
    for char in "&<>":
        shown = shown.replace(char, _ENTITIES[char])
    return shown.replace('"', "&quot;").replace("'", "&#39;")


def html_line(text: object, limit: int = 0) -> str:
    """The same on one line, cut to `limit` characters (0: whole)."""
    shown = str(text)
    if len(shown) <= _SHORT_CHARS:
        return _short_html_line(shown, limit)
    return html(flat(shown, limit))


@lru_cache(maxsize=1 << 13)
def _short_html_line(text: str, limit: int) -> str:
    return _html(flat(text, limit))


def preformatted(text: str) -> str:
    """A block that shows `text` line by line. No markdown is read inside it."""
    return f"<pre>\n{html(text)}\n</pre>"
