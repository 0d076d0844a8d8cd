"""The report in a real browser: what a person does with it, and what axe and html-validate find.

Skipped, with the reason, where the browser or what drives it is not there: `make browser` brings
all but the browser itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from render.sample import ROOT, complete_pack, failed_pack

from evidence import layout
from evidence.render.render import render_pack
from tests.report.browsing import NARROW, WIDE, Opened, what_html_validate_says

pytestmark = pytest.mark.full


@pytest.fixture(scope="module", params=["complete", "failed"])
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    pack = complete_pack() if request.param == "complete" else failed_pack()
    path: Path = tmp_path_factory.mktemp(request.param) / layout.REPORT
    path.write_bytes(render_pack(pack, ROOT, {})[layout.REPORT])
    return path


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    one = Opened(browser, page_file, viewport=WIDE)
    yield one
    assert one.complaints == []
    assert one.asked == [page_file.as_uri()]
    one.context.close()


def test_a_click_opens_where_a_value_comes_from_and_escape_closes_it(opened: Opened) -> None:
    button = opened.page.locator("main button.v").first
    origin = opened.page.locator(f"#{button.get_attribute('popovertarget')}")
    assert not origin.is_visible()
    button.click()
    assert origin.is_visible()
    assert "evidence explain" in origin.inner_text()
    opened.page.keyboard.press("Escape")
    assert not origin.is_visible()


def test_the_same_by_keyboard_alone(opened: Opened) -> None:
    opened.page.keyboard.press("Tab")
    assert opened.page.evaluate("document.activeElement.className") == "skip"
    opened.page.keyboard.press("Enter")
    for _ in range(60):
        opened.page.keyboard.press("Tab")
        if opened.page.evaluate("document.activeElement.className") == "v":
            break
    outline = "getComputedStyle(document.activeElement).outlineStyle"
    assert opened.page.evaluate(outline) == "solid"
    opened.page.keyboard.press("Enter")
    assert opened.page.locator("[popover]:popover-open").count() == 1
    opened.page.keyboard.press("Escape")
    assert opened.page.evaluate("document.activeElement.className") == "v"


def test_tables_sort_by_numbers_and_back(opened: Opened) -> None:
    opened.page.locator("#journal ~ details summary").click()
    table = opened.page.locator("#journal ~ details table")
    lines = table.locator("tbody th")
    before = lines.all_inner_texts()
    head = table.locator("thead button").first
    head.click()
    head.click()
    assert lines.all_inner_texts() == before[::-1]
    assert table.locator("thead th").first.get_attribute("aria-sort") == "descending"
    head.click()
    assert lines.all_inner_texts() == before


def test_without_script_all_is_there_and_opens(browser: Any, page_file: Path) -> None:
    with_it = Opened(browser, page_file, viewport=WIDE)
    without = Opened(browser, page_file, viewport=WIDE, java_script_enabled=False)
    assert without.page.inner_text("main") == with_it.page.inner_text("main")
    without.page.locator("main button.v").first.click()
    assert without.page.locator("[popover]:popover-open").count() == 1
    with_it.context.close()
    without.context.close()


@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_no_page_is_wider_than_its_window(browser: Any, page_file: Path, size: Any) -> None:
    one = Opened(browser, page_file, viewport=size)
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_axe_finds_nothing(browser: Any, page_file: Path, size: Any, scheme: str) -> None:
    # The page's policy lets no script of others run, so axe needs it out of the way.
    one = Opened(browser, page_file, viewport=size, color_scheme=scheme, bypass_csp=True)
    one.add_axe()
    for summary in one.page.locator("details > summary").all():
        summary.click()
    assert one.violations() == []
    one.page.locator("main button.v").first.click()
    found = one.page.evaluate("async () => (await axe.run('[popover]:popover-open')).violations")
    assert [one["id"] for one in found] == []
    one.context.close()


def test_on_paper_origins_are_printed_and_nothing_to_click(browser: Any, page_file: Path) -> None:
    one = Opened(browser, page_file, viewport=WIDE)
    one.page.emulate_media(media="print")
    assert one.page.locator("#origins ~ [popover]").first.is_visible()
    assert not one.page.locator("nav").is_visible()
    one.context.close()


def test_html_validate_finds_nothing(page_file: Path, tmp_path: Path) -> None:
    assert what_html_validate_says(page_file, tmp_path) == []


def test_axe_finds_what_is_wrong(browser: Any, tmp_path: Path) -> None:
    bad = tmp_path / "bad.html"
    bad.write_text("<!DOCTYPE html><img src=x><p style='color:#ddd;background:#fff'>pale</p>")
    one = Opened(browser, bad)
    one.add_axe()
    found = {name for name, _ in one.violations()}
    assert {"image-alt", "color-contrast", "html-has-lang"} <= found
    one.context.close()
