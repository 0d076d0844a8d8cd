"""The gate's law: no text, wherever it stands, brings a tag, link or image into a page.

Each place where text of authors, strangers or machines reaches a summary, one after the other;
parsed by a CommonMark parser with GFM's tables, strikethrough and bare addresses.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from unicodedata import category

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token
from render.nasty import ALPHABET, NASTY

from evidence.text import gate, markdown

ALLOWED = frozenset({"p", "em", "strong", "code", "ul", "ol", "li", "a", "br"})
"""What a text may bring where it goes through the gate; a block quotation is the page's."""
ACTING = ("Cc", "Cf", "Cs", "Zl", "Zp")
SCHEMES = ("http://", "https://")


def parser() -> MarkdownIt:
    """As GitHub reads a page; addresses become links there where a text says `http`, or `www`."""
    made = MarkdownIt("gfm-like", {"html": True, "linkify": True})
    assert made.linkify is not None
    made.linkify.set({"fuzzy_link": False, "fuzzy_email": False})
    for scheme in ("//", "mailto:"):  # no address by themselves where GitHub shows a page
        made.linkify.add(scheme, None)
    return made


PARSER = parser()


def tokens(page: str) -> list[Token]:
    """Every token, those inside of lines too."""
    return [inner for outer in PARSER.parse(page) for inner in (outer, *(outer.children or ()))]


def tags(page: str) -> Counter[str]:
    """How often each tag is opened. Raw HTML counts by itself."""
    found: Counter[str] = Counter()
    for token in tokens(page):
        if token.type in ("html_block", "html_inline"):
            found[f"raw {token.content.strip()[:12]}"] += 1
        elif token.nesting >= 0 and token.tag:
            found[token.tag] += 1
    return found


def but_for_code(page: str) -> Counter[str]:
    """The same without inline code, which shows text and nothing else."""
    found = tags(page)
    del found["code"]
    return found


def addresses(page: str) -> list[tuple[str, str]]:
    """Each link or image with the words that show it."""
    found = []
    flat = tokens(page)
    for index, token in enumerate(flat):
        if token.type == "link_open":
            found.append((str(token.attrs["href"]), flat[index + 1].content))
            assert "title" not in token.attrs
        elif token.type == "image":
            found.append((str(token.attrs["src"]), "image"))
    return found


def says_nothing_more(text: str, escape: Callable[[str], str], around: str) -> None:
    """In its place, a text brings what any plain word brings."""
    page, plain = around.replace("@", escape(text)), around.replace("@", escape("word"))
    assert but_for_code(page) == but_for_code(plain), text
    assert addresses(page) == addresses(plain), text


AROUND = (
    "before\n\n@\n\nafter",
    "# @ and @",
    "- @\n- after",
    "> @",
    "before @ after\nmore",
    "**@** and *@*: @.",
    "| a | b |\n|---|---|\n| @ | end |\n\n## After",
)
shows = pytest.mark.parametrize("escape", [markdown.inline, lambda text: markdown.inline(text, 40)])


@shows
@pytest.mark.parametrize("around", AROUND)
def test_text_inside_a_line_brings_nothing(escape: Callable[[str], str], around: str) -> None:
    for text in NASTY:
        if escape(text):
            says_nothing_more(text, escape, around)


@pytest.mark.parametrize("around", AROUND)
def test_text_in_a_face_of_its_own_brings_nothing(around: str) -> None:
    for text in NASTY:
        if markdown.code(text):
            page = around.replace("@", markdown.code(text))
            assert but_for_code(page) == but_for_code(around.replace("@", "word")), text


def goes_through(text: str, prefix: str = "") -> None:
    """Only what is allowed, links that show where they lead, and nothing outside of the text."""
    through = gate.through(text)
    inner = tags(through)
    assert set(inner) <= ALLOWED, (text, through)
    for address, words in addresses(through):
        assert address.startswith(SCHEMES), text
        assert address == words, text  # as typed, not as a parser spells it
    around = f"# Before\n\n{prefix}\n\n{{}}\n\n## After\n\nEnd [here](results.json).\n"
    whole, alone = tags(around.format(through)), tags(around.format("word"))
    alone["p"] -= 1
    assert whole == inner + alone, (text, through)


@pytest.mark.parametrize("prefix", ["Words:", "- item", "| a |\n|---|\n| 1 |"])
def test_the_authors_text_stays_within_the_gate(prefix: str) -> None:
    for text in NASTY:
        if prefix.startswith("-") and gate.through(text)[:1] in "-0123456789":
            continue  # no page has a list before it: the next law
        goes_through(text, prefix)


@pytest.mark.parametrize("around", ["before\n\n@\n\nafter", "10. one\n@\n12. three\n\nafter"])
def test_quoted_or_in_a_list_it_stays_within_the_gate(around: str) -> None:
    for text in NASTY:
        through = gate.through(text)
        one = gate.quoted(text) if "before" in around else gate.item("11. ", through)
        found = set(tags(around.replace("@", one)))
        assert found <= ALLOWED | {"blockquote"}, text
        assert "after" in PARSER.render(around.replace("@", one)).splitlines()[-1], text


@settings(max_examples=400, deadline=None)
@given(st.lists(st.sampled_from(ALPHABET), max_size=40).map("".join) | st.text(max_size=80))
@example("a\n---\nb")
@example("\\![x](https://evil.example/x.png)")
@example("&#32;&#32;&#32;&#32;# x")
@example("[a]: https://e.org/%")
@example("[a](https://e.org/%zz) <https://e.org/a%2> https://e.org/a%20b")
def test_any_text_stays_within_the_gate(text: str) -> None:
    goes_through(text, "Words:")
    for line in (gate.through(text), markdown.inline(text)):
        acting = {char for char in line.replace("\n", "") if category(char) in ACTING}
        assert not acting, text


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(ALPHABET), max_size=30).map("".join) | st.text(max_size=60),
    st.sampled_from(AROUND),
)
def test_any_text_shows_as_it_is(text: str, around: str) -> None:
    if markdown.inline(text):
        says_nothing_more(text, markdown.inline, around)


def test_what_is_allowed_is_kept() -> None:
    text = "**bold** *it* `code` [l](https://a.org/b_c)\n\n- one\n  - two\n\n1. a\n2. b"
    page = PARSER.render(gate.through(text))
    for tag in ("strong", "em", "code", "ul", "ol"):
        assert f"<{tag}>" in page, page
    assert 'l (<a href="https://a.org/b_c">https://a.org/b_c</a>)' in page


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("a < b & c | d", "a < b & c | d"),
        ("## Heading", "Heading"),
        ("1,000 * 2 * 3", "1,000 * 2 * 3"),
        ("&lt;b&gt; &amp;amp;", "<b> &amp;"),
        ("snake_case_name and 2_000", "snake_case_name and 2_000"),
        ("\\*not\\* \\# a \\\\", "*not* # a \\"),
        ("- [ ] open\n- [x] done", "[ ] open\n[x] done"),
        ("> a\n> b", "> a\n> b"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "| a | b |\n|---|---|\n| 1 | 2 |"),
        ("⚠️ careful", "⚠️ careful"),
    ],
)
def test_a_text_reads_as_it_was_typed(typed: str, shown: str) -> None:
    flat = (
        t for t in tokens(gate.through(typed)) if t.type in ("text", "code_inline", "hardbreak")
    )
    lines = "".join("\n" if one.type == "hardbreak" else one.content for one in flat)
    assert lines == shown.replace("\n", "") or lines == shown
