"""Laws of a pack beside one that failed: what was not measured differs from nothing."""

from __future__ import annotations

from pathlib import Path

from tests.command import evidence

GOLDEN = Path(__file__).parents[1] / "packs/golden/v1"


def test_what_a_failed_pack_did_not_measure_is_no_difference() -> None:
    for names in (("complete", "failed"), ("failed", "complete")):
        ended = evidence("compare", *(str(GOLDEN / one / "M90") for one in names))
        assert ended.exit in (0, 1), ended.err
        assert "framework." not in ended.out
        assert "content.model" not in ended.out
        assert "Prompts lost" not in ended.out
        assert "Prompts gained" not in ended.out
        which = "other" if names[1] == "failed" else "first"
        assert f"no attempt of the {which} pack completed" in ended.out
