"""A stranger's milestone cannot hold us up, and lines are found in odd spellings."""

from __future__ import annotations

import time

import pytest
from packs.case import GOLDEN

from evidence.errors import MalformedError
from evidence.milestone.parse import line_of, parse_milestone

MILESTONE = (GOLDEN / "v1/complete/M90/milestone.toml").read_bytes()


@pytest.mark.parametrize(
    "stretched",
    [
        b"# c" + b" " * 60_000 + b"x\n",
        b" " * 60_000 + b"# a comment\n",
        b"[" + b" " * 60_000 + b"\n",
        b" " * 60_000 + b"[a" + b" " * 3_000 + b"\n",
        b"a" + b" " * 60_000 + b"\n",
        b'a = "' + b'\\"' * 30_000 + b"\n",
        b'a = """' + b'\\"' * 30_000 + b"\n",
        b'""\\' * 20_000,
        b"'''" + b"'" * 60_000,
    ],
    ids=lambda data: repr(data[:12]),
)
def test_a_line_of_any_length_is_read_in_no_time(stretched: bytes) -> None:
    began_s = time.process_time()
    for data in (stretched, MILESTONE[:3_000] + b"\n" + stretched[:60_000]):
        try:
            parse_milestone(data)
            line_of(data, "/data/train/path")
        except MalformedError:
            pass
    assert time.process_time() - began_s < 2


@pytest.mark.parametrize(
    ("text", "pointer", "line"),
    [
        ("\n[a]\nb = 1\n", "/a/b", 3),
        ("\n  [ a . b ]  # c\nd=1\n", "/a/b/d", 3),
        ("[[a]]\n[[ a ]]\n\tb\t= 1\n", "/a/1/b", 3),
        ('x = "[a]"\n[a]\nb = """\n[c]\nd = 1"""\ne = 2\n', "/a/e", 6),
        ('x = """a""""\nb = 1\n', "/b", 2),
        ("x = '''a'''''\nb = 1\n", "/b", 2),
        ('a . "b" = 1\nc = [\n 1,\n]\nd = 2\n', "/d", 5),
        ("x = 'it''s'\nb = 1\n", "/b", 2),
    ],
)
def test_a_key_is_found_in_its_line(text: str, pointer: str, line: int) -> None:
    assert line_of(text.encode(), pointer) == line
