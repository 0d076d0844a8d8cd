"""The markdown writer: what a page carries in marks, escaped and spelled for a summary.

Responsible for nothing but choosing, for each mark, the one function that escapes it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from evidence.text import gate, markdown, marked


def as_markdown(page: str) -> str:
    """Markdown of a page of ours. What is outside of marks stays as it is."""
    return marked.VALUE.sub("", marked.MARK.sub(_spelled, page))


def _spelled(found: re.Match[str]) -> str:
    mark = marked.read(found)
    return _SPELLED[mark.kind](mark)


def _learned(mark: marked.Mark) -> str:
    lines = "\n".join(map(_bold, mark.text.split("\n")))
    return f"<pre>\n{lines}\n</pre>"


def _bold(line: str) -> str:
    """A line of what a model saw: what carries loss is bold, but for what has nothing to show."""
    parts = marked.TURN.split(line)[::2]
    return "".join(
        f"<b>{markdown.html(part)}</b>" if place % 2 and part.strip() else markdown.html(part)
        for place, part in enumerate(parts)
    )


def _words(mark: marked.Mark) -> str:
    shown = gate.through(mark.text)
    return gate.item(f"{mark.number}. ", shown) if mark.number else shown


def _verbatim(mark: marked.Mark) -> str:
    indent = " " * mark.number
    lines = gate.verbatim(mark.text).split("\n")
    return "\n".join(f"{indent}{line}" if line else "" for line in lines)


_SPELLED: Final[Mapping[marked.Kind, Callable[[marked.Mark], str]]] = {
    "inline": lambda mark: markdown.inline(mark.text, mark.number),
    "code": lambda mark: markdown.code(mark.text, mark.number),
    "preformatted": lambda mark: markdown.preformatted(mark.text),
    "learned": _learned,
    "words": _words,
    "quoted": lambda mark: gate.quoted(mark.text),
    "verbatim": _verbatim,
}
