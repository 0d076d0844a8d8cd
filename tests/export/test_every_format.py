"""Laws of every export, on a pack of each kind."""

from __future__ import annotations

import json
import os
import re
import socket
from pathlib import Path

import pytest

from evidence.encoding.digest import sha256_hex
from evidence.export.formats import FORMATS
from tests.docs.pages import page, section, table
from tests.export.packs import account, exported, lacking, made_of, said, texts_of_sealed, values

DIGEST = re.compile(r"(?<![0-9a-f])[0-9a-f]{64}(?![0-9a-f])")
WITHOUT_A_KEY = tuple(name for name in FORMATS if name != "oms")
"""Formats that are no signature: what laws of every format are about."""
EVERY = pytest.mark.parametrize("name", WITHOUT_A_KEY)
NOTHING = {("croissant", "OLD")}
"""Formats that have nothing to say of a pack, and refuse it; their own tests say how."""


@pytest.fixture(autouse=True)
def _has_something_to_say(request: pytest.FixtureRequest) -> None:
    if "pack" in request.fixturenames:
        why = lacking(request.getfixturevalue("name"))
        if why:
            pytest.skip(why)
        asked = (request.getfixturevalue("name"), request.getfixturevalue("pack").name)
        if asked in NOTHING:
            pytest.skip(f"{asked[0]} has nothing to say of {asked[1]}")


@EVERY
def test_every_digest_is_the_packs(name: str, pack: Path) -> None:
    """One of SHA256SUMS, of a file sealed in it that lists it, the root digest itself, or that of
    another file of the export."""
    own = {one for text in texts_of_sealed(pack) for one in DIGEST.findall(text)}
    sums = (pack / "SHA256SUMS").read_bytes()
    own |= {sha256_hex(sums), *DIGEST.findall(sums.decode("ascii"))}
    own |= {sha256_hex(data) for data in exported(name, pack).values()}
    files = made_of(name, pack)
    found = {one for text in said(files).values() for one in DIGEST.findall(text)}
    assert found - own == set()
    assert sha256_hex(sums) in found, "an export says which pack it is of"


@EVERY
def test_it_says_what_the_pack_is(name: str, pack: Path) -> None:
    files = made_of(name, pack)
    text = " ".join(said(files).values())
    plain = re.sub(r"[\\\s]+", " ", text)
    for sentence in account(pack).standing:
        for word in re.findall(r"[A-Za-z]{4,}", sentence):
            assert word in plain, (sentence, word)
    manifest = json.loads((pack / "manifest.json").read_bytes())
    assert manifest["milestone"] in text
    if manifest.get("origin") == "imported":
        assert "Imported" in plain
        assert "parsed" in plain


@EVERY
def test_it_is_the_same_each_time_and_names_nothing_of_this_machine(
    name: str, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made_of(name, pack)
    monkeypatch.setenv("TZ", "Pacific/Chatham")
    assert made_of(name, pack) == first
    private = {str(pack.parent), str(Path.home()), str(Path.cwd()), socket.gethostname()}
    sealed = " ".join(texts_of_sealed(pack))
    for text in said(first).values():
        assert [one for one in private - {"/"} if one in text and one not in sealed] == []


@EVERY
def test_nothing_is_opened_but_files(
    name: str, pack: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object, **__: object) -> None:
        raise AssertionError("an export opened a socket")

    monkeypatch.setattr(socket, "socket", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    before = {path: os.lstat(path).st_mtime_ns for path in pack.rglob("*")}
    made_of(name, pack)
    assert {path: os.lstat(path).st_mtime_ns for path in pack.rglob("*")} == before


@EVERY
def test_what_was_not_measured_has_no_number(name: str, pack: Path) -> None:
    """Its name never stands beside a digit: it has a reason, or is not there."""
    unmeasured = [one for one, value in values(pack).items() if value["value"] is None]
    text = "\n".join(said(made_of(name, pack)).values())
    for one in unmeasured:
        beside = re.compile(re.escape(one) + r"`?\"?\s*[|:=,]\s*\"?(?:value\"?:\s*)?-?\d")
        assert beside.search(text) is None, one


@pytest.mark.parametrize("name", FORMATS)
def test_the_page_says_of_every_format_what_is_said_where_and_what_cannot_be(name: str) -> None:
    rows = table(section(page("exports.md"), f"`{name}`"))
    assert len(rows) >= 3
    assert any(row[1].strip() == "–" for row in rows), "something cannot be said, and that is said"
