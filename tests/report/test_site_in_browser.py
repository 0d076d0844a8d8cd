"""The page over many packs in a real browser; skipped, with the reason, where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from toy import intact_bytes, write

from evidence import layout
from evidence.publish.site import write_site
from tests.report.browsing import NARROW, WIDE, Opened, what_html_validate_says

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def page_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("site") / "runs"
    for name in ("a", "b", "c <b>"):
        write(runs / name, intact_bytes())
    write(runs / "bitten", intact_bytes() | {layout.RESULTS: b"{}\n"})
    return write_site(runs).page


@pytest.fixture
def opened(browser: Any, page_file: Path) -> Iterator[Opened]:
    one = Opened(browser, page_file, viewport=WIDE)
    yield one
    assert one.complaints == []
    assert one.asked == [page_file.as_uri()]
    one.context.close()


def names(one: Opened) -> list[str]:
    """Of the packs that are shown, in order."""
    found: list[str] = one.page.locator("#packs tbody tr:visible strong").all_inner_texts()
    return found


def test_words_filter_and_say_how_many_are_left(opened: Opened) -> None:
    assert len(names(opened)) == 4
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.press("Tab")
    opened.page.keyboard.type("BROKEN results")
    assert names(opened) == ["bitten"]
    assert opened.page.inner_text("#told") == "1 of 4 shown"
    opened.page.fill("#filter", "")
    assert len(names(opened)) == 4


def test_columns_sort_and_back(opened: Opened) -> None:
    before = names(opened)
    head = opened.page.locator("#packs thead button").first
    head.click()
    assert names(opened) == sorted(before)
    head.click()
    assert names(opened) == sorted(before, reverse=True)
    head.click()
    assert names(opened) == before


def test_chosen_ones_stand_side_by_side_with_the_command_that_compares_them(
    opened: Opened,
) -> None:
    alone = opened.page.locator("#alone")
    assert alone.is_disabled()
    opened.page.get_by_label("Choose a", exact=True).check()
    assert alone.is_disabled()
    opened.page.get_by_label("Choose c <b>", exact=True).check()
    alone.click()
    assert sorted(names(opened)) == ["a", "c <b>"]
    assert "evidence compare runs/a 'runs/c <b>'" in opened.page.inner_text("#told")
    alone.click()
    assert len(names(opened)) == 4


def test_without_script_every_pack_is_there_and_nothing_that_does_nothing(
    browser: Any, page_file: Path
) -> None:
    one = Opened(browser, page_file, viewport=WIDE, java_script_enabled=False)
    assert len(names(one)) == 4
    assert one.page.locator("input:visible, button:visible").count() == 0
    one.page.locator("#packs a").first.click()
    assert one.page.url.endswith("/report.html")
    one.context.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW])
def test_axe_finds_nothing_and_the_page_is_no_wider_than_its_window(
    browser: Any, page_file: Path, size: Any, scheme: str
) -> None:
    one = Opened(browser, page_file, viewport=size, color_scheme=scheme, bypass_csp=True)
    assert one.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    one.add_axe()
    assert one.violations() == []
    one.context.close()


def test_html_validate_finds_nothing(page_file: Path, tmp_path: Path) -> None:
    assert what_html_validate_says(page_file, tmp_path) == []


def test_on_paper_there_is_nothing_to_click(browser: Any, page_file: Path) -> None:
    one = Opened(browser, page_file, viewport=WIDE)
    one.page.emulate_media(media="print")
    assert not one.page.locator("#choose").is_visible()
    assert one.page.locator("#packs input:visible").count() == 0
    assert len(names(one)) == 4
    one.context.close()
