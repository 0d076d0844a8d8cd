"""The page over many packs: it repeats what they say, verifies nothing, and harms no file."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import sys
import time
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from render.nasty import NASTY
from toy import intact_bytes, write
from toy_set import set_toy

from evidence import layout
from evidence.api.values import read_results
from evidence.errors import UsageError
from evidence.publish import site
from evidence.publish.site import write_site
from evidence.records.run import GateResult
from evidence.render.site import MAX_POINTS, OWN, Curve, SitePack, Told, curve_of, site_page
from evidence.text import formatting
from tests.command import evidence
from tests.importing import made
from tests.packs.case import GOLDEN
from tests.report.reading import Reading
from tests.report.test_hostile_report import HTML

HOSTILE_NAME = "x <script>&\"'`#?%41"


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    folder = tmp_path / "runs"
    write(folder / "whole", intact_bytes())
    write(folder / "bitten", intact_bytes() | {layout.RESULTS: b"{}\n"})
    write(folder / "linked", intact_bytes())
    (folder / "linked/out").symlink_to("/etc/passwd")
    work = folder / layout.WORK / "begun" / layout.STAGED
    work.mkdir(parents=True)
    (work / layout.JOURNAL).write_bytes(b"")
    (work.parent / layout.REMEMBERED).write_bytes(b"{}")
    return folder


def page_of(runs: Path, to: Path | None = None) -> str:
    return write_site(runs, to).page.read_text("utf-8")


def rows_of(page: str) -> dict[str, list[str]]:
    """By the name of the pack the text of its cells."""
    rows = re.findall(r'<tr data-path="[^"]*">(.*?)</tr>', page, re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, re.DOTALL) for row in rows]
    texts = [[Reading(f"<p>{cell}</p>").text().strip() for cell in one] for one in cells]
    return {one[0].removesuffix(" report summary"): one[1:] for one in texts}


def test_each_pack_has_a_row_with_what_it_says_and_that_nobody_checked_it(runs: Path) -> None:
    rows = rows_of(page_of(runs))
    assert rows.keys() == {"whole", "bitten", "linked", "begun"}
    results = made_results(runs / "whole")
    loss = formatting.number(results["train.loss_end"])
    rate = formatting.share(results["eval.exact.rate"])
    whole = rows["whole"]
    assert whole[0] == "M90"
    assert whole[1].startswith("complete; stand-in model")
    assert whole[3] == results["model.id"]
    assert whole[4] == results["run.date"]
    assert whole[5] == "1 met"
    assert whole[6] == loss
    assert whole[7].endswith(f"→ {loss}")
    assert f"{rate} (exact)" in whole[8]
    assert {row[2] for row in rows.values()} == {"not checked here"}


def made_results(pack: Path) -> dict[str, Any]:
    found = read_results(pack)
    wanted = ("train.loss_end", "eval.exact.rate", "model.id", "run.date")
    return {name: found[name].value for name in wanted}


def test_what_could_not_be_read_is_listed_as_what_it_is_and_repeats_nothing(runs: Path) -> None:
    rows = rows_of(page_of(runs))
    for name, state, why in (
        ("bitten", "broken", layout.RESULTS),
        ("linked", "refused", "link"),
        ("begun", "unfinished", "not a finished pack"),
    ):
        assert rows[name][1].startswith(f"{state}: ")
        assert why in rows[name][1]
        assert {*rows[name][3:], rows[name][0]} == {"–"}
    done = write_site(runs)
    assert {one.state for one in done.unread} == {"broken", "refused", "unfinished"}


def test_other_kinds_of_pack_say_what_they_are(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    shutil.copytree(GOLDEN / "v1/failed/M90", runs / "failed")
    write(runs / "set", set_toy().seal().all_bytes())
    shutil.copytree(made.make_odd_pack(tmp_path / "made"), runs / "imported")
    page = page_of(runs)
    rows = {name.partition(" ")[0]: row for name, row in rows_of(page).items()}
    assert rows["failed"][1].startswith("failed")
    assert "not measured" in rows["failed"][6]
    assert "0.00" not in rows["failed"][6]
    assert rows["imported"][1].endswith("imported, not observed")


def test_links_lead_to_the_files_of_the_pack_from_wherever_the_page_lies(tmp_path: Path) -> None:
    runs = tmp_path / "some runs"
    write(runs / HOSTILE_NAME, intact_bytes())
    write(runs / "without", {k: v for k, v in intact_bytes().items() if k != layout.REPORT})
    for to in (None, tmp_path / "a b" / "site"):
        done = write_site(runs, to)
        links = [one for one in Reading(done.page.read_text()).values["href"] if one != "#main"]
        assert len(links) == 3, "a report that is not there is not linked to"
        for link in links:
            whole = urlsplit(urljoin(done.page.absolute().as_uri(), link))
            assert (whole.scheme, whole.query, whole.fragment) == ("file", "", "")
            assert Path(unquote(whole.path)).is_file()


def test_the_page_says_nothing_of_where_it_was_made_and_is_the_same_each_time(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = page_of(runs)
    assert str(runs.parent) not in first
    assert not write_site(runs).is_new
    monkeypatch.chdir(runs.parent)
    assert not write_site(Path("runs")).is_new
    monkeypatch.chdir(runs)
    assert not write_site(Path()).is_new


def test_nothing_runs_but_our_script_and_nothing_is_fetched(runs: Path) -> None:
    reading = Reading(page_of(runs))
    policy = next(one for one in reading.values["content"] if one.startswith("default-src"))
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(reading.raw[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
        assert reading.tags[tag] == 1
    assert policy.startswith("default-src 'none'; ")
    assert len(reading.raw["script"]) < 10_000
    assert not [one for name in ("src", "href") for one in reading.values.get(name, ())
                if urlsplit(one).scheme]  # fmt: skip


def pack_saying(text: str) -> SitePack:
    """One whose every text is this one."""
    gate = GateResult(text, text, "<", True, "not-met", 1, 2, text)
    told = (Told(text, 1.5, ""), Told(text, None, text))
    curve = Curve(text, (2, 1.0), 2, (1, 2), (2, 1.0), 1.0)
    return SitePack(
        path=f"{text.replace('/', '_')}", argument=f"runs/{text}", state="read", reason=text,
        files=((text, text), ("report", "report.html")), milestone=text, status="complete",
        models=(text,), date=text, started_utc=text, gates=(gate,), losses=told,
        curves=(curve, curve), rates=told,
    )  # fmt: skip


@pytest.mark.parametrize("text", [*HTML, *NASTY])
def test_no_text_of_a_pack_brings_a_tag_an_address_or_a_script(text: str) -> None:
    acts_nowhere(text)


@given(st.text(st.sampled_from("<>&\"'`=/:#?% \n\tab\x00\x02\x03\x1f\u202e\udcff"), max_size=40))
@settings(max_examples=60, deadline=None)
def test_and_no_other_text_does(text: str) -> None:
    acts_nowhere(text)


def acts_nowhere(text: str) -> None:
    plain = Reading(site_page("word", [pack_saying("word")]).decode())
    for pack in (pack_saying(text), SitePack(text, f"runs/{text}", "broken", text)):
        found = Reading(site_page(text, [pack]).decode())
        if pack.state == "read":
            assert found.tags == plain.tags
            assert found.attributes == plain.attributes
        assert all(not urlsplit(one).scheme for one in found.values["href"])
        assert all(not one.startswith("//") for one in found.values["href"])
        assert found.raw == plain.raw


def test_losses_that_no_plot_can_hold_are_said_and_a_flat_or_single_one_is_drawn() -> None:
    def drawn(*losses: float) -> str:
        rows = list(enumerate(losses, 1))
        pack = SitePack("p", "runs/p", "read", status="complete", curves=(curve_of("", rows),))
        return site_page("runs", [pack]).decode()

    assert "too far from zero to be drawn" in drawn(1.0, 1e300)
    assert "<svg" not in drawn(1e300, -1e300)
    for losses in ((1.0,), (2.0, 2.0), (3.0, 1.0, 2.0)):
        assert drawn(*losses).count("<svg") == 1
        assert "nan" not in drawn(*losses).partition("<tbody>")[2].partition("</tbody>")[0]


@pytest.mark.parametrize("count", [1, 2, MAX_POINTS, MAX_POINTS + 1, 97, 700])
def test_a_curve_is_thin_and_keeps_its_ends_and_extremes(count: int) -> None:
    chance = Random(count)
    losses = [chance.uniform(-9, 9) for _ in range(count)]
    curve = curve_of("", list(enumerate(losses, 1)))
    assert len(curve.losses) <= MAX_POINTS
    assert (curve.losses[0], curve.losses[-1]) == (losses[0], losses[-1])
    assert (min(curve.losses), max(curve.losses)) == (min(losses), max(losses))
    assert curve.lowest == min(losses)


@pytest.mark.parametrize("kind", ["file", "folder", "link", "dangling", "pipe", "empty"])
def test_what_is_not_its_own_stays_as_it_is(runs: Path, kind: str) -> None:
    page = runs / site.PAGE
    other = runs.parent / "other.html"
    other.write_bytes(OWN + b"mine, too")
    if kind in ("file", "empty"):
        page.write_bytes(b"<!DOCTYPE html><p>Mine." if kind == "file" else b"")
    elif kind == "folder":
        page.mkdir()
    elif kind == "pipe":
        os.mkfifo(page)
    else:
        page.symlink_to(other if kind == "link" else "nowhere")
    before = os.lstat(page)
    ended = evidence("site", str(runs))
    assert ended.exit == 2
    assert "was not made by" in ended.err
    after = os.lstat(page)
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert other.read_bytes() == OWN + b"mine, too"


def test_its_own_page_is_brought_up_to_date_and_leaves_nothing_beside(runs: Path) -> None:
    before = page_of(runs)
    write(runs / "another", intact_bytes())
    ended = evidence("site", str(runs))
    assert ended.exit == 0
    assert "5 packs, none of them verified here" in ended.out
    assert "broken" in ended.out
    assert (runs / site.PAGE).read_text() != before
    there = {one.name for one in runs.iterdir()}
    assert there == {"whole", "bitten", "linked", "another", layout.WORK, site.PAGE}


def test_nothing_is_written_into_a_pack_or_where_there_are_no_packs(
    runs: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    inside = runs / "whole" / "plots"
    for folder, to in (
        (runs, runs / "whole"),
        (runs, inside),
        (runs / "whole", None),
        (empty, None),
        (tmp_path / "nowhere", None),
    ):
        with pytest.raises(UsageError):
            write_site(folder, to)
    assert not (inside / site.PAGE).exists()
    assert not (runs / "whole" / site.PAGE).exists()
    assert list(empty.iterdir()) == []


def test_more_packs_than_a_page_shows_are_refused_before_one_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs = tmp_path / "runs"
    for number in range(10_000):
        folder = runs / f"p{number}"
        folder.mkdir(parents=True)
        (folder / layout.SUMS).touch()
    monkeypatch.setattr(site, "sealed_or_why", lambda path: pytest.fail(f"{path} was read"))
    began_s = time.monotonic()
    with pytest.raises(UsageError, match="10000 packs, more than") as refused:
        write_site(runs)
    assert "evidence find" in refused.value.hint
    assert time.monotonic() - began_s < 20
    assert not (runs / site.PAGE).exists()


@pytest.mark.full
def test_five_hundred_packs_are_quick_and_the_page_is_small(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    for number in range(500):
        write(runs / f"p{number}", intact_bytes())
    began_s = time.monotonic()
    done = write_site(runs)
    assert time.monotonic() - began_s < 60, "two seconds on two idle cores"
    assert done.page.stat().st_size < 1_000_000


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
def test_a_name_of_any_bytes_is_spelled_and_its_link_leads_there(tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    name = os.fsdecode(b"x\xff")
    write(runs / name, intact_bytes())
    page = page_of(runs)
    assert "x\\udcff" in page
    assert 'href="x%FF/report.html"' in page
