"""Laws of evaluations of lm-eval in one folder: each is held against its own samples."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evidence.foreign import reading, samples
from tests.foreign.test_harnesses import MEAN, found, lm_eval

FIRST = "2026-01-01T00-00-00.1"
SECOND = "2026-01-02T10-30-00.25"


def second(folder: Path, acc: float, time: str = SECOND) -> None:
    """Another evaluation of the same task, with one more right answer, as lm-eval leaves it."""
    made = folder / "made"
    made.mkdir()
    lm_eval(made, **{"acc,none": acc, "acc_stderr,none": "N/A"})
    (results,), (rows,) = made.glob("results_*"), made.glob("samples_*")
    lines = [json.loads(line) for line in rows.read_text().splitlines()]
    lines[2]["acc"] = 1.0
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (folder / f"samples_sums_{time}.jsonl").write_text(text)
    results.rename(folder / f"results_{time}.json")
    shutil.rmtree(made)


def accuracies(folder: Path) -> dict[str, samples.Held]:
    every = samples.held(reading.folder(folder))
    held = [one for one in every if one.task == "sums" and one.fact.name == "acc"]
    return {one.fact.place.file: one for one in held}


@pytest.mark.parametrize("time", [SECOND, SECOND.replace("T", "_")])
def test_each_of_two_evaluations_is_held_against_the_samples_of_its_time(
    time: str, tmp_path: Path
) -> None:
    lm_eval(tmp_path)
    second(tmp_path, 6 / 8, time)
    held = accuracies(tmp_path)
    assert held[f"results_{FIRST}.json"].found == pytest.approx(MEAN)
    assert held[f"results_{time}.json"].found == pytest.approx(6 / 8)
    assert found(tmp_path) == []


def test_a_copy_of_the_samples_under_another_name_hides_no_headline(tmp_path: Path) -> None:
    lm_eval(tmp_path, **{"acc,none": 0.9})
    rows = tmp_path / f"samples_sums_{FIRST}.jsonl"
    shutil.copy(rows, tmp_path / "samples_sums.jsonl")
    assert len(found(tmp_path)) == 1
    (tmp_path / f"results_{FIRST}.json").rename(tmp_path / "results_mine.json")
    assert len(found(tmp_path)) == 1


def test_samples_of_another_time_accuse_no_score(tmp_path: Path) -> None:
    lm_eval(tmp_path)
    second(tmp_path, 6 / 8)
    (tmp_path / f"samples_sums_{FIRST}.jsonl").unlink()
    held = accuracies(tmp_path)
    assert "is of another time" in held[f"results_{FIRST}.json"].why_not
    assert held[f"results_{SECOND}.json"].found == 6 / 8
    assert found(tmp_path) == []


def test_of_two_files_without_a_time_none_is_chosen(tmp_path: Path) -> None:
    lm_eval(tmp_path)
    second(tmp_path, 6 / 8)
    (tmp_path / f"results_{SECOND}.json").unlink()
    (tmp_path / f"results_{FIRST}.json").rename(tmp_path / "results_mine.json")
    assert "both hold samples" in accuracies(tmp_path)["results_mine.json"].why_not
