"""A page in a real browser, and the tools that judge pages there; `make browser` brings them."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parents[2] / "build" / "browser" / "node_modules"
AXE = HERE / "axe-core" / "axe.min.js"
HTML_VALIDATE = HERE / "html-validate" / "bin" / "html-validate.mjs"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
OFF = (
    "long-title",  # a milestone is called what it is called
    "no-redundant-role",
    "void-style",
)
"""Rules of html-validate about style, or about names that are the author's."""
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}


class Opened:
    """A page of a browser, and whatever it complained of or asked for."""

    def __init__(self, browser: Any, path: Path, **options: Any) -> None:
        self.context = browser.new_context(**options)
        self.page = self.context.new_page()
        self.complaints: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda one: self.complaints.append(one.text))
        self.page.on("pageerror", lambda one: self.complaints.append(str(one)))
        self.page.on("request", lambda one: self.asked.append(one.url))
        self.page.goto(path.as_uri())

    def add_axe(self) -> None:
        """Or skip, where it is not there."""
        if not AXE.is_file():
            pytest.skip("axe-core is not there: make browser")
        self.page.evaluate(AXE.read_text("utf-8"))

    def violations(self) -> list[tuple[str, list[str]]]:
        """What axe finds on the page as it is now."""
        found = self.page.evaluate("async () => (await axe.run()).violations")
        return [(one["id"], [node["html"] for node in one["nodes"][:3]]) for one in found]


def what_html_validate_says(page: Path, folder: Path) -> list[str]:
    """Its first lines; `folder` is for its configuration. Skips where it is not there."""
    if not HTML_VALIDATE.is_file() or shutil.which("node") is None:
        pytest.skip("html-validate is not there: make browser")
    config = folder / "config.json"
    rules = dict.fromkeys(OFF, "off")
    config.write_text(json.dumps({"extends": ["html-validate:recommended"], "rules": rules}))
    call = ["node", str(HTML_VALIDATE), "--config", str(config), "-f", "text", str(page)]
    done = subprocess.run(call, capture_output=True, text=True, check=False)
    return done.stdout.splitlines()[:10] or ([done.stderr] if done.returncode else [])
