"""Laws of scores of lm-eval whose task says how they are aggregated: only means are held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.foreign import aggregations, reading, samples
from tests.foreign.test_harnesses import found, lm_eval, put

OTHER = 0.48672877
SOURCE = 'def agg_gpirt(items: List[float], benchmark: str = "a") -> float:\n    return 0.5\n'


def configured(folder: Path, config: dict[str, Any], acc: float = OTHER) -> None:
    """A results file whose task `sums` has a configuration."""
    lm_eval(folder, **{"acc,none": acc})
    (path,) = folder.glob("results_*.json")
    put(path, json.loads(path.read_text()) | {"configs": {"sums": config}})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"metric_list": [{"metric": "acc", "aggregation": SOURCE}]}, "by agg_gpirt, and is no"),
        ({"metric_list": [{"metric": "acc", "aggregation": "median"}]}, "by median, and is no"),
        (
            {"metric_list": [{"metric": "f1"}, {"metric": "def acc(a):\n", "aggregation": SOURCE}]},
            "/configs/sums/metric_list/1/aggregation",
        ),
        ({"metric_list": [{"metric": "exact_match", "aggregation": "mean"}]}, "does not list it"),
        ({"output_type": "generate_until"}, "does not say that it is a mean"),
    ],
)
def test_a_score_that_its_task_does_not_call_a_mean_accuses_nobody(
    config: dict[str, Any], why: str, tmp_path: Path
) -> None:
    configured(tmp_path, config)
    assert found(tmp_path) == []
    every = samples.held(reading.folder(tmp_path))
    held = {one.fact.name: one.why_not for one in every if one.task == "sums"}
    assert why in held["acc"]
    assert why in held["acc_stderr"]


@pytest.mark.parametrize(
    "config",
    [
        {"metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}]},
        {"metric_list": [{"metric": "f1", "aggregation": SOURCE}, {"metric": "acc"}]},
        {"output_type": "multiple_choice"},
        {"metadata": {"version": 1.0}},
    ],
)
def test_a_mean_by_its_task_or_by_default_is_held(config: dict[str, Any], tmp_path: Path) -> None:
    configured(tmp_path, config, acc=0.9)
    (message,) = found(tmp_path)
    assert "acc of sums is 0.9" in message


def test_where_a_results_file_was_cut_no_score_is_taken_for_a_mean(tmp_path: Path) -> None:
    configured(tmp_path, {"metric_list": [{"metric": "acc", "aggregation": SOURCE}]})
    (path,) = tmp_path.glob("results_*.json")
    cut = reading.file(path, path.name, max_facts=4)
    assert "not read as a whole" in aggregations.Aggregations(cut).why_no_mean("sums", "acc")
