"""Laws of report.html: it says what the summary says, opens every value, and nothing else acts."""

from __future__ import annotations

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

import pytest
from markdown_it import MarkdownIt
from render.sample import ROOT, complete_pack, failed_pack

from evidence import layout
from evidence.publish.summaries import read_attached
from evidence.render.render import render_pack
from evidence.verification.verification import load_sealed
from tests.fields.packs import PACKS
from tests.report.reading import MADE_HERE, Reading, squeezed
from tests.shared import made_once

MAX_REPORT_BYTES = 400_000
MAX_SCRIPT_BYTES = 10_000
QUICK = ("complete", "failed", "imported", "rich", "staged")


def kinds() -> list[object]:
    return [name if name in QUICK else pytest.param(name, marks=pytest.mark.full) for name in PACKS]


@pytest.fixture(params=kinds())
def rendered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Mapping[str, bytes]:
    """What rendering gives of each kind of pack there is."""
    name = str(request.param)
    pack: Path = made_once(tmp_path_factory, f"fields-{name}", PACKS[name])
    sealed = load_sealed(pack)
    return render_pack(sealed.documents, sealed.root_sha256, read_attached(pack))


def report_of(rendered: Mapping[str, bytes]) -> str:
    return rendered[layout.REPORT].decode("utf-8")


def summary_of(rendered: Mapping[str, bytes]) -> str:
    return next(data for path, data in rendered.items() if path.endswith("_summary.md")).decode()


def words_of_the_summary(rendered: Mapping[str, bytes]) -> str:
    page = re.sub(r"!\[[^\]]*\]\(plots/[^)]*\)", "", summary_of(rendered))
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(page)
    return squeezed(Reading(html.replace("<br />", "<br>").replace("<hr />", "<hr>")).text())


def words_of_the_report(page: str) -> str:
    """Of title, facts and sections that the summary has, too."""
    ends = ("every-attempt", "further-values", "journal", "origins")
    end = min(page.find(f'<section aria-labelledby="{one}"') % len(page) for one in ends)
    body = page[page.index("<header>") : end]
    title, main = body.split('<p class="tell">')[0], body.split('<main id="main">')[1]
    reading = Reading(f"{title}</header><main>{main}</main>")
    return squeezed(reading.text(but_for=MADE_HERE))


def test_the_report_says_what_the_summary_says(rendered: Mapping[str, bytes]) -> None:
    assert words_of_the_report(report_of(rendered)) == words_of_the_summary(rendered)


def test_every_tag_is_closed_and_every_id_is_one(rendered: Mapping[str, bytes]) -> None:
    reading = Reading(report_of(rendered))
    ids = Counter(reading.values["id"])
    assert max(ids.values()) == 1, ids.most_common(3)
    led_to = [*reading.values.get("popovertarget", []), *reading.values["aria-labelledby"]]
    led_to += [one[1:] for one in reading.values["href"] if one.startswith("#")]
    assert set(led_to) <= set(ids), set(led_to) - set(ids)


def test_every_value_that_is_shown_opens_its_origin(rendered: Mapping[str, bytes]) -> None:
    reading = Reading(report_of(rendered))
    opened = set(reading.values.get("popovertarget", []))
    origins = {one for one in reading.values["id"] if re.fullmatch(r"origin-[0-9]+", one)}
    assert opened == origins
    assert len(origins) >= 10


def test_nothing_but_our_own_script_runs_and_nothing_is_loaded(
    rendered: Mapping[str, bytes],
) -> None:
    page = report_of(rendered)
    reading = Reading(page)
    assert reading.tags["script"] == reading.tags["style"] == 1
    policy = next(one for one in reading.values["content"] if "default-src" in one)
    for tag in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(reading.raw[tag].encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none';")
    names = {name.partition(" ")[2] for name in reading.attributes}
    assert not names & {"src", "srcset", "style", "action", "data", "ping", "background"}
    assert not [name for name in names if name.startswith("on")]
    assert not reading.tags.keys() & {"img", "iframe", "object", "embed", "form", "base", "link"}
    assert page.index("Content-Security-Policy") < page.index("<title>")


def test_it_is_small(rendered: Mapping[str, bytes]) -> None:
    num_trainings = sum(path.startswith(f"{layout.PLOTS}/") for path in rendered)
    assert len(rendered[layout.REPORT]) < MAX_REPORT_BYTES * max(1, num_trainings)
    assert len(Reading(report_of(rendered)).raw["script"].encode()) < MAX_SCRIPT_BYTES


def test_tables_have_captions_and_headings_of_columns_and_rows(
    rendered: Mapping[str, bytes],
) -> None:
    reading = Reading(report_of(rendered))
    assert reading.tags["table"] == reading.tags["caption"] == reading.tags["thead"]
    assert reading.attributes["th scope"] == reading.tags["th"]
    assert reading.tags["h1"] == 1


def test_what_carries_loss_is_marked_and_not_by_colour_alone() -> None:
    page = render_pack(complete_pack(), ROOT, {})[layout.REPORT].decode()
    assert Reading(page).tags["mark"] >= 2
    style = Reading(page).raw["style"]
    rule = style[style.index("mark{") :].partition("}")[0]
    assert "font-weight" in rule
    assert "underline" in rule


def test_a_report_is_the_same_bytes_each_time() -> None:
    for make in (complete_pack, failed_pack):
        first, second = (render_pack(make(), ROOT, {})[layout.REPORT] for _ in range(2))
        assert first == second


def test_a_pack_may_be_rendered_without_one() -> None:
    with_it, without = (
        render_pack(complete_pack(), ROOT, {}, with_report=flag) for flag in (True, False)
    )
    assert without == {path: one for path, one in with_it.items() if path != layout.REPORT}
