"""Foreign text is inert: it shows, and neither acts nor loads anything."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evidence.text import gate, markdown

HOSTILE = (
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    "![x](http://evil.example/pixel.png)",
    "![x][ref]\n\n[ref]: http://evil.example/pixel.png",
    "[click](javascript:alert(1))",
    "[click](&#106;avascript:alert(1))",
    "[click]( <javascript:alert(1)> )",
    "<javascript:alert(1)>",
    "<https://evil.example>",
    "a | b | c\n--|--|--\n1 | 2 | 3",
    "\\| \\",
    "`code` ``more`` ```",
    "```\nunclosed fence",
    "~~~\nunclosed fence",
    "> ```\nunclosed in a quotation",
    "{{7*7}} {% raw %} {# x #}",
    "# heading\n## another",
    "title\n=====\nsub\n---",
    "---\ntitle: front matter\n---",
    "- item\n+ item\n1. item\n2) item",
    "    indented code",
    "<!-- comment",
    "<![CDATA[ x ]]>",
    "<?php x ?>",
    "</pre><b>out</b>",
    "</text></svg><script>",
    "\x1b[31mred\x1b[0m",
    "\x1b]8;;http://evil.example\x07link\x1b]8;;\x07",
    "\x9b31m",
    "\u202egnp.exe",
    "zero\u200bwidth\ufeff",
    "line\u2028separator",
    "**bold** _it_ ~~gone~~ $math$",
    "&lt;script&gt; &#60;script&#62; &amp;",
    "::add-mask::secret",
    "@someone #1 www.evil.example http://evil.example",
    "\r\n\r\nafter",
    "a\n\n\nb",
    "***",
    "",
    " ",
)
FOREIGN: tuple[Callable[[str], str], ...] = (markdown.inline, markdown.code, markdown.preformatted)
ACTING = set("\x1b\x07\x9b\u202e\u200b\ufeff\u2028\r\x00")


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()
        self.attributes: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.add(tag)
        self.attributes.update({key: value or "" for key, value in attrs})

    def handle_comment(self, data: str) -> None:
        self.seen.add("comment")

    def handle_pi(self, data: str) -> None:
        self.seen.add("pi")

    def unknown_decl(self, data: str) -> None:
        self.seen.add("declaration")


def html_of(text: str) -> tuple[set[str], dict[str, str], str]:
    """Tags and attributes that GitHub-like markdown with raw HTML makes of a text."""
    page = MarkdownIt("gfm-like", {"html": True, "linkify": False}).render(text)
    parser = _Tags()
    parser.feed(page)
    parser.close()
    return parser.seen, parser.attributes, page


@pytest.mark.parametrize("escape", FOREIGN)
def test_foreign_text_makes_no_tags_of_its_own(escape: Callable[[str], str]) -> None:
    for text in HOSTILE:
        tags, attributes, _ = html_of(f"before\n\n{escape(text)}\n\nafter")
        assert tags <= {"p", "code", "pre"}, text
        assert not attributes, text


@pytest.mark.parametrize("escape", [markdown.inline, markdown.code])
def test_foreign_text_stays_in_its_cell(escape: Callable[[str], str]) -> None:
    for text in HOSTILE:
        table = f"| a | b |\n|---|---|\n| {escape(text)} | end |\n"
        tags, _, page = html_of(table)
        assert tags <= {"table", "thead", "tbody", "tr", "th", "td", "code"}, text
        assert page.count("<td") == 2, text
        assert "<td>end</td>" in page, text


@pytest.mark.parametrize("prefix", ["", "- ", "1. ", "> "])
def test_foreign_text_starts_no_block(prefix: str) -> None:
    for text in HOSTILE:
        tags, _, _ = html_of(f"{prefix}{markdown.inline(text)}\n")
        assert tags <= {"p", "ul", "ol", "li", "blockquote"}, text


@pytest.mark.parametrize("escape", [*FOREIGN, gate.through, markdown.html, gate.quoted])
def test_no_acting_character_gets_through(escape: Callable[[str], str]) -> None:
    for text in HOSTILE:
        assert not ACTING & set(escape(text)), text


@pytest.mark.parametrize("text", HOSTILE)
def test_the_author_has_markdown_but_no_html_images_or_scripts(text: str) -> None:
    tags, attributes, page = html_of(f"{gate.through(text)}\n\n## Next section\n")
    assert not tags & {"script", "img", "b", "svg", "h1", "h3", "comment", "pi", "declaration"}
    assert "src" not in attributes
    assert not attributes.get("href", "").lower().startswith(("javascript", "data", "vbscript"))
    assert "<h2>Next section</h2>" in page


def test_the_authors_markdown_is_kept() -> None:
    text = "**bold** and `code` and [a link](https://example.org)\n\n- one\n- two"
    tags, attributes, _ = html_of(gate.through(text))
    assert {"strong", "code", "a", "ul", "li"} <= tags
    assert attributes["href"] == "https://example.org"


@given(st.text())
def test_any_foreign_text_shows_as_it_is(text: str) -> None:
    tags, _, _ = html_of(f"x {markdown.inline(text)} x")
    assert tags == {"p"}


@given(st.text(alphabet="<>&|`*_[]()!#-+=~$\\ \n\tab1."))
def test_any_mixture_of_markup_stays_in_one_cell(text: str) -> None:
    _, _, page = html_of(f"| a | b |\n|---|---|\n| {markdown.inline(text)} | end |\n")
    assert page.count("<td") == 2


@given(st.text(alphabet="<>&|`*_[]()!#-+=~$\\ \n\tab1.:/xjscrit"))
def test_any_mixture_of_the_author_stays_in_its_section(text: str) -> None:
    tags, attributes, page = html_of(f"{gate.through(text)}\n\n## Next\n")
    assert not tags & {"script", "img", "h1", "h3"}
    assert "src" not in attributes
    assert page.rstrip().endswith("<h2>Next</h2>")


def test_long_text_is_cut_before_it_is_escaped() -> None:
    assert markdown.inline("*" * 100, 10) == "\\*" * 9 + "…"


def test_line_ends_are_shown() -> None:
    assert markdown.inline("a\nb") == "a ⏎ b"
