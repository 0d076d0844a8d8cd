"""One browser for the tests of a module; they skip, with the reason, where there is none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest

from tests.report.browsing import BROWSERS


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync_api = pytest.importorskip("playwright.sync_api", reason="make browser brings playwright")
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        pytest.skip(f"no {' or '.join(BROWSERS)} is installed")
    with sync_api.sync_playwright() as play:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        started = play.chromium.launch(executable_path=found, args=flags)
        yield started
        started.close()
