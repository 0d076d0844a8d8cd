"""What docs/ promises as a whole: links lead somewhere, decisions are short, citations exist."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.docs.pages import DOCS, PAGES, ROOT, anchors

DECISIONS: Final = sorted(DOCS.glob("decisions/[0-9]*.md"))
MAX_DECISION_LINES: Final = 40
CODE: Final = sorted((ROOT / "evidence").rglob("*.py"))
CITED: Final = re.compile(r"\bdocs/[\w/.-]+\.md(?:#[\w-]+)?")
WITH_LINKS: Final = [*PAGES, ROOT / "README.md", ROOT / "CONTRIBUTING.md"]


def leads_somewhere(folder: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    path = folder / name if name else folder
    return path.exists() and (not anchor or anchor in anchors(path.read_text("utf-8")))


@pytest.mark.parametrize("path", WITH_LINKS, ids=lambda path: path.name)
def test_every_link_leads_somewhere(path: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", path.read_text("utf-8"))
    here = [f"{path.name}{link}" if link.startswith("#") else link for link in links]
    assert [link for link in here if not leads_somewhere(path.parent, link)] == []


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_context_decision_and_consequences_in_few_lines(path: Path) -> None:
    text = path.read_text("utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert len(text.splitlines()) <= MAX_DECISION_LINES
    assert text.startswith(f"# {path.name[:4]}. ")


def test_the_list_of_decisions_has_each_by_its_number_and_title() -> None:
    listed = re.findall(r"^- \[(\d{4})\]\((.+)\) (.+)$", (DOCS / "decisions/README.md").read_text(
        "utf-8"), re.MULTILINE)  # fmt: skip
    titles = [path.read_text("utf-8").splitlines()[0] for path in DECISIONS]
    assert [f"# {number}. {title}" for number, _, title in listed] == titles
    assert [name for _, name, _ in listed] == [path.name for path in DECISIONS]
    assert [int(number) for number, _, _ in listed] == list(range(1, len(DECISIONS) + 1))


def test_what_docstrings_cite_exists() -> None:
    cited = {(path, one) for path in CODE for one in CITED.findall(path.read_text("utf-8"))}
    assert cited
    assert [(path.name, one) for path, one in cited if not leads_somewhere(ROOT, one)] == []


def test_no_docstring_cites_a_document_that_is_not_here() -> None:
    elsewhere = re.compile(r"(?<![\w/])(?:design|rules|formats|threats)\.md|\bdesign:")
    assert [path.name for path in CODE if elsewhere.search(path.read_text("utf-8"))] == []


def test_pages_name_modules_that_exist() -> None:
    for page in PAGES:
        for path in re.findall(r"`(evidence/[\w/]+(?:\.py|/)?)`", page.read_text("utf-8")):
            assert (ROOT / path).exists(), f"{page.name}: {path}"
