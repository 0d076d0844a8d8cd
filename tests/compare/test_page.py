"""Laws of the page and the picture of two packs: nothing is left out, and all of it can be seen."""

from __future__ import annotations

import copy
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from evidence.cli.compare import command
from evidence.compare.compare import compare_packs
from evidence.compare.differences_panel import panel
from evidence.compare.drawing import COLOURS, draw
from evidence.compare.page import comparison_markdown
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.pack.documents import Documents
from evidence.records.comparison import ComparisonRecord
from evidence.render.plot import MAX_POINTS, Axis
from evidence.stages.train import STEPS
from evidence.verification.verification import VerifiedPack
from tests.compare import forged
from tests.compare.conftest import packs
from tests.documents import replaced

__all__ = ["packs"]

Packs = Callable[[str], VerifiedPack]
Compare = Callable[..., tuple[ComparisonRecord, list[Documents]]]
X = Axis(0.0, 10.0, 64.0, 730.0, ())


@pytest.fixture
def compare(packs: Packs, monkeypatch: pytest.MonkeyPatch) -> Compare:
    """The comparison of a whole pack and of a changed copy of it."""

    def compare(
        *changes: forged.Change, tolerance: float | None = None
    ) -> tuple[ComparisonRecord, list[Documents]]:
        first = forged.whole(packs("as-it-is").documents)
        second = forged.with_losses(lambda _: 0.0)(first)
        for change in changes:
            second = change(second)
        both = [copy.copy(packs("as-it-is")) for _ in range(2)]
        for one, documents in zip(both, (first, second), strict=True):
            object.__setattr__(one, "documents", documents)
        return compare_packs(both, tolerance), [first, second]

    return compare


def crossed(documents: Documents) -> Documents:
    found = forged.exchanged(forged.tensors(), ("rms_end", "rms_moved"))
    return forged.with_tensors(documents, found, end="f" * 64)


def test_a_comparison_of_two_frameworks_satisfies_its_schema(compare: Compare) -> None:
    found, _ = compare(
        forged.within(forged.JAX), forged.with_losses(forged.as_rounding), crossed,
        lambda one: forged.with_logits(one, shift=0.1),
    )  # fmt: skip
    (pair,) = found.pairs
    assert pair.reasons
    value = jsonio.load_document(jsonio.dump_document(encode(found)))
    assert schema.validate("comparison.v1", value) == ()


def test_the_sections_stand_in_order(compare: Compare) -> None:
    found, _ = compare(forged.within(forged.JAX), crossed)
    page = comparison_markdown(found, "comparison.svg")
    titles = [
        "## Set-up: ", "## What was configured", "## What differs between", "## Results",
        "](comparison.svg)", "### Steps", "### Logits of the final model", "### Weights by tensor",
        "### Why they differ",
    ]  # fmt: skip
    places = [page.index(title) for title in titles]
    assert places == sorted(places)
    assert "**mapping**" in page
    assert "`JAX 0.10.2, Tunix 0.1.7` | **differs**" in page


def test_none_past_the_tolerance_is_said_as_such(compare: Compare) -> None:
    found, _ = compare(forged.with_losses(forged.as_rounding))
    page = comparison_markdown(found, "")
    assert "no step is past the tolerance of 0.001" in page
    found, _ = compare(forged.within(forged.JAX), forged.with_losses(forged.as_rounding))
    page = comparison_markdown(found, "")
    assert "no step is past the tolerance of 1e-5 at step 1 and 0.005 later" in page


def test_the_first_step_past_a_stated_tolerance_is_named(compare: Compare) -> None:
    changes = (forged.with_losses(lambda step: 1e-4 if step >= 6 else 0.0),)
    found, _ = compare(*changes, tolerance=5e-5)
    (pair,) = found.pairs
    assert (pair.trajectory.first_step_beyond, pair.trajectory.tolerance) == (6, 5e-5)
    assert "the first step past the tolerance of 5e-5 (relative) is step 6" in (
        comparison_markdown(found, "")
    )
    found, _ = compare(*changes)
    assert found.pairs[0].trajectory.first_step_beyond is None


