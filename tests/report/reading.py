"""A report read as a browser reads it: its tags, in strict order, and its text."""

from __future__ import annotations

from collections import Counter
from html.parser import HTMLParser

VOID = frozenset({"meta", "br", "hr", "input", "link"})
MADE_HERE = frozenset({"caption", "figcaption", "summary", "figure", "svg"})
"""What the report says besides the words of the summary."""


class Reading(HTMLParser):
    """Every tag closes what was opened last; anything else is an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.attributes: Counter[str] = Counter()
        self.values: dict[str, list[str]] = {}
        self.texts: list[tuple[tuple[str, ...], str]] = []
        self.stack: list[str] = []
        self.raw: dict[str, str] = {}
        self.feed(page)
        self.close()
        assert self.stack == [], self.stack

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), (tag, attrs)
        for name, value in attrs:
            self.attributes[f"{tag} {name}"] += 1
            self.values.setdefault(name, []).append(value or "")
        if tag not in VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack, f"</{tag}> closes nothing"
        assert self.stack.pop() == tag, tag

    def handle_data(self, data: str) -> None:
        if self.stack and self.stack[-1] in ("script", "style"):
            self.raw[self.stack[-1]] = self.raw.get(self.stack[-1], "") + data
        else:
            self.texts.append((tuple(self.stack), data))

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data[:80]}")

    def handle_pi(self, data: str) -> None:
        raise AssertionError(f"an instruction: {data[:80]}")

    def unknown_decl(self, data: str) -> None:
        raise AssertionError(f"a declaration: {data[:80]}")

    def text(self, but_for: frozenset[str] = frozenset()) -> str:
        """All text, without what stands in some tags."""
        return "".join(text for stack, text in self.texts if not but_for & {*stack})


def squeezed(text: str) -> str:
    """Without white space of any kind, which breaks lines differently on each page."""
    return "".join(text.split())
