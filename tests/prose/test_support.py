"""What the evidence says to a measurement typed into prose."""

from __future__ import annotations

import pytest

from evidence.prose.support import UnsupportedLiteral, known_numbers, unsupported_literals
from evidence.records.run import ValueRecord


def value(number: float | None, unit: str) -> ValueRecord:
    reason = None if number is not None else "not measured"
    return ValueRecord(number, reason, unit, "", "as-recorded", "observed")


VALUES = {
    "train.loss_start": value(2.2065, "nats"),
    "train.loss_end": value(0.7612, "nats"),
    "train.loss_mean": value(1.0217, "nats"),
    "train.num_steps": value(138, "steps"),
    "train.epochs": value(1.0, "epochs"),
    "train.runtime_s": value(73.222, "s"),
    "train.samples_per_s": value(7.511, "samples/s"),
    "train.learning_rate": value(2e-5, ""),
    "eval.exact.rate": value(0.0, ""),
    "eval.contains.rate": value(0.1, ""),
    "eval.contains.num_correct": value(2, "examples"),
    "eval.num_examples": value(20, "examples"),
    "model.num_parameters": value(2506172416, "parameters"),
    "checkpoint.size_bytes": value(5012344832, "bytes"),
    "data.train.num_rows": value(550, "rows"),
    "probe.loss_after": value(None, "nats"),
}


def judged(text: str, declared: dict[str, str] | None = None) -> list[UnsupportedLiteral]:
    return list(
        unsupported_literals(text, known_numbers(VALUES, {"log_every_steps": 10}), declared or {})
    )


@pytest.mark.parametrize(
    "text",
    [
        "Mean Train Loss 1.02",
        "final loss: 0.76",
        "Final train loss was 0.761",
        "the loss fell from 2.21 to 0.76",
        "138 steps, 550 samples, 1 epoch",
        "in 73.2 seconds, or 1.2 minutes",
        "7.51 samples/s",
        "a learning rate of 2e-5",
        "2.5 billion parameters in 5.0 GB",
        "accuracy 10 %; contains 2/20",
        "logged every 10 steps",
        "a perplexity of 2.14 at the end",
        "ten per cent accuracy",
    ],
)
def test_a_number_that_some_value_rounds_to_is_supported(text: str) -> None:
    assert judged(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Final Train Loss 1.02", "train.loss_end"),
        ("the final loss was only 0.75", "train.loss_end"),
        ("mean loss of 0.76", "train.loss_mean"),
        ("training loss: 0.5", "train.loss_start"),
        ("learning rate 3e-5", "train.learning_rate"),
        ("accuracy of 45 %", "eval.exact.rate"),
        ("9.5 samples/s", "train.samples_per_s"),
        ("a runtime of 60 s", "train.runtime_s"),
        ("an accuracy of ninety-five per cent", "eval.exact.rate"),
        ("final loss 0.**7**0", "train.loss_end"),
    ],
)
def test_another_number_than_the_value_its_sentence_names_is_a_contradiction(
    text: str, name: str
) -> None:
    (finding,) = judged(text)
    assert finding.actual is not None
    assert finding.name == name
    assert finding.actual == VALUES[name].value


@pytest.mark.parametrize(
    "text", ["0.61 on the public board", "139 steps", "3 hours", "24 GB", "551 rows", "20 steps"]
)
def test_a_number_that_no_value_holds_in_its_unit_is_unsupported(text: str) -> None:
    (finding,) = judged(text)
    assert finding.actual is None
    assert finding.reason == ""


@pytest.mark.parametrize(
    ("text", "measure"),
    [
        ("an F1 of 0.76", "f1"),
        ("F1 score: 10 %", "f1"),
        ("10 % recall on the set", "recall"),
        ("ROUGE-L 0.1", "rouge"),
        ("validation loss 0.76", "probe"),
        ("a perplexity of 0.76", "perplexity"),
        ("pass@1 of 10 %", "pass"),
    ],
)
def test_a_true_number_under_the_name_of_another_measure_is_unsupported(
    text: str, measure: str
) -> None:
    (finding,) = judged(text)
    assert (finding.actual, finding.measure) == (None, measure)


def test_a_measure_that_the_run_made_supports_its_number() -> None:
    known = known_numbers(VALUES | {"eval.f1.rate": value(0.87, "")})
    assert list(unsupported_literals("an F1 of 0.87", known, {})) == []
    assert len(list(unsupported_literals("an F1 of 0.76", known, {}))) == 1


@pytest.mark.parametrize(
    "text", ["0.76 (see f1.py)", "recall that 138 steps were made", "0.1 in F"]
)
def test_a_word_that_only_looks_like_a_measure_names_none(text: str) -> None:
    assert [one.measure for one in judged(text) if one.measure] == []


def test_a_declared_number_carries_its_reason() -> None:
    (finding,) = judged("0.61 on the board", {"0.61": "the public leaderboard"})
    assert finding.reason == "the public leaderboard"


def test_a_declaration_covers_the_whole_number_only() -> None:
    (finding,) = judged("0.615 on the board", {"0.61": "the public leaderboard"})
    assert finding.reason == ""


def test_a_declared_number_can_still_contradict() -> None:
    (finding,) = judged("Final loss 1.02", {"1.02": "as the log said"})
    assert finding.actual is not None


def test_a_value_that_was_not_measured_supports_nothing() -> None:
    (finding,) = judged("a final score of 0.3")
    assert finding.actual is None
