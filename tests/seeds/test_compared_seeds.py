"""Laws of comparing packs that differ in their seed: packs of the stub backend, really run."""

from __future__ import annotations

import statistics
from collections.abc import Callable

import pytest

from evidence.compare.compare import compare_packs
from evidence.compare.page import comparison_markdown
from evidence.encoding import schema
from evidence.encoding.codec import encode
from evidence.records.comparison import ComparisonRecord
from evidence.records.evaluation import SpreadRecord
from evidence.verification.verification import VerifiedPack
from tests.compare.conftest import packs

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]


def compared(packs: Packs, *names: str) -> ComparisonRecord:
    return compare_packs([packs(name) for name in names])


def test_packs_that_differ_in_the_seed_alone_have_a_mean_and_a_spread(packs: Packs) -> None:
    found = compared(packs, "as-it-is", "seed")
    assert found.seeds is not None
    assert (found.seeds.packs, found.seeds.seeds, found.seeds.left_out) == ((0, 1), (7, 8), ())
    told = {one.name: one.spread for one in found.seeds.measures}
    for row in found.measures:
        if row.name in told:
            numbers = [one.value for one in row.values if one.value is not None]
            spread = told[row.name]
            assert isinstance(spread, SpreadRecord)
            assert spread.num_runs == len(numbers) == 2
            assert spread.mean == pytest.approx(statistics.fmean(numbers), rel=1e-12)
            assert spread.sample_sd == pytest.approx(statistics.stdev(numbers), rel=1e-12)
    assert {"train.loss_end", "eval.exact.rate"} <= told.keys()
    assert schema.validate("comparison.v1", encode(found)) == ()


def test_packs_that_differ_in_more_are_left_out_by_name_and_it_is_said_in_what(
    packs: Packs,
) -> None:
    found = compared(packs, "as-it-is", "rate", "seed", "rows")
    assert found.seeds is not None
    assert found.seeds.packs == (0, 2)
    why = {one.pack: one.why for one in found.seeds.left_out}
    assert why[1] == "it also differs in train.learning_rate"
    assert why[3].startswith("it also differs in content.data.")
    page = comparison_markdown(found, "")
    section = page.partition("## Seeds")[2].partition("\n## ")[0]
    for place, pack in enumerate(found.packs):
        assert pack.label.partition(" ")[0] in section, place
    assert "it also differs in train.learning_rate" in section
    assert "of 2 runs, sample standard deviation (n − 1)" in section


def test_a_seed_counts_once(packs: Packs) -> None:
    found = compared(packs, "as-it-is", "default-spelled-out", "seed")
    assert found.seeds is not None
    assert found.seeds.packs == (0, 2)
    assert found.seeds.left_out[0].why == f"it has the seed of {found.packs[0].label}, 7"


@pytest.mark.parametrize("other", ["rate", "default-spelled-out"])
def test_packs_that_do_not_differ_in_the_seed_alone_have_no_such_section(
    other: str, packs: Packs
) -> None:
    found = compared(packs, "as-it-is", other)
    assert found.seeds is None
    assert "## Seeds" not in comparison_markdown(found, "")
