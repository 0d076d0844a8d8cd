"""Laws of samples that stand for a score: one of each document, each with a score."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence.foreign import reading, samples
from tests.foreign.test_harnesses import RIGHT, found, inspect_log, judged, lm_eval, put

Rows = list[dict[str, Any]]


def lm_rows(folder: Path, edit: Callable[[Rows], Rows], acc: float) -> dict[str, samples.Held]:
    """Results whose rows are changed, with the mean that the changed rows would have."""
    lm_eval(folder, **{"acc,none": acc})
    (path,) = folder.glob("samples_*.jsonl")
    rows = edit([json.loads(line) for line in path.read_text().splitlines()])
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    every = samples.held(reading.folder(folder))
    return {one.fact.name: one for one in every if one.task == "sums"}


@pytest.mark.parametrize(
    ("edit", "acc", "why"),
    [
        (lambda rows: rows + [row for row in rows if row["acc"]], 10 / 13, "document 0 has 2 samp"),
        (
            lambda rows: [
                {key: one for key, one in row.items() if row["acc"] or key != "acc"} for row in rows
            ],
            1.0,
            "3 of its 8 samples have no acc",
        ),
        (
            lambda rows: [{**row, "filter": "none" if row["acc"] else "x"} for row in rows],
            1.0,
            "3 of its 8 documents have no sample of the filter none",
        ),
        (
            lambda rows: [{key: row[key] for key in ("filter", "acc")} for row in rows],
            statistics.fmean(RIGHT),
            "of which document",
        ),
        (lambda rows: [{**row, "filter": "x"} for row in rows], 0.9, "none of the filter none"),
    ],
)
def test_rows_of_lm_eval_that_are_not_one_a_document_hold_no_score(
    edit: Callable[[Rows], Rows], acc: float, why: str, tmp_path: Path
) -> None:
    held = lm_rows(tmp_path, edit, acc)
    assert held["acc"].found is None
    assert why in held["acc"].why_not
    assert why in held["acc_stderr"].why_not
    assert found(tmp_path) == []


def logged(folder: Path, accuracy: float, edit: Callable[[Rows], None]) -> samples.Held:
    inspect_log(folder, {"accuracy": accuracy})
    (path,) = folder.iterdir()
    log = json.loads(path.read_text())
    edit(log["samples"])
    put(path, log)
    return judged(folder)["accuracy"]


def under_one_id(rows: Rows) -> None:
    for row in rows:
        row["id"] = "a"


def without_any_id(rows: Rows) -> None:
    for row in rows:
        row |= {"id": {}, "epoch": []}


def without_wrong(rows: Rows) -> None:
    for row in rows:
        row["scores"] = row["scores"] if row["scores"]["match"]["value"] == "C" else {}


def test_samples_of_inspect_that_are_not_each_one_hold_no_score(tmp_path: Path) -> None:
    why = logged(tmp_path, statistics.fmean(RIGHT), under_one_id).why_not
    assert "8 samples of the id a and the epoch 1" in why
    assert "3 of its 8 samples have no score" in logged(tmp_path, 1.0, without_wrong).why_not
    assert "8 samples of the id None" in logged(tmp_path, 0.625, without_any_id).why_not


def test_a_sample_of_inspect_that_ended_with_an_error_is_none_of_the_mean(tmp_path: Path) -> None:
    def fail(rows: Rows) -> None:
        rows[2] |= {"scores": {}, "error": {"message": "timed out"}}

    held = logged(tmp_path, 5 / 7, fail)
    assert held.found == pytest.approx(5 / 7)
    assert held.num_samples == 7


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_score_of_lm_eval_that_is_no_number_is_not_passed_over(
    value: float, tmp_path: Path
) -> None:
    lm_eval(tmp_path, **{"acc,none": value})
    every = samples.held(reading.folder(tmp_path))
    (acc,) = (one for one in every if one.task == "sums" and one.fact.name == "acc")
    assert acc.found is None
    assert "and no number" in acc.why_not


def test_a_metric_of_another_package_than_inspects_accuses_nobody(tmp_path: Path) -> None:
    inspect_log(tmp_path, {"mine/accuracy": 0.9, "inspect_ai/accuracy": 0.75})
    assert "not known to be a mean" in judged(tmp_path)["mine/accuracy"].why_not
    (message,) = found(tmp_path)
    assert "inspect_ai/accuracy of sums is 0.75" in message


@pytest.mark.parametrize(
    ("edit", "num_found"),
    [
        ({}, 1),
        ({"status": "cancelled"}, 0),
        ({"samples": []}, 0),
        ({"results": {"total_samples": 800, "early_stopping": {"manager": "x"}}}, 0),
        ({"results": {"total_samples": 8}}, 0),
    ],
)
def test_the_number_of_samples_of_inspect_is_that_of_a_log_that_has_them_all(
    edit: dict[str, Any], num_found: int, tmp_path: Path
) -> None:
    inspect_log(tmp_path, {"accuracy": statistics.fmean(RIGHT)})
    (path,) = tmp_path.iterdir()
    log = json.loads(path.read_text())
    log["results"]["total_samples"] = 800
    put(path, log | edit)
    messages = found(tmp_path)
    assert len(messages) == num_found
    assert all("total_samples of sums is 800" in one for one in messages)
