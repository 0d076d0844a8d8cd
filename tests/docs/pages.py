"""The pages of docs/, read as tables and links."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
DOCS: Final = ROOT / "docs"
PAGES: Final = sorted(DOCS.rglob("*.md"))


def page(name: str) -> str:
    """The text of one page."""
    return (DOCS / name).read_text("utf-8")


def section(text: str, title: str) -> str:
    """What stands below a heading, up to the next of its level or above."""
    match = re.search(rf"^(#+) {re.escape(title)}\n", text, re.MULTILINE)
    assert match is not None, f"no section {title!r}"
    rest = text[match.end() :]
    following = re.search(rf"^#{{1,{len(match[1])}}} ", rest, re.MULTILINE)
    return rest[: following.start()] if following else rest


def table(text: str) -> list[list[str]]:
    """Cells of each row of the tables in a text, headings left out."""
    return [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line, after in pairwise([*text.splitlines(), ""])
        if line.startswith("| ") and not after.startswith("|---")
    ]


def codes(cell: str) -> list[str]:
    """What stands in backticks."""
    return re.findall(r"`([^`]+)`", cell)


def anchors(text: str) -> set[str]:
    """What the headings of a page can be linked by."""
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
