"""Laws of docs/fields.toml: every field of a pack has a line, and another value ends as it says."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

import pytest

from evidence import layout
from evidence.verification import rendered
from evidence.verification.consistency.every_check import every_check
from evidence.verification.imported.checks import CHECKS
from evidence.verification.origin import clone, clone_facts, clone_inputs, clone_models, clone_rows
from evidence.verification.reading import sealed
from tests.fields import files
from tests.fields.packs import PACKS
from tests.fields.schemas import DOCUMENTS, REASON, every_field
from tests.fields.table import TABLE, TOPICS, Trial, chosen, read_table, trials
from tests.shared import made_once

LINES, SENTENCES = read_table()
LIMITS: Final = Path(__file__).parents[2] / "docs/limits.md"
MOST: Final = 3
"""Places of one field that are tried in one pack."""
EVERY: Final = 41
"""In the quick tier, one of so many places."""
WAYS: Final = {"found", "warned", "repo", "declared", "untried"}


@pytest.fixture
def pack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, f"fields-{request.param}", PACKS[request.param])
    return made


def judged(found: list[Trial]) -> list[str]:
    """Places that ended otherwise than their line says."""
    astray = []
    for one in found:
        line = LINES.get(one.place.document, {}).get(one.place.field, {})
        if one.way == "declared" and not one.cloned and "repo" in line:
            continue  # nobody gave a clone that tells
        named = set(line.get(one.way, ())) if one.way in ("found", "repo") else set(one.checks)
        if one.way not in line or not named >= set(one.checks):
            astray.append(f"{one.place} ({one.place.field}): {one.way} {one.checks}, not {line}")
    return astray


@pytest.mark.parametrize("pack", PACKS, indirect=True)
def test_another_value_at_some_places_ends_as_the_table_says(pack: Path, tmp_path: Path) -> None:
    every = chosen(pack, tmp_path / "read", MOST)
    assert judged(list(trials(pack, tmp_path / "tried", every[::EVERY]))) == []


@pytest.mark.full
@pytest.mark.parametrize("pack", PACKS, indirect=True)
def test_another_value_at_every_field_ends_as_the_table_says(pack: Path, tmp_path: Path) -> None:
    every = chosen(pack, tmp_path / "read", MOST)
    assert judged(list(trials(pack, tmp_path / "tried", every))) == []


@pytest.mark.parametrize("pack", PACKS, indirect=True)
def test_every_file_that_is_no_document_has_a_line_and_ends_as_it_says(
    pack: Path, tmp_path: Path
) -> None:
    for path, way, checks in files.every_trial(pack, tmp_path):
        (pattern,) = files.line_of(path)
        line = files.LINES[pattern]
        assert way in line, (path, way, checks)
        assert way == "declared" or set(line[way]) >= checks, (path, way, checks)


def test_lines_of_files_say_one_thing_at_least_in_known_words() -> None:
    assert {*files.LINES} >= {layout.NOTES, layout.PATCH, layout.GPU_SNAPSHOT}
    for pattern, line in files.LINES.items():
        assert line.keys() <= WAYS, pattern
        assert line, pattern
        assert line.get("declared", min(SENTENCES)) in SENTENCES, pattern


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_field_has_a_line_and_every_line_a_field(document: str) -> None:
    written = {field for field in LINES[document] if not field.endswith(f"/{REASON}")}
    known = set(every_field(document))
    assert known - LINES[document].keys() == set()
    assert written <= known
    assert LINES.keys() == DOCUMENTS.keys()


def test_every_line_says_one_thing_at_least_in_known_words() -> None:
    checks = {one.rule.id for one in every_check()} | {one.id for one in sealed.RULES}
    checks |= {one.rule.id for one in CHECKS}
    checks |= {one.id for one in (clone.COMMIT, clone.PATCH)}
    checks |= {one.id for one in (clone_inputs.MILESTONE, clone_inputs.DATA, clone_facts.FACTS)}
    checks |= {clone_models.MODEL.id}
    checks |= {one.id for one in (clone_rows.EVALUATION, clone_rows.ROWS, clone_rows.REFS)}
    checks |= {"ruleset", *(one.id for one in rendered.RULES)}
    for document, fields in LINES.items():
        for field, line in fields.items():
            place = f"{document}#/{field}"
            assert line != {}, place
            assert line.keys() <= WAYS, place
            assert {*line.get("found", ()), *line.get("repo", ())} <= checks, place
            assert line.get("untried", "said") not in ("", "?"), place
            assert line.get("declared", min(SENTENCES)) in SENTENCES, place
            assert "untried" not in line or len(line) == 1, place


def test_every_sentence_is_about_some_field_and_stands_in_the_page_of_limits() -> None:
    used = defaultdict(list)
    for document, fields in LINES.items():
        for field, line in fields.items():
            used[line.get("declared")].append(f"{document}#/{field}")
    assert SENTENCES.keys() - used.keys() == set()
    text = LIMITS.read_text("utf-8")
    after = text.partition("- **What only a signature")[2].partition("\n- ")[0]
    listed = [one.removeprefix("  - ") for one in after.splitlines() if one.startswith("  - ")]
    assert listed == list(SENTENCES.values())
    assert TOPICS in TABLE.read_text("utf-8")
