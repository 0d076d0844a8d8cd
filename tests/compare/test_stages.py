"""Packs with stages side by side: what one alone has is one line, and is held against nothing."""

from __future__ import annotations

from collections.abc import Callable

from evidence.compare.compare import compare_packs
from evidence.compare.page import comparison_markdown
from evidence.records.comparison import ComparisonRecord
from evidence.verification.verification import VerifiedPack

Packs = Callable[[str], VerifiedPack]


def compared(packs: Packs, *names: str) -> ComparisonRecord:
    return compare_packs([packs(name) for name in names])


def keys(comparison: ComparisonRecord) -> dict[str, tuple[object, ...]]:
    return {row.key: row.values for row in comparison.configuration}


def test_a_stage_that_one_pack_alone_has_is_one_line(packs: Packs) -> None:
    assert keys(compared(packs, "one-stage", "one-more-stage")) == {
        "stage.D": (None, "train (init base)")
    }
    apart = keys(compared(packs, "one-stage", "another-stage"))
    assert {key: apart[key] for key in apart if key.startswith("stage")} == {
        "stage.A": ("train (init base)", None),
        "stage.B": (None, "train (init base)"),
        "stage.C": (None, "train (init base)"),
    }


def test_a_stage_of_both_is_held_setting_by_setting(packs: Packs) -> None:
    found = compared(packs, "one-stage", "one-more-stage")
    assert [pair.stage for pair in found.pairs] == ["A"]
    assert {one.outcome for one in found.pairs[0].conditions} >= {"same"}
    assert "train.epochs" in {one.name for one in found.pairs[0].conditions}


def test_packs_without_a_common_stage_say_so_once(packs: Packs) -> None:
    found = compared(packs, "one-stage", "another-stage")
    (pair,) = found.pairs
    assert all(one.outcome != "not-checked" for one in pair.conditions)
    assert [one.kind for one in pair.reasons] == ["unknown"]
    page = comparison_markdown(found, "")
    assert page.count("no stage of one name and kind in common") == 1
    assert "has no \\[train\\]" not in page


def test_an_evaluation_is_held_setting_by_setting_in_each_of_its_sets(packs: Packs) -> None:
    found = compared(packs, "two-sets", "two-shorter-sets")
    asked = {f"stage.check_{name}.eval.limit": (5, 3) for name in ("eval", "again")}
    assert keys(found) == asked
    pairs = {pair.stage: pair for pair in found.pairs}
    assert sorted(pairs) == ["A", "check_again", "check_eval"]
    for name in ("check_again", "check_eval"):
        conditions = {one.name: one for one in pairs[name].conditions}
        assert conditions["eval.limit"].values == (5, 3)
        assert conditions["start-weights"].title == "weights evaluated"
        assert not [one for one in conditions if one.startswith(("train.", "rows", "rates"))]
        (reason,) = pairs[name].reasons
        assert reason.explanation == "evaluated differently: limit of the evaluation 5 → 3"
    assert not [one for one in pairs["A"].conditions if one.name.startswith("eval.")]
    page = comparison_markdown(found, "")
    assert "| limit of the evaluation | 5 | 3 | **differs** |" in page
    assert "no optimizer step in common" not in page
