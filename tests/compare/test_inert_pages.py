"""The gate's law for pages about several packs: comparisons, and the index of runs/.

Each text in what such a page is made of is another one, place after place; whatever it says, the
page has the tags, links and images that it has with a plain word there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from typing import Any

import pytest
from msgspec.structs import replace
from render.nasty import NASTY
from render.test_inert_everywhere import addresses, but_for_code

from evidence.compare.page import comparison_markdown
from evidence.encoding.codec import decode, encode
from evidence.records.comparison import ComparisonRecord
from evidence.records.reproduction import ReproductionRecord
from evidence.records.run import ManifestRecord, ResultsRecord
from evidence.render.index import IndexEntry, index_page
from evidence.text.escape import acts_at
from tests.compare.test_compare import Packs, compared

FIXED = ("schema", "status", "level", "relation", "verdict", "outcome", "op", "rule", "tool",
         "kind", "measure")  # fmt: skip
"""Of few words each: a record takes no other."""
Parts = tuple[str | int, ...]


def texts(value: Any, parts: Parts = ()) -> Iterator[Parts]:
    """Every text in a JSON value that may be another one; keys of free tables are named too."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key not in FIXED:
                yield from texts(inner, (*parts, key))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:2]):
            yield from texts(inner, (*parts, place))
    elif isinstance(value, str):
        yield parts


def put(value: Any, parts: Parts, text: str) -> Any:
    made = deepcopy(value)
    inner = made
    for part in parts[:-1]:
        inner = inner[part]
    inner[parts[-1]] = text
    return made


def brings_nothing(page: Callable[[str], str], place: object) -> None:
    plain = page("word")
    tags, led = but_for_code(plain), addresses(plain)
    for text in NASTY:
        found = page(text)
        assert but_for_code(found) == tags, (place, text)
        assert addresses(found) == led, (place, text)
        assert acts_at(found) is None, (place, text)


def with_all(pair: Any) -> None:
    """Everything that a pair can have of a pack's words."""
    pair["logits"] = {
        "prompts": [{"id": "i", "prompt": "p", "num_compared": 1, "largest_difference": 1.0,
                     "spread": 2.0, "relative_difference": 0.5, "first_tokens": [1, 2]}],
        "num_only_in_one": 1,
    }  # fmt: skip
    pair["weights"] = {
        "same_start": True, "same_end": False, "only_in_one": ["t"], "exchanged": [],
        "tensors": [{"name": "t", "rms_start": [1, 1], "rms_end": [1, 2], "rms_moved": [1, 2],
                     "start_difference": 0, "end_difference": 0.5, "moved_difference": 0.5}],
    }  # fmt: skip
    pair["reasons"] = [{"kind": "unknown", "explanation": "e", "facts": ["f"]}]


def test_no_text_brings_anything_into_a_comparison(packs: Packs) -> None:
    known = encode(compared(packs, "as-it-is", "hostile"))
    known["pairs"][0]["predictions"]["changed"] = [
        {"id": "q", "prompt": "p", "before": "b", "after": "a",
         "scores_before": {"exact": True}, "scores_after": {"exact": False}}
    ]  # fmt: skip
    with_all(known["pairs"][0])
    places = {tuple("*" if isinstance(p, int) else p for p in one): one for one in texts(known)}
    assert len(places) >= 30
    for place, parts in places.items():

        def page(text: str, parts: Parts = parts) -> str:
            return comparison_markdown(decode(ComparisonRecord, put(known, parts, text)), "")

        brings_nothing(page, place)


def test_no_name_of_a_score_brings_anything_into_a_comparison(packs: Packs) -> None:
    known = encode(compared(packs, "as-it-is", "hostile"))

    def page(text: str) -> str:
        row = {"id": "q", "prompt": "p", "before": "b", "after": "a",
               "scores_before": {text: True}, "scores_after": {text: False}}  # fmt: skip
        made = deepcopy(known)
        made["pairs"][0]["predictions"]["changed"] = [row]
        return comparison_markdown(decode(ComparisonRecord, made), "")

    brings_nothing(page, "scores")


REPRODUCED = {
    "schema": "reproduction.v1",
    "original": {"milestone": "T1", "root_sha256": "a" * 64, "outcome_sha256": "b" * 64},
    "reproduction": {"milestone": "T1", "root_sha256": "c" * 64, "outcome_sha256": "b" * 64},
    "finished_utc": "2026-01-01T00:00:00.000000Z",
    "machine": "m",
    "verdict": "different",
    "tiers": [],
    "seeds": [],
    "seed_tests": [],
    "causes": [],
    "differences": [],
}


@pytest.fixture
def entry(packs: Packs) -> IndexEntry:
    documents = packs("as-it-is").documents
    assert documents.manifest is not None
    assert documents.results is not None
    return IndexEntry(
        name="T1",
        verdict="INTACT",
        manifest=documents.manifest,
        results=documents.results,
        reproductions=(decode(ReproductionRecord, REPRODUCED),),
        root_sha256="a" * 64,
    )


def indexed(*entries: IndexEntry) -> str:
    return index_page(entries).decode("utf-8")


def test_no_name_of_a_pack_brings_anything_into_the_index(entry: IndexEntry) -> None:
    """A name that no pack can have is no link."""

    def page(text: str) -> str:
        return indexed(replace(entry, name=text if text != "word" else "no name of a pack"))

    brings_nothing(page, "name")
    broken = IndexEntry(name="T0", verdict="NOT INTACT", problem="word")
    brings_nothing(lambda text: indexed(entry, replace(broken, name=text)), "broken name")


@pytest.mark.parametrize("field", ["manifest", "results", "reproductions"])
def test_no_text_of_a_pack_brings_anything_into_the_index(field: str, entry: IndexEntry) -> None:
    kinds: dict[str, Any] = {"manifest": ManifestRecord, "results": ResultsRecord}
    known = REPRODUCED if field == "reproductions" else encode(getattr(entry, field))
    if field == "results":  # what the page shows of it
        known["values"] = {
            name: one
            for name, one in known["values"].items()
            if name in ("model.id", "run.date", "run.started_utc") or name.endswith(".rate")
        }
    for parts in texts(known):
        if parts[-1] == "milestone" and field == "manifest":
            continue  # a part of the address of a summary, which is none then

        def page(text: str, parts: Parts = parts) -> str:
            made = put(known, parts, text)
            if field == "reproductions":
                record = decode(ReproductionRecord, made)
                return indexed(replace(entry, reproductions=(record,)))
            return indexed(replace(entry, **{field: decode(kinds[field], made)}))

        brings_nothing(page, (field, parts))


def test_a_milestone_that_is_no_name_makes_no_address(entry: IndexEntry) -> None:
    assert entry.manifest is not None
    for text in NASTY:
        page = indexed(replace(entry, manifest=replace(entry.manifest, milestone=text)))
        assert addresses(page) in ([], [(f"T1/{text.lower()}_summary.md", "T1")]), text
