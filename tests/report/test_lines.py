"""Laws of lines: those that a page names hold the very value, and none is named that may not."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence import layout
from evidence.encoding import jsonio
from evidence.render.lines import MAX_BYTES, NO_LINES, Lines, _Written
from evidence.render.places import places_of
from evidence.render.render import render_pack
from evidence.verification.verification import load_sealed
from tests.fields.packs import PACKS
from tests.packs.case import GOLDEN
from tests.shared import made_once

SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4)
DOCUMENTS = st.dictionaries(
    st.text(max_size=4),
    st.recursive(
        SCALARS,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@pytest.fixture
def staged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "fields-staged", PACKS["staged"])


def parts(value: Any, pointer: str = "") -> Iterator[tuple[str, Any]]:
    """Every part of a document by its pointer, the document itself left out."""
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for name, item in pairs:
        place = f"{pointer}/{str(name).replace('~', '~0').replace('/', '~1')}"
        yield place, item
        if isinstance(item, dict | list):
            yield from parts(item, place)


def on(data: bytes, lines: tuple[int, int], pointer: str) -> Any:
    """The value that stands on these lines, without the key before it."""
    first, last = lines
    text = b"\n".join(data.split(b"\n")[first - 1 : last]).decode("utf-8").strip().rstrip(",")
    try:
        return json.loads(text)
    except ValueError:
        ((key, value),) = json.loads(f"{{{text}}}").items()
        assert pointer.endswith(key.replace("~", "~0").replace("/", "~1"))
        return value


@given(DOCUMENTS)
def test_the_lines_of_a_pointer_hold_its_value_and_nothing_else(document: Any) -> None:
    data, written = jsonio.dump_document(document), _Written(document)
    for pointer, value in parts(document):
        assert on(data, written.lines(pointer), pointer) == value


@given(DOCUMENTS)
def test_a_pointer_to_nothing_has_no_lines(document: Any) -> None:
    assert _Written(document).lines("/not there at all") == NO_LINES


def values_of(pack: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads((pack / layout.RESULTS).read_bytes())["values"]
    return found


def test_values_of_a_run_have_exact_lines_in_its_documents(staged: Path) -> None:
    lines = Lines(load_sealed(staged).documents)
    asked, milestones = 0, 0
    for record in values_of(staged).values():
        for place in places_of(record["address"]):
            if place.first or not place.pointer or record["value"] is None:
                continue
            found = lines.of(place.path, place.pointer)
            if place.path == layout.MILESTONE:
                if found != NO_LINES:
                    text = (staged / place.path).read_text("utf-8").splitlines()
                    named = [one for one in place.pointer.split("/") if not one.isdigit()]
                    assert named[-1] in text[found[0] - 1]
                    milestones += 1
                continue
            assert found != NO_LINES, place
            data = (staged / place.path).read_bytes()
            document = json.loads(data)
            assert on(data, found, place.pointer) == dict(parts(document))[place.pointer]
            asked += 1
    assert asked > 50
    assert milestones > 5


def test_a_document_that_is_not_as_it_would_be_written_today_has_no_lines() -> None:
    """Its bytes are not kept, and what was read from it is written in another way."""
    pack = GOLDEN / "v1/complete/M90"
    lines = Lines(load_sealed(pack).documents)
    assert lines.of(layout.INPUTS, "/data/train/num_rows") == NO_LINES
    assert lines.of(layout.HARDWARE, "/cpu/model") != NO_LINES


def test_a_document_of_other_bytes_and_one_that_is_large_have_no_lines(staged: Path) -> None:
    documents = load_sealed(staged).documents
    pointer = "/cpu/model"
    assert Lines(documents).of(layout.HARDWARE, pointer) != NO_LINES
    other = replace(documents, digests={**documents.digests, layout.HARDWARE: "0" * 64})
    assert Lines(other).of(layout.HARDWARE, pointer) == NO_LINES
    large = replace(documents, sizes={**documents.sizes, layout.HARDWARE: MAX_BYTES + 1})
    assert Lines(large).of(layout.HARDWARE, pointer) == NO_LINES
    assert Lines(documents).of("none.json", pointer) == NO_LINES


def test_the_report_names_them_and_says_that_the_checks_are_not_on_it(staged: Path) -> None:
    sealed = load_sealed(staged)
    page = render_pack(sealed.documents, sealed.root_sha256, {})[layout.REPORT].decode("utf-8")
    first, last = Lines(sealed.documents).of(layout.HARDWARE, "/memory_bytes")
    assert first == last
    assert f"hardware.json</a>, line {first}, <code>/memory_bytes</code>" in page
    assert "its checks are not on this page" in page
    assert f"<code>evidence verify runs/{sealed.path.name}</code>" in page
