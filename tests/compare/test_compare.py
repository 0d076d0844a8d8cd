"""Laws of comparing: setup before results, like with like, and nothing of a pack acts."""

from __future__ import annotations

import shutil
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from evidence.cli.compare import command
from evidence.compare.compare import compare_packs
from evidence.compare.drawing import draw
from evidence.compare.page import comparison_markdown
from evidence.compare.predictions import compare_predictions
from evidence.encoding import jsonio, schema
from evidence.encoding.codec import encode
from evidence.errors import PackBrokenError, UsageError
from evidence.records.comparison import ComparisonRecord
from evidence.records.run import PredictionRow
from evidence.results.side_by_side import trajectory
from evidence.stages.eval import PREDICTIONS
from evidence.stages.train import STEPS
from evidence.verification.verification import VerifiedPack, open_verified
from tests.documents import replaced
from tests.project import Project

Packs = Callable[[str], VerifiedPack]


def compared(packs: Packs, *names: str) -> ComparisonRecord:
    return compare_packs([packs(name) for name in names])


def keys(comparison: ComparisonRecord) -> dict[str, tuple[object, ...]]:
    return {row.key: row.values for row in comparison.configuration}


def test_only_what_differs_is_listed_with_the_values_of_both(packs: Packs) -> None:
    assert keys(compared(packs, "as-it-is", "seed")) == {"train.seed": (7, 8)}
    assert keys(compared(packs, "as-it-is", "rate")) == {"train.learning_rate": (0.01, 0.02)}
    assert keys(compared(packs, "as-it-is", "threads")) == {"attempt.threads": (None, 2)}


def test_a_default_that_is_written_down_is_no_difference(packs: Packs) -> None:
    assert keys(compared(packs, "as-it-is", "default-spelled-out")) == {}


def test_other_data_bytes_are_a_difference_though_the_path_is_the_same(packs: Packs) -> None:
    assert list(keys(compared(packs, "as-it-is", "rows"))) == ["content.data.train.sha256"]


def test_a_pack_compared_with_itself_has_no_difference(packs: Packs) -> None:
    comparison = compared(packs, "as-it-is", "as-it-is")
    assert (comparison.configuration, comparison.environment) == ((), ())
    (pair,) = comparison.pairs
    assert pair.trajectory.first_loss_step is None
    assert pair.trajectory.largest_difference == 0
    found = pair.predictions
    assert (found.changed, found.gained, found.lost) == ((), (), ())
    assert len({pack.label for pack in comparison.packs}) == 2


def test_setup_stands_before_environment_and_both_before_results(packs: Packs) -> None:
    page = comparison_markdown(compared(packs, "as-it-is", "seed"), "")
    places = [page.index(f"## {title}") for title in ("What was conf", "What differs", "Results")]
    assert places == sorted(places)


def test_mean_and_end_are_rows_of_their_own(packs: Packs) -> None:
    comparison = compared(packs, "as-it-is", "seed")
    rows = {row.name: row for row in comparison.measures}
    assert rows["train.loss_mean"].values != rows["train.loss_end"].values
    page = comparison_markdown(comparison, "")
    (mean,) = [line for line in page.splitlines() if line.startswith("| Mean train loss")]
    (end,) = [line for line in page.splitlines() if line.startswith("| Loss at end")]
    assert mean != end
    assert "end" not in mean.lower().replace("mean", "")


@pytest.mark.parametrize("first", ["as-it-is", "smoothed-more"])
def test_losses_of_other_functions_are_not_put_beside_each_other_unsaid(
    packs: Packs, first: str
) -> None:
    said = "their train losses are of different functions"
    assert said in comparison_markdown(compared(packs, first, "smoothed"), "")
    assert said not in comparison_markdown(compared(packs, "as-it-is", "rate"), "")


def test_every_score_stands_with_its_interval(packs: Packs) -> None:
    for row in compared(packs, "as-it-is", "seed").measures:
        if row.name.endswith(".rate"):
            for one in row.values:
                assert one.value is not None
                assert one.low is not None
                assert one.high is not None
                assert one.low <= one.value <= one.high


def test_another_order_of_rows_parts_by_stream_at_the_first_step(packs: Packs) -> None:
    (pair,) = compared(packs, "as-it-is", "seed").pairs
    assert pair.trajectory.first_stream_step == 1
    (pair,) = compared(packs, "as-it-is", "rate").pairs
    assert pair.trajectory.first_stream_step is None


def test_the_first_differing_step_is_found_by_loss_and_by_tolerance(packs: Packs) -> None:
    first = packs("as-it-is").documents.rows(STEPS)
    second = [
        replace(
            row, loss=row.loss * (1 + (1e-5 if row.step == 4 else 0.01 if row.step == 7 else 0))
        )
        for row in first
    ]
    path = trajectory(first, second)
    assert (path.first_stream_step, path.first_loss_step, path.first_step_beyond) == (None, 4, 7)
    assert path.largest_difference == pytest.approx(0.01)


def test_runs_of_unequal_length_are_compared_over_their_common_steps(packs: Packs) -> None:
    (pair,) = compared(packs, "as-it-is", "shorter").pairs
    assert pair.trajectory.num_steps == (10, 5)
    assert pair.trajectory.num_common_steps == 5


def test_prompts_gained_lost_and_changed_are_told_apart(packs: Packs) -> None:
    rows = packs("as-it-is").documents.rows(PREDICTIONS)
    changed = [replace(rows[0], output="other"), *rows[1:4]]
    found = compare_predictions(rows, changed)
    assert [row.id for row in found.changed] == [rows[0].id]
    assert [row.id for row in found.lost] == [rows[4].id]
    assert found.gained == ()
    assert [row.id for row in compare_predictions(changed, rows).gained] == [rows[4].id]


