"""The gate's law for browsers: no text, wherever it stands, brings a tag, address or script."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from render.nasty import ALPHABET, NASTY
from render.sample import ROOT, complete_pack, failed_pack, sealed
from render.test_every_place import TEXTS, changed, is_authors, texts_of

from evidence import layout
from evidence.errors import EvidenceError
from evidence.pack.documents import Documents
from evidence.render.render import render_pack
from evidence.text import marked, written
from evidence.text.escape import visible
from evidence.text.hypertext import author
from evidence.text.hypertext.blocks import body
from tests.report.reading import Reading

HTML = (
    "<script>alert(1)</script>",
    "</script><script>alert(1)</script>",
    "</style><style>*{display:none}</style>",
    "<svg onload=alert(1)><a xlink:href='javascript:alert(1)'>x</a></svg>",
    "<img src=x onerror=alert(1)>",
    '" onfocus=alert(1) autofocus x="',
    "' onclick='alert(1)",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<base href=https://evil.example/>",
    "<!-- --> <![CDATA[ ]]> <?php ?>",
    "</title></head><body>",
    "<button popovertarget=origin-0>x</button><div popover id=origin-0>",
    "[x](javascript:alert(1)) ![x](https://evil.example/x.png) [x](data:text/html,x)",
    "<javascript:alert(1)> &lt;script&gt; &#x3c;script&#x3e;",
    "\x02i\x1f<b>\x03 \x05run.status\x1f \x06 \x0e \x0f \x02999\x03",
    "a | b\n|---|---|\n## Heading\n- item\n> quote\n```\nfence",
    "\u202egnp.exe\u202c \u2066x\u2069 \u200bzero\ufeff",
)
ALLOWED = frozenset({"p", "em", "strong", "code", "ul", "ol", "li", "a", "br"})
SCHEMES = ("http://", "https://")
QUICK = 10


def of_nothing(_: str) -> str:
    return ""


def html_of(page: str) -> str:
    parts = body(f"# Title\n\n## Section\n\n{page}\n", {}, of_nothing)
    return parts.sections[0].html


@pytest.mark.parametrize("text", [*HTML, *NASTY])
@pytest.mark.parametrize(
    "around", ["@", "- @\n- b", "| a | b |\n|---|---|\n| @ | *@* |", "**@** @"]
)
def test_text_of_strangers_is_text(text: str, around: str) -> None:
    for mark in (marked.inline, marked.code):
        if mark(text):
            plain = Reading(html_of(around.replace("@", mark("word"))))
            found = Reading(html_of(around.replace("@", mark(text))))
            assert found.tags == plain.tags
            assert found.attributes == plain.attributes


@given(st.text(st.sampled_from("<>&\"'`*|[]()\n #-ab\x02\x03\x05\x06\x1f\u202e"), max_size=60))
@example("\x02i\x1fx\x03")
def test_it_shows_what_it_is(text: str) -> None:
    shown = Reading(html_of(marked.inline(text))).text()
    assert shown.strip() == visible(text).replace("\t", " ").strip().replace("\n", " ⏎ ").strip()


@given(st.lists(st.sampled_from(ALPHABET), max_size=40).map("".join))
@settings(max_examples=200)
def test_the_words_of_authors_stay_within_the_gate(text: str) -> None:
    stays_within(text)


@pytest.mark.parametrize("text", [*HTML, *NASTY])
def test_and_no_text_that_was_ever_used_leaves_it(text: str) -> None:
    stays_within(text)


def stays_within(text: str) -> None:
    reading = Reading(author.words(text))
    assert reading.tags.keys() <= ALLOWED
    assert reading.attributes.keys() <= {"a href", "a rel", "li value"}
    assert all(one.startswith(SCHEMES) for one in reading.values.get("href", []))


def test_a_name_of_a_value_begins_no_block() -> None:
    for text in (*HTML, *NASTY):
        shown = marked.value(f"seen.{text}", "7")
        assert html_of(f"| a |\n|---|\n| {shown} |") == html_of("| a |\n|---|\n| 7 |")


@given(st.text(max_size=80))
def test_marks_are_markdown_for_the_one_writer_and_never_seen(text: str) -> None:
    page = marked.value("a.b", f"x {marked.inline(text)} y {marked.code(text)}")
    assert not {*written.as_markdown(page)} & {*"\x02\x03\x05\x06\x0e\x0f\x1f"}


def report(documents: Documents) -> str | None:
    """None where no pack can be so."""
    try:
        return render_pack(sealed(documents), ROOT, {})[layout.REPORT].decode()
    except (EvidenceError, LookupError, ValueError, TypeError, AttributeError):
        return None


def num_held(pack: Documents, every: int, texts: tuple[str, ...]) -> int:
    """At how many places a text stood; asserts that it brought nothing there."""
    shown = 0
    places = sorted(texts_of(pack), key=repr)
    for index, path in enumerate(places[::every]):
        text = texts[index % len(texts)]
        plain, page = report(changed(pack, path, "plain")), report(changed(pack, path, text))
        if plain is None or page is None or page == plain:
            continue
        before, after = Reading(plain), Reading(page)
        more = after.tags - before.tags
        allowed = ALLOWED if is_authors(path) else {"code", "em", "p", "pre"}
        assert more.keys() <= allowed, (path, text, more)
        assert led_to(after) <= led_to(before) or is_authors(path), (path, text)
        assert all(one.startswith(SCHEMES) for one in led_to(after) - led_to(before))
        assert names(after) <= names(before) | {"href", "rel", "value"}
        shown += 1
    return shown


def led_to(reading: Reading) -> set[str]:
    return {one for one in reading.values["href"] if ":" in one}


def names(reading: Reading) -> set[str]:
    return {name.partition(" ")[2] for name in reading.attributes}


@pytest.mark.parametrize("make", [complete_pack, failed_pack])
def test_each_text_of_a_pack_acts_nowhere(make: object) -> None:
    pack = make()  # type: ignore[operator]
    assert num_held(pack, QUICK, (*HTML, *TEXTS)) >= 6


@pytest.mark.full
def test_and_at_every_third_place_another_one_does_not() -> None:
    assert num_held(complete_pack(), 3, (*HTML, *TEXTS)) >= 20


def test_what_is_attached_goes_through_the_gate() -> None:
    note = "\n\n".join(HTML).encode()
    pages = [
        render_pack(complete_pack(), ROOT, {"attached/notes-001.md": data})[layout.REPORT].decode()
        for data in (b"plain", note)
    ]
    before, after = map(Reading, pages)
    assert (after.tags - before.tags).keys() <= ALLOWED
    assert names(after) <= names(before) | {"href", "rel", "value"}


def test_a_reading_sees_what_a_text_would_bring() -> None:
    with pytest.raises(AssertionError):
        Reading("<p>a</b></p>")
    assert Reading("<p onclick='x'>a</p>").attributes == Counter({"p onclick": 1})


def test_a_value_of_a_name_that_acts_is_shown_and_opens() -> None:
    pack = complete_pack()
    assert pack.results is not None
    values = dict(pack.results.values)
    values['x"><script>'] = replace(values["train.num_steps"], address='"><script>#/x')
    page = report_with(pack, values)
    assert Reading(page).tags["script"] == 1


def report_with(pack: Documents, values: dict[str, object]) -> str:
    assert pack.results is not None
    made = replace(pack, results=replace(pack.results, values=values))
    return render_pack(made, ROOT, {})[layout.REPORT].decode()
