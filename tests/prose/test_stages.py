"""A number of a run with stages: held by the stage that the sentence names, else by any of them."""

from __future__ import annotations

import pytest

from evidence.prose.support import UnsupportedLiteral, known_numbers, unsupported_literals
from tests.prose.test_support import value

VALUES = {
    "A.train.loss_end": value(3.9, "nats"),
    "A.train.loss_mean": value(4.4, "nats"),
    "A.train.runtime_s": value(10.0, "s"),
    "A.train.learning_rate": value(2e-4, ""),
    "B_1.train.loss_end": value(3.2, "nats"),
    "B_2.train.loss_end": value(3.4, "nats"),
    "B_1.train.runtime_s": value(12.0, "s"),
    "B_1.train.learning_rate": value(1e-4, ""),
    "seeds.B.train.loss_end.mean": value(3.3, "nats"),
    "seeds.B.train.loss_end.num_runs": value(2, "runs"),
    "stages.train.runtime_s": value(22.0, "s"),
    "run.duration_s": value(60.0, "s"),
    "check_A.eval.exact.rate": value(0.25, ""),
    "check_B_1.eval.exact.rate": value(0.5, ""),
    "check_A.eval.by.kind.k1.exact.rate": value(0.75, ""),
    "check_A.eval.num_examples": value(8, "examples"),
    "parent.M45.C.train.loss_end": value(5.1, "nats"),
}


def judged(text: str) -> list[UnsupportedLiteral]:
    return list(unsupported_literals(text, known_numbers(VALUES), {}))


@pytest.mark.parametrize(
    "text",
    [
        "The final loss is 3.9.",
        "The final loss is 3.2, and 3.9 before it.",
        "After stage A the loss at end is 3.9.",
        "After stage B, the final loss is 3.4",
        "Final loss of stage B: 3.20",
        "the final loss is 3.9 in stage A.",
        "Stage A | final loss | 3.9",
        "The mean final loss is 3.3 over the seeds",
        "A final loss of 3.2 was reached.",
        "Unlike stage A, the final loss is 3.2",
        "From stage A, the final loss fell to 3.2",
        "Stage A was easy. The final loss is 3.2",
        "the final loss is 3.2, while stage A has 3.9",
        "the final loss is 3.2 after stage A and stage B",
        "Other than in stage A, the final loss is 3.2",
        "The parent had a final loss of 5.1",
        "a learning rate of 1e-4; in stage A a learning rate of 2e-4",
        "a runtime of 22 s, with evaluation a runtime of 60 s",
        "after stage A the accuracy is 25 %",
        "accuracy 50 % at the end",
        "an accuracy of 75 % where the kind is k1",
        "stage A's final loss is 3.9",
        "The final loss of stage Z is 3.2",
        "In stage B_1 the final loss is 3.2 (in stage A: 3.9).",
        "Stage B_1 has a final loss of 3.2 (after stage A: 3.9).",
        "The final loss of stage A is < 4.",
    ],
)
def test_what_is_true_of_a_stage_that_may_be_meant_is_held(text: str) -> None:
    assert judged(text) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("The final loss is 2.2.", "A.train.loss_end"),
        ("After stage B the loss at end is 3.9", "B_1.train.loss_end"),
        ("After stage A, the final loss is 3.2", "A.train.loss_end"),
        ("the final loss of stage `A` is 3.2", "A.train.loss_end"),
        ("stage B's final loss is 3.9", "B_1.train.loss_end"),
        ("the final loss is 3.2 in stage A.", "A.train.loss_end"),
        ("mean loss 3.9", "A.train.loss_mean"),
        ("an accuracy of 90 %", "check_A.eval.exact.rate"),
        ("after stage B the accuracy is 25 %", "check_B_1.eval.exact.rate"),
        ("a learning rate of 3e-4", "A.train.learning_rate"),
        ("a runtime of 11 s", "A.train.runtime_s"),
    ],
)
def test_what_no_stage_that_is_meant_has_is_a_contradiction(text: str, name: str) -> None:
    (finding,) = judged(text)
    assert finding.name == name
    assert finding.actual == VALUES[name].value


@pytest.mark.parametrize(
    "text",
    [
        "a final loss 0.7 lower than before",
        "the mean loss is 0.8 over all stages",
        "The final loss of stage A is 1.31 times smaller",
        "The final loss is 76 % of that of stage A",
        "The difference in accuracy is 50 %.",
    ],
)
def test_a_difference_or_a_mean_of_several_contradicts_no_value(text: str) -> None:
    assert [one.actual for one in judged(text) if one.actual is not None] == []