def test_step_one_has_a_tolerance_of_its_own_across_frameworks(compare: Compare) -> None:
    found, _ = compare(forged.within(forged.JAX), forged.with_losses(lambda step: 2e-5))
    assert found.pairs[0].trajectory.first_step_beyond == 1
    found, _ = compare(
        forged.within(forged.JAX), forged.with_losses(lambda step: 2e-5 if step > 1 else 5e-6)
    )
    assert found.pairs[0].trajectory.first_step_beyond is None


def test_every_step_is_in_the_json(compare: Compare) -> None:
    found, documents = compare(forged.with_losses(forged.as_rounding))
    assert [one.step for one in found.pairs[0].steps] == [
        row.step for row in documents[0].rows(STEPS)
    ]


def test_what_a_pack_lacks_is_not_checked_on_the_page(packs: Packs) -> None:
    page = comparison_markdown(compare_packs([packs("as-it-is"), packs("seed")]), "")
    assert page.count("*Not checked*: the first pack has no ") == 2
    assert "*not checked*" in page


def test_two_runs_of_the_same_rows_are_drawn_step_by_step_with_a_panel(compare: Compare) -> None:
    found, documents = compare(forged.within(forged.JAX), forged.with_losses(forged.as_rounding))
    picture = draw([("a", documents[0]), ("<b>", documents[1])], found.pairs)
    assert picture is not None
    text = picture.decode()
    assert text.count("(every step)") == 2
    assert "How far apart: relative difference of each step&#39;s loss to a" in text or (
        "How far apart: relative difference of each step's loss to a" in text
    )
    assert "tolerance 0.005" in text
    assert "at step 1: 1e-5" in text
    ElementTree.fromstring(picture)  # noqa: S314 - our own bytes
    assert picture == draw([("a", documents[0]), ("<b>", documents[1])], found.pairs)


def test_runs_of_other_rows_are_drawn_by_their_means(packs: Packs) -> None:
    both = [packs("as-it-is"), packs("seed")]
    picture = draw([(str(i), one.documents) for i, one in enumerate(both)],
                   compare_packs(both).pairs)  # fmt: skip
    assert picture is not None
    assert picture.decode().count("(mean of 4 steps)") == 2


def test_equal_losses_stand_on_a_line_of_their_own_below_the_scale(compare: Compare) -> None:
    found, _ = compare(forged.with_losses(lambda step: 1e-5 if step == 4 else 0.0))
    drawn = panel(found.pairs, X, 400, COLOURS)
    assert drawn is not None
    heights = [float(y) for _, y in drawn["lines"][0]["knots"]]
    bottom = float(drawn["bottom"])
    assert [height == bottom for height in heights] == [place != 3 for place in range(10)]
    lowest_power = max(float(y) for y, _ in drawn["y_ticks"])
    assert heights[3] <= lowest_power < bottom


def test_of_a_long_run_the_farthest_of_each_stretch_is_drawn(compare: Compare) -> None:
    found, _ = compare(forged.with_losses(forged.as_rounding))
    (pair,) = found.pairs
    row = pair.steps[0]
    steps = tuple(
        replace(row, step=number, loss_difference=0.5 if number == 777 else 1e-6)
        for number in range(1, 4001)
    )
    drawn = panel([replace(pair, steps=steps)], replace(X, high=4000.0), 400, COLOURS)
    assert drawn is not None
    assert drawn["lines"][0]["path"].count("L") < MAX_POINTS
    assert min(float(part.split()[1]) for part in drawn["lines"][0]["path"][1:].split(" L")) < 420


def test_without_a_common_step_there_is_no_panel(compare: Compare) -> None:
    found, documents = compare(lambda one: replaced(one, steps=()))
    assert panel(found.pairs, X, 400, COLOURS) is None
    assert draw([("a", documents[0]), ("b", documents[0])], found.pairs) is not None


@pytest.mark.parametrize(("given", "code"), [("0.5", 0), ("0", 0), ("-1", 2), ("2", 2)])
def test_the_command_takes_a_share_as_tolerance(given: str, code: int, packs: Packs) -> None:
    paths = [str(packs(name).path) for name in ("as-it-is", "rate")]
    result = CliRunner().invoke(command, [*paths, "--json", "--tolerance", given])
    assert result.exit_code == code
    if code == 0:
        value = jsonio.load_document(result.stdout_bytes)
        assert value["pairs"][0]["trajectory"]["tolerance"] == float(given)
