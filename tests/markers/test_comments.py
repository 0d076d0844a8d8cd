"""What is a marker of a page is what CommonMark reads as two comments in one line; code shows one.

The last law holds our scanner against markdown-it, for lines of every kind of sign.
"""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from evidence.markers.comment import comments_in
from evidence.markers.marker import Marker, markers_in, with_contents

OPEN = "<!-- evidence M90 train.loss_end -->"
CLOSE = "<!-- /evidence -->"
MARKED = f"{OPEN}9{CLOSE}"


def only(text: str) -> Marker:
    found = markers_in(text, "markdown")
    assert not found.bad, found.bad
    (marker,) = found.found
    return marker


def test_a_marker_has_its_pack_its_value_its_content_and_its_place() -> None:
    marker = only(f"# A\r\n\r\nLoss: {MARKED}.\r\n")
    assert (marker.pack, marker.value, marker.content) == ("M90", "train.loss_end", "9")
    assert (marker.line, marker.column) == (3, 7)


def test_a_marker_says_how_many_decimals_or_which_format() -> None:
    assert only(MARKED.replace("end -->", "end decimals=3 -->")).decimals == 3
    assert only(MARKED.replace("end -->", "end format=percent -->")).form == "percent"
    assert only(MARKED.replace("M90", '"my runs/M90"')).pack == "my runs/M90"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (OPEN, "never closed"),
        (CLOSE, "closes no marker"),
        (f"{OPEN}9{CLOSE}{CLOSE}", "closes no marker"),
        (f"{OPEN}9\n{CLOSE}", "another line"),
        (f"{OPEN}9<!--\n/evidence -->", "another line"),
        (f"<!-- evidence\nM90\ntrain.loss_end -->9{CLOSE}", "over several lines"),
        ("<!-- evidence M90 results.json#/values -->", "never closed"),
        (f"<!-- evidence M90 -->9{CLOSE}", "names no value"),
        (MARKED.replace("end -->", "end decimal=3 -->"), "did you mean 'decimals'?"),
        (MARKED.replace("end -->", "end decimals=x -->"), "from 0 to 17"),
        (MARKED.replace("end -->", "end decimals=99 -->"), "from 0 to 17"),
        (MARKED.replace("end -->", "end format=percents -->"), "did you mean 'percent'?"),
        (MARKED.replace("end -->", "end decimals=1 format=percent -->"), "one of"),
        (MARKED.replace("end -->", "end decimals=1 decimals=2 -->"), "one of"),
        (MARKED.replace("end -->", "end 3 -->"), "behind its value"),
    ],
)
def test_what_is_meant_as_a_marker_and_is_none_is_said(text: str, says: str) -> None:
    found = markers_in(text, "markdown")
    assert len(found.bad) == 1, found
    assert says in found.bad[0].message


@pytest.mark.parametrize(
    "text",
    [
        "<!-- evidence for this is below -->",
        "<!-- evidence -->",
        "<!-- evidence is needed. -->",
        "<!-- evidence of v1.2 -->",
        "<!-- evidence in README.md -->",
        "<!-- evidence in #12 -->",
        "<!-- evidence #12 -->",
        "<!-- evidence M43 train.py! -->",
        "<!-- evidence\nof what is below, e.g. -->",
        "<!-- more evidence M90 train.loss_end -->",
        f"<!-- a draft: {MARKED.replace('-->', '')} -->",
        f"\\{OPEN}",
    ],
)
def test_a_comment_of_the_author_is_no_marker(text: str) -> None:
    found = markers_in(text, "markdown")
    assert not found.found
    assert not found.bad, found.bad


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{MARKED}\n```",
        f"- a\n\n  ~~~html\n  {MARKED}\n  ~~~",
        f"a\n\n    {MARKED}",
        f"`{MARKED}`",
        f"a `` ` {MARKED} `` b",
        f"| a | b |\n|---|---|\n| `{MARKED}` | c |",
    ],
)
def test_a_marker_in_code_is_left_alone_and_counted(text: str) -> None:
    found = markers_in(text, "markdown")
    assert (found.found, found.bad, found.num_in_code) == ((), (), 1)


@pytest.mark.parametrize(
    "text",
    [
        f"a ` b {MARKED}",
        f"\\`{MARKED}\\`",
        f"<details>\n`{MARKED}`\n</details>",
        f"| a | b |\n|---|---|\n| ` | {MARKED} ` |",
        f"> - {MARKED}",
        f"`a` {MARKED} `b`",
        f"# {MARKED}",
    ],
)
def test_a_marker_outside_of_code_is_one_whatever_is_around(text: str) -> None:
    assert only(text).content == "9"


def test_in_html_there_is_no_code_of_markdown() -> None:
    assert len(markers_in(f"<p>`{MARKED}`</p>\n\n    {MARKED}", "html").found) == 2


def test_contents_change_and_nothing_else() -> None:
    text = f"a\r\n{MARKED} b {MARKED}\rc"
    found = markers_in(text, "markdown").found
    assert with_contents(text, found, ["1", "22"]) == text.replace(
        f"{MARKED} b {MARKED}", f"{OPEN}1{CLOSE} b {OPEN}22{CLOSE}"
    )


PIECES = st.sampled_from(["`", "``", "\\", OPEN, CLOSE, "<!-- a -->", "b", " ", "*", "<"])


@given(st.lists(PIECES, max_size=14))
def test_a_line_has_the_comments_that_markdown_it_finds(pieces: list[str]) -> None:
    line = "x " + "".join(pieces).replace("<<", "<")
    tokens = MarkdownIt("commonmark").parse(line)
    inline = [part for token in tokens for part in token.children or ()]
    read = [part.content for part in inline if part.type == "html_inline"]
    ours = [line[one.start : one.end] for one in comments_in(line, "markdown") if not one.in_code]
    assert ours == [one for one in read if "evidence" in one]


LONG = ("`", "\\`", "` `` ", "<!--", "<!-- evidence a", "<!-- -->", "|`", f"{OPEN}`", "\r", MARKED)


@pytest.mark.parametrize("part", LONG)
def test_no_page_takes_long(part: str) -> None:
    """Of markdown, what markdown-it needs is its own."""
    began_s = time.process_time()
    markers_in("a " + part * (400_000 // len(part)), "html")
    markers_in("a " + part * (40_000 // len(part)), "markdown")
    assert time.process_time() - began_s < 20


@pytest.mark.parametrize("line", ["x <!-- evidence\n", "| <!-- evidence |\n"])
def test_comments_that_are_never_closed_take_no_longer_for_being_many(line: str) -> None:
    text = CLOSE + "\n" + line * ((2 << 20) // len(line))
    began_s = time.process_time()
    assert not markers_in(text, "html").found
    assert time.process_time() - began_s < 5
