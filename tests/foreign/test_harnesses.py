"""Laws of scores that lm-eval and Inspect logged: held against the samples beside them."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

import pytest

from evidence.foreign import reading, samples
from evidence.foreign.among import among
from evidence.foreign.trainings import trainings

ROWS = 8
RIGHT = [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 1.0, 0.0]
MEAN = statistics.fmean(RIGHT)
STDERR = statistics.stdev(RIGHT) / ROWS**0.5


def lm_eval(folder: Path, **other: Any) -> None:
    """What a run of lm-eval leaves, made by hand in its form."""
    effective = other.pop("effective", ROWS)
    scores = {"alias": "sums", "acc,none": MEAN, "acc_stderr,none": STDERR, "bleu,none": 0.3}
    results = {
        "results": {"sums": scores | other, "group": {"acc,none": 0.4}},
        "versions": {"sums": 1.0},
        "n-shot": {"sums": 5},
        "n-samples": {"sums": {"original": 20, "effective": effective}},
        "config": {"model": "hf", "model_args": "pretrained=imagined/tiny", "limit": 8.0},
    }
    rows = [
        {"doc_id": n, "doc": {"q": f"{n}?"}, "target": "1", "filter": "none", "acc": right}
        for n, right in enumerate(RIGHT)
    ]
    put(folder / "results_2026-01-01T00-00-00.1.json", results)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (folder / "samples_sums_2026-01-01T00-00-00.1.jsonl").write_text(text)


def inspect_log(folder: Path, metrics: dict[str, Any], **other: Any) -> None:
    """A log of Inspect, made by hand in its form."""
    letters = other.pop("letters", ["C" if one else "I" for one in RIGHT])
    epochs = other.pop("epochs", 1)
    told = {
        name: {"name": name, "value": value, "params": {}, **other.get("metric", {})}
        for name, value in metrics.items()
    }
    score = {"name": "match", "scorer": "match", "params": {}, "metrics": told}
    score |= other.get("score", {})
    log = {
        "version": 2,
        "status": "success",
        "eval": {"task": "sums", "task_version": 0, "model": "openai/imagined", "config": {}},
        "plan": {"name": "plan", "steps": []},
        "results": {"total_samples": len(letters), "scores": [score]},
        "samples": [
            {
                "id": n // epochs,
                "epoch": 1 + n % epochs,
                "input": "1 + 1?",
                "messages": [{"role": "user", "content": "1 + 1?"}],
                "scores": {"match": {"value": letter, "answer": "2"}},
            }
            for n, letter in enumerate(letters)
        ],
    }
    put(folder / "2026-01-01T00-00-00_sums.json", log)


def put(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value))


def judged(folder: Path) -> dict[str, samples.Held]:
    return {one.fact.name: one for one in samples.held(reading.folder(folder))}


def found(folder: Path) -> list[str]:
    sources = reading.folder(folder)
    every = among(sources, trainings(sources))
    return [one.message for one in every if one.code == "score-of-samples"]


def test_scores_and_standard_errors_of_lm_eval_are_those_of_their_samples(tmp_path: Path) -> None:
    lm_eval(tmp_path)
    every = list(samples.held(reading.folder(tmp_path)))
    held = {one.fact.name: one for one in every if one.task == "sums"}
    assert held["acc"].found == pytest.approx(MEAN)
    assert held["acc_stderr"].found == pytest.approx(STDERR)
    assert held["effective"].found == ROWS
    assert "not known to be a mean" in held["bleu"].why_not
    (group,) = (one for one in every if one.task == "group")
    assert "no samples of it" in group.why_not
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("lie", "said"),
    [
        ({"acc,none": MEAN + 0.1}, "acc of sums is 0.725"),
        ({"acc_stderr,none": STDERR / 2}, "the standard error of its 8 samples"),
        ({"effective": ROWS + 1}, "effective of sums is 9"),
    ],
)
def test_a_headline_of_lm_eval_that_its_samples_do_not_give_is_found(
    lie: dict[str, Any], said: str, tmp_path: Path
) -> None:
    lm_eval(tmp_path, **lie)
    (message,) = found(tmp_path)
    assert said in message


def test_scores_of_inspect_are_those_of_their_samples(tmp_path: Path) -> None:
    inspect_log(tmp_path, {"accuracy": MEAN, "stderr": STDERR, "bootstrap_stderr": 0.2})
    held = judged(tmp_path)
    assert held["accuracy"].found == pytest.approx(MEAN)
    assert held["stderr"].found == pytest.approx(STDERR)
    assert "not known to be a mean" in held["bootstrap_stderr"].why_not
    assert {one.task for one in held.values()} == {"sums"}
    assert found(tmp_path) == []


def test_letters_words_and_numbers_are_worth_what_inspect_takes_them_for(tmp_path: Path) -> None:
    letters = ["C", "P", "N", "I", "yes", "false", True, 0.25]
    inspect_log(tmp_path, {"accuracy": 3.75 / 8}, letters=letters)
    assert judged(tmp_path)["accuracy"].found == 3.75 / 8
    inspect_log(tmp_path, {"accuracy": 0.5}, letters=["C", "maybe"])
    assert "no number" in judged(tmp_path)["accuracy"].why_not


def test_of_several_epochs_the_mean_of_a_sample_stands_for_it(tmp_path: Path) -> None:
    inspect_log(tmp_path, {"accuracy": MEAN, "stderr": 0.125}, epochs=2)
    held = judged(tmp_path)
    pairs = [statistics.fmean(RIGHT[n : n + 2]) for n in range(0, ROWS, 2)]
    assert held["stderr"].found == pytest.approx(statistics.stdev(pairs) / 2)
    assert held["stderr"].num_samples == 4
    inspect_log(tmp_path, {"accuracy": MEAN}, epochs=2, score={"reducer": "mode"})
    assert "reduced by mode" in judged(tmp_path)["accuracy"].why_not


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"metric": {"params": {"cluster": "kind"}}}, "given parameters"),
        ({"score": {"name": "match/part"}}, "one of several values"),
        ({"score": {"scorer": "other", "name": "other"}}, "no samples of it"),
    ],
)
def test_what_is_no_plain_mean_is_not_computed_and_says_why(
    other: dict[str, Any], why: str, tmp_path: Path
) -> None:
    inspect_log(tmp_path, {"stderr": 0.3}, **other)
    held = judged(tmp_path)["stderr"]
    assert held.found is None
    assert why in held.why_not


def test_a_headline_of_inspect_that_its_samples_do_not_give_is_found(tmp_path: Path) -> None:
    inspect_log(tmp_path, {"accuracy": 0.75, "stderr": STDERR})
    (message,) = found(tmp_path)
    assert "accuracy of sums is 0.75" in message
    assert "the mean of its 8 samples" in message
    assert "is 0.625" in message


@pytest.mark.parametrize("value", [10**400, 1e308, -1e308, [1], {"a": 1}, None, "", "x" * 5000])
def test_whatever_a_sample_has_for_a_score_nothing_breaks(value: Any, tmp_path: Path) -> None:
    inspect_log(tmp_path, {"accuracy": 0.5, "stderr": 0.1}, letters=["C", "I", value])
    rows = [{"doc_id": n, "filter": "none", "acc": one} for n, one in enumerate((1.0, value))]
    lm_eval(tmp_path)
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "samples_sums_2026-01-01T00-00-00.1.jsonl").write_text(text)
    assert [one for one in samples.held(reading.folder(tmp_path)) if one.found is None]


@pytest.mark.parametrize(
    "edit",
    [
        {"results": None}, {"results": []}, {"results": {"scores": 7}}, {"samples": {}},
        {"results": {"scores": [None, {}, {"metrics": []}, {"metrics": {"a": 1}}]}},
        {"samples": [None, {}, {"scores": []}, {"scores": {"match": 1}}]},
        {"eval": {"task": None, "model": {}}}, {"eval": {"task": [1], "model": ""}},
    ],
)  # fmt: skip
def test_a_log_of_another_form_is_read_as_far_as_it_goes(
    edit: dict[str, Any], tmp_path: Path
) -> None:
    inspect_log(tmp_path, {"accuracy": 0.5})
    (path,) = tmp_path.iterdir()
    put(path, json.loads(path.read_text()) | edit)
    (source,) = reading.folder(tmp_path)
    assert source.format == "inspect-log"
    assert not any(one.differs for one in samples.held((source,)) if one.found is None)
