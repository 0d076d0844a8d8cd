"""Cases whose faults lie in scores and in rows of data: what is right is in each case's README."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.api.values import read_results
from evidence.errors import DataError, MilestoneError
from evidence.records.inputs import OverlapRecord
from evidence.running.preflight import prepare
from evidence.verification.verification import verify_pack
from tests.cases import project_of


@pytest.mark.torch
@pytest.mark.full
def test_wrong_answers_are_not_called_right(tmp_path: Path) -> None:
    project, name = project_of("r14-wrong-answers-called-right", tmp_path)
    results = read_results(project.run(name).pack)
    for scorer in ("exact", "normalised", "numeric", "contains"):
        assert results[f"eval.{scorer}.num_correct"].number == 0


@pytest.mark.parametrize(
    ("case", "places"),
    [
        ("r03-null-becomes-word", ["data/eval.jsonl:1: field 'answer' is null"]),
        ("r10b-byte-order-mark", ["data/train.jsonl:1: starts with a byte order mark"]),
        ("r10c-blank-last-line", ["data/train.jsonl:7: empty line"]),
        (
            "r10d-nan-and-big",
            [
                "data/train.jsonl:7: NaN is not a JSON number",
                "data/train.jsonl:8: integer outside the 64-bit range",
                "data/train.jsonl:9: key 'prompt' appears twice",
            ],
        ),
        ("r23b-numbers-in-digits", ["narrative.summary: 91 % is a measurement typed by hand"]),
    ],
)
def test_bad_rows_and_words_are_refused_before_anything_is_created(
    case: str, places: list[str], tmp_path: Path
) -> None:
    project, name = project_of(case, tmp_path)
    with pytest.raises(MilestoneError) as caught:
        prepare(project.root, name, None)
    assert caught.value.hint
    assert all(place in caught.value.message for place in places)
    assert not project.runs.exists()


def test_line_ends_of_unicode_end_no_row(tmp_path: Path) -> None:
    project, name = project_of("r10-unicode-line-ends", tmp_path)
    assert prepare(project.root, name, None).data["train"].num_rows == 6


def test_training_rows_that_are_evaluation_questions_are_found_under_any_name(
    tmp_path: Path,
) -> None:
    project, name = project_of("r07-leak-under-other-name", tmp_path)
    data = prepare(project.root, name, None).data["train"]
    assert isinstance(data.overlap, OverlapRecord)
    assert data.overlap.exact_rows == (12, 13, 14, 15)
    assert data.overlap.evaluation_rows == tuple(range(8))
    assert data.num_conflicting_prompts == 0


def test_rows_that_lose_their_answer_are_named_before_anything_is_started(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    project, name = project_of("r06-answers-cut-away", tmp_path)
    with pytest.raises(DataError, match="counted from 0: 2, 5, 8"):
        project.run(name)
    assert not project.runs.exists()


@pytest.mark.torch
@pytest.mark.full
def test_rows_that_teach_nothing_inside_larger_steps_are_named(tmp_path: Path) -> None:
    project, name = project_of("r06b-some-rows-teach-nothing", tmp_path)
    report = verify_pack(project.run(name).pack)
    assert report.verdict == "INTACT"
    (found,) = [one for one in report.findings if one.code == "answer-cut"]
    assert found.message.endswith("(cut: 2, 5, 8)")