def test_scores_are_held_against_each_other_on_the_prompts_that_both_were_asked(
    packs: Packs,
) -> None:
    def scored(*marks: bool) -> list[PredictionRow]:
        rows = packs("as-it-is").documents.rows(PREDICTIONS)
        return [replace(row, scores={"exact": mark}) for row, mark in zip(rows, marks, strict=True)]

    before = scored(True, True, False, False, False)
    after = scored(False, True, True, True, True)[:4]  # the fifth, right now, was asked in one
    (row,) = compare_predictions(before, after).scores
    assert (row.name, row.num_right, row.num_came_right, row.num_went_wrong) == (
        "exact",
        (2, 3),
        2,
        1,
    )
    unscored = [replace(after[0], scores={}), *after[1:]]
    assert compare_predictions(before, unscored).scores == ()
    assert compare_predictions(before, []).scores == ()


def test_rates_over_other_questions_are_called_so(packs: Packs) -> None:
    fewer = comparison_markdown(compared(packs, "as-it-is", "fewer-questions"), "")
    assert "not asked the same questions" in fewer
    assert "- On these, by " in fewer
    same = comparison_markdown(compared(packs, "as-it-is", "seed"), "")
    assert "not asked the same questions" not in same


def test_a_question_asked_twice_counts_twice(packs: Packs) -> None:
    rows = packs("as-it-is").documents.rows(PREDICTIONS)
    assert len(compare_predictions(rows, [*rows, rows[0]]).gained) == 1


def test_fewer_questions_are_prompts_lost(packs: Packs) -> None:
    (pair,) = compared(packs, "as-it-is", "fewer-questions").pairs
    assert [row.id for row in pair.predictions.lost] == ["q3", "q4"]


def test_the_json_form_satisfies_its_schema(packs: Packs) -> None:
    for name in ("as-it-is", "seed", "hostile", "shorter"):
        value = encode(compared(packs, "as-it-is", name))
        assert (
            schema.validate("comparison.v1", jsonio.load_document(jsonio.dump_document(value)))
            == ()
        )


def test_text_of_a_pack_cannot_act_in_the_page(packs: Packs) -> None:
    page = comparison_markdown(compared(packs, "as-it-is", "hostile"), "")
    assert "&lt;img" in page
    assert "<img" not in page
    assert "\x1b" not in page
    assert "![x](" not in page
    for line in page.splitlines():
        if line.startswith("| q"):
            assert line.count("|") == 3


def test_the_curves_are_one_well_formed_picture_and_always_the_same(packs: Packs) -> None:
    shown = [("a <b> & c", packs("as-it-is").documents), ("seed", packs("seed").documents)]
    picture = draw(shown)
    assert picture is not None
    assert picture == draw(shown)
    paths = ElementTree.fromstring(picture).iter("{http://www.w3.org/2000/svg}path")  # noqa: S314 - our own bytes
    assert len(list(paths)) == 4  # two curves, and a line of each in the legend


@pytest.mark.parametrize(
    ("num_steps", "expected_text"),
    [(600, "(every step: the run is"), (900, "(extremes of 3 steps: the run")],
)
def test_a_curve_without_means_says_which_steps_it_goes_through(
    num_steps: int, expected_text: str, packs: Packs
) -> None:
    documents = packs("as-it-is").documents
    assert documents.results is not None
    steps = tuple(
        replace(documents.rows(STEPS)[0], step=i, loss=float(i % 3)) for i in range(num_steps)
    )
    bare = replaced(documents, steps=steps, results=replace(documents.results, loss_table=()))
    picture = draw([("a", bare), ("b", bare)])
    assert picture is not None
    assert picture.decode().count(expected_text) == 2


def test_one_pack_alone_is_no_comparison(packs: Packs) -> None:
    with pytest.raises(UsageError, match="2 to"):
        compared(packs, "as-it-is")


def test_a_pack_that_does_not_verify_is_not_compared(packs: Packs, tmp_path: Path) -> None:
    copy = tmp_path / "T1"
    shutil.copytree(packs("as-it-is").path, copy)
    log = copy / "training_log.txt"
    log.write_bytes(log.read_bytes() + b"more\n")
    with pytest.raises(PackBrokenError, match="training_log"):
        open_verified(copy)
    result = CliRunner().invoke(command, [str(packs("as-it-is").path), str(copy)])
    assert isinstance(result.exception, PackBrokenError)
    assert result.output == ""


def test_the_command_prints_a_page_or_json_or_writes_both_files(
    packs: Packs, tmp_path: Path
) -> None:
    paths = [str(packs(name).path) for name in ("as-it-is", "seed")]
    page = CliRunner().invoke(command, paths)
    assert page.exit_code == 0
    assert page.output.startswith("# Comparison: ")
    value = jsonio.load_document(CliRunner().invoke(command, [*paths, "--json"]).stdout_bytes)
    assert value["schema"] == "comparison.v1"
    assert CliRunner().invoke(command, [*paths, "--output", str(tmp_path / "out")]).exit_code == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "comparison.md",
        "comparison.svg",
    }
    assert "](comparison.svg)" in (tmp_path / "out/comparison.md").read_text("utf-8")


def test_a_failed_run_can_be_compared_and_has_no_numbers(
    project: Project, packs: Packs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_STUB", '{"stage": "train", "at": 4, "do": "raise"}')
    project.run()
    comparison = compare_packs([packs("as-it-is"), open_verified(project.pack)])
    (mean,) = [row for row in comparison.measures if row.name == "train.loss_mean"]
    assert (mean.values[1].value, mean.values[1].unavailable) == (None, "no attempt completed")
    assert comparison.packs[1].status == "failed"
    assert "not measured (no attempt completed)" in comparison_markdown(comparison, "")
