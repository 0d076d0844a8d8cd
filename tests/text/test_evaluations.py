"""Sentences about evaluations say what was measured, and no more."""

from __future__ import annotations

from msgspec.structs import replace

from evidence.records.availability import Unavailable
from evidence.records.evaluation import (
    PairedRecord,
    SamenessRecord,
    SeenQuestions,
    UnderTestRecord,
)
from evidence.rules.paired import paired
from evidence.rules.spread import spread
from evidence.text import evaluations as said
from tests.rules.answers import answers

ALIKE = SamenessRecord(34, 0, 0, 34, 0, 34, 34, 34)


def pair(first: str, second: str) -> PairedRecord:
    found = paired(answers(first), answers(second), ["exact"])["exact"]
    assert isinstance(found, PairedRecord)
    return found


def test_a_pair_names_its_test_and_what_that_cannot_tell() -> None:
    text = said.of_pair(pair("+--", "-++"))
    assert text.startswith("33.3 % and 66.7 % of the same 3 questions, a difference of 33.3 points")
    assert "1 better under the first, 2 under the second, exact McNemar test: p = 1;" in text
    assert text.endswith("no test can tell with n = 3 (p is 0.25 at least)")
    few = said.of_pair(pair("-" * 20, "+++" + "-" * 17))
    assert few.endswith("p = 0.25; where 3 differ, p cannot be below 0.25")
    assert "paired bootstrap" in few
    many = said.of_pair(pair("-" * 20, "+" * 9 + "-" * 11))
    assert many.endswith("p = 0.0039")
    none = said.of_pair(pair("+-" * 5, "+-" * 5))
    assert none.endswith("no question came out differently, so there is nothing to test")
    assert none.startswith("50.0 % and 50.0 % of the same 10 questions; no question")


def test_conditions_that_cannot_be_told_apart_are_said_to_be() -> None:
    same = "all 34 prompts are equal: the two conditions ask the same thing"
    assert said.of_same_prompts(ALIKE, "prompts") == same
    assert said.of_same_prompts(ALIKE, "models") == ""  # as it should be
    equal = "34 of 34 predictions are equal: this pair can show no difference, whatever the scorer"
    assert said.of_same_outputs(ALIKE) == equal
    spaced = replace(ALIKE, num_equal_prompts=33, num_prompts_apart_in_space=1)
    assert "equal but for white space: the two" in said.of_same_prompts(spaced, "prompts")
    one = SamenessRecord(1, 0, 0, 1, 0, 1, 1, 1)
    assert said.of_same_prompts(one, "prompts").startswith("the only prompt is equal")


def test_conditions_that_differ_in_part_are_not_accused_of_more() -> None:
    part = SamenessRecord(34, 0, 0, 1, 0, 30, 30, 30)
    assert said.of_same_prompts(part, "prompts") == (
        "1 of 34 prompts is equal in both conditions"
    )  # fmt: skip
    wanted = "30 of 34 predictions are equal: this pair can show a difference in 4 rows at most"
    assert said.of_same_outputs(part) == wanted
    apart = SamenessRecord(34, 0, 0, 0, 0, 0, 0, 0)
    assert said.of_same_prompts(apart, "prompts") == said.of_same_outputs(apart) == ""


def test_models_that_were_not_asked_alike_are_said_to_be() -> None:
    assert said.of_prompts_apart(ALIKE) == ""
    part = replace(ALIKE, num_equal_prompts=30)
    assert said.of_prompts_apart(part) == "4 of 34 prompts differ between the two"
    part = replace(part, num_prompts_apart_in_space=3)
    assert said.of_prompts_apart(part).endswith(", 3 of them in white space only")


def test_an_error_that_is_in_no_prompt_is_said_to_be() -> None:
    none = UnderTestRecord("error", 34, 0, tuple(range(34)), ())
    assert said.of_under_test(none) == (
        "error is not in the prompt of 34 of 34 rows: the model was never shown it, so its rate "
        "can only be 0 % or chance"
    )
    some = UnderTestRecord("error", 34, 32, (3,), (4,))
    assert said.of_under_test(some) == (
        "error is not in the prompt of 1 of 34 rows: there the model cannot react to it; "
        "1 of 34 rows has no text in error: not checked"
    )
    assert said.of_under_test(UnderTestRecord("error", 34, 34, (), ())) == ""
    skipped = said.of_under_test(UnderTestRecord("error", 2, 0, (), (0, 1)))
    assert skipped == "2 of 2 rows have no text in error: not checked"


def test_questions_seen_in_training_are_named_with_the_ancestor() -> None:
    seen = SeenQuestions(20, 120, (1,), (1, 2), (1, 5))
    wanted = "3 of 20 questions are in the training data of A, 1 exactly"
    assert said.of_seen("A", seen) == wanted
    assert said.of_seen("A", SeenQuestions(20, 120, (), (), ())) == ""


def test_a_spread_names_its_kind_its_n_and_who_is_missing() -> None:
    found = spread([0.4, 0.5, 0.6], ("seed 4 (failed)",))
    assert not isinstance(found, Unavailable)
    assert said.of_spread(found) == (
        "mean 0.5 of 3 runs, sample standard deviation (n − 1) 0.1, from 0.4 to 0.6; "
        "left out: seed 4 (failed)"
    )
    alone = spread([0.4])
    assert not isinstance(alone, Unavailable)
    wanted = "0.4 in 1 run; spread not measured: one run has nothing to differ from"
    assert said.of_spread(alone) == wanted
