"""What an evaluation can tell: laws of rates, seeds, and of what was asked. Pairs are
test_paired.py's."""

from __future__ import annotations

import math
import statistics
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.records.availability import Unavailable
from evidence.records.evaluation import SamenessRecord, SpreadRecord
from evidence.records.run import PredictionRow
from evidence.rules.intervals import (
    effective_number,
    questions_of,
    rate_interval,
    spread_over_questions,
)
from evidence.rules.paired import paired
from evidence.rules.questions import Question, independent, questions_seen
from evidence.rules.same_evaluation import same_evaluation
from evidence.rules.scoring import wilson
from evidence.rules.spread import spread
from evidence.rules.under_test import parts_of, stands_in, under_test
from tests.rules.answers import answer, answers

VERDICTS = st.text("+-", min_size=1, max_size=40)


def same(first: list[PredictionRow], second: list[PredictionRow]) -> SamenessRecord:
    found = same_evaluation(first, second)
    assert isinstance(found, SamenessRecord)
    return found


# Rates


def again(verdicts: str, times: int) -> list[PredictionRow]:
    """Each question asked several times, spelled in two ways."""
    forms = ["question {}", "  QUESTION\n{}"]
    return [
        answer(index * times + number, one == "+", prompt=forms[number % 2].format(index))
        for index, one in enumerate(verdicts)
        for number in range(times)
    ]


@given(VERDICTS)
def test_rows_of_their_own_questions_are_as_many_questions(verdicts: str) -> None:
    rows, right = answers(verdicts), verdicts.count("+")
    asked = questions_of(rows)
    assert effective_number(asked) == len(rows)
    found = rate_interval(right, len(rows), effective_number(asked))
    assert found == pytest.approx(wilson(right, len(rows)))


@given(VERDICTS, st.integers(2, 4))
def test_asking_each_question_again_makes_no_interval_narrower(verdicts: str, times: int) -> None:
    rows = again(verdicts, times)
    right = sum(row.scores["exact"] for row in rows)
    found = rate_interval(right, len(rows), effective_number(questions_of(rows)))
    assert found == pytest.approx(wilson(verdicts.count("+"), len(verdicts)))
    numbers = [float(row.scores["exact"]) for row in rows]
    once = [float(one == "+") for one in verdicts]
    assert spread_over_questions(questions_of(rows), numbers) == pytest.approx(once)


def test_a_question_that_is_asked_most_of_the_time_is_most_of_what_is_told() -> None:
    rows = [answer(index, True, prompt="easy") for index in range(9)] + [answer(9, False)]
    assert effective_number(questions_of(rows)) == 100 / 82


@given(st.lists(st.integers(0, 5), min_size=1, max_size=40))
def test_rows_tell_as_much_as_one_question_at_least_and_as_all_at_most(asked: list[int]) -> None:
    assert 1 <= effective_number(asked) <= len(set(asked))


@given(st.lists(st.tuples(st.integers(0, 5), st.floats(-9, 9)), min_size=1, max_size=40))
def test_the_mean_over_questions_of_any_size_is_that_of_the_rows(
    rows: list[tuple[int, float]],
) -> None:
    asked, values = [one for one, _ in rows], [value for _, value in rows]
    found = spread_over_questions(asked, values)
    assert len(found) == len(set(asked))
    assert statistics.fmean(found) == pytest.approx(statistics.fmean(values), abs=1e-9)


@given(st.lists(st.sets(st.sampled_from("abcdefgh"), min_size=1, max_size=3), max_size=10))
def test_rows_that_are_joined_by_others_ask_one_question(keys: list[set[str]]) -> None:
    found = independent(keys)
    reached = [{row} for row in range(len(keys))]
    for _ in keys:  # the slow way: everything that shares a key with what is reached
        for row, own in enumerate(reached):
            texts = set().union(*(keys[one] for one in own))
            reached[row] = {one for one, key in enumerate(keys) if key & texts}
    for one, other in product(range(len(keys)), repeat=2):
        assert (found[one] == found[other]) is (other in reached[one])
    assert list(dict.fromkeys(found)) == list(range(len(set(found))))


# What was asked


def test_conditions_that_ask_and_answer_alike_are_counted() -> None:
    """The real fault: 34 of 34 predictions equal under both conditions."""
    clean, injected = answers("+-" * 17), answers("+-" * 17)
    found = same(clean, injected)
    assert found.num_rows == found.num_equal_prompts == found.num_equally_scored == 34


def test_what_differs_between_conditions_is_told_apart() -> None:
    first = [
        answer(0),
        answer(1),
        answer(2, output="1", answer="1"),
        answer(3, target="a"),
        answer(5),
    ]
    second = [
        answer(0, prompt="question  0\n"),
        answer(1, prompt="Question 1"),
        answer(2, output="so 1", answer="1"),
        answer(3, target="b"),
        answer(4),
    ]
    found = same(first, second)
    assert found == SamenessRecord(
        num_rows=4,
        num_only_first=1,
        num_only_second=1,
        num_equal_prompts=2,
        num_prompts_apart_in_space=1,
        num_equal_outputs=3,
        num_equal_answers=4,
        num_equally_scored=2,
    )
    assert isinstance(same_evaluation(first, []), Unavailable)


@given(VERDICTS, st.data())
def test_no_rates_differ_by_more_than_the_rows_that_are_not_equal(
    verdicts: str, data: st.DataObject
) -> None:
    other = data.draw(st.text("+-", min_size=len(verdicts), max_size=len(verdicts)))
    first, second = answers(verdicts), answers(other)
    found, scored = same(first, second), paired(first, second, ["exact"])["exact"]
    assert not isinstance(scored, Unavailable)
    differing = found.num_rows - found.num_equally_scored
    assert abs(scored.difference) * found.num_rows <= differing + 1e-9


@pytest.mark.parametrize(
    ("part", "text", "stands"),
    [
        ("7 * 8 = 54", "So 7 * 8  =\n54. Go on.", True),
        ("54", "it is 154", False),
        ("54", "it is 541", False),
        ("54", "541 or 54", True),
        ("WRONG step", "a wrong  Step here", True),
        ("= 5", "x = 5", True),
        ("", "anything", False),
    ],
)
def test_what_is_under_test_stands_in_a_prompt_as_whole_words(
    part: str, text: str, stands: bool
) -> None:
    assert stands_in(part, text) is stands


@given(st.text(max_size=8), st.text(max_size=8), st.text(min_size=1, max_size=8))
def test_a_text_put_between_blanks_is_always_found(before: str, after: str, part: str) -> None:
    assert stands_in(part, f"{before} {part} {after}") or not part.strip()


def test_an_error_that_is_in_no_prompt_is_found() -> None:
    rows = [
        {"error": "2 + 2 = 5"},
        {"error": ["2 + 2 = 5", 7]},
        {"error": "3 + 3 = 7"},
        {"error": " "},
        {},
        {"error": True},
        {"error": ["2", {}]},
    ]
    asked = [
        answer(i, prompt="First 2 + 2 = 5, then 7.", under_test=parts_of(row.get("error")))
        for i, row in enumerate(rows)
    ]
    found = under_test(asked, "error")
    assert (found.num_rows, found.num_in_prompt) == (7, 2)
    assert (found.absent, found.not_checked) == ((2,), (3, 4, 5, 6))


def asks(*texts: str) -> tuple[Question, ...]:
    return tuple(Question((text,), (text,)) for text in texts)


def test_questions_of_an_evaluation_are_found_in_the_data_of_each_ancestor() -> None:
    long = "a b c d e f g h i j k l m n"
    asked = asks("What is 1 + 1?", "Where?", f"x {long} y", "unseen words", "")
    unknown = Unavailable("it has no text template")
    seen = questions_seen(
        asked,
        {"A": asks("what is  1 + 1?", f"z {long}", ""), "B": asks("Where?"), "C": unknown},
    )
    a, b = seen["A"], seen["B"]
    assert not isinstance(a, Unavailable)
    assert not isinstance(b, Unavailable)
    assert (a.num_questions, a.num_rows) == (5, 3)
    assert (a.exact, a.normalised, a.ngram) == ((), (0,), (0, 2))
    assert (b.exact, b.normalised, b.ngram) == ((1,), (1,), (1,))
    assert seen["C"] == unknown
    found = questions_seen(Unavailable("no field"), {"A": asks("x")})
    assert found == {"A": Unavailable("the evaluation prompt: no field")}


# Seeds

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=12)


@given(NUMBERS)
def test_the_spread_of_seeds_is_that_of_a_sample(values: list[float]) -> None:
    found = spread(values, ("seed 4: failed",))
    assert isinstance(found, SpreadRecord)
    assert found.num_runs == len(values)
    assert found.left_out == ("seed 4: failed",)
    assert found.min <= found.mean <= found.max
    assert found.range == found.max - found.min
    assert found.mean == pytest.approx(statistics.mean(values), rel=1e-12, abs=1e-9)
    if len(values) == 1:
        assert found.sample_sd == Unavailable("one run has nothing to differ from")
    else:
        assert not isinstance(found.sample_sd, Unavailable)
        assert found.sample_sd == pytest.approx(statistics.stdev(values), rel=1e-9, abs=1e-9)


@given(st.floats(-1e300, 1e300), st.integers(2, 9))
def test_runs_that_are_equal_have_no_spread(value: float, times: int) -> None:
    found = spread([value] * times)
    assert isinstance(found, SpreadRecord)
    assert (found.mean, found.sample_sd, found.range) == (value, 0.0, 0.0)


@pytest.mark.parametrize("values", [[], [1.0, math.inf], [math.nan], [1.7e308, -1.7e308]])
def test_numbers_that_have_no_spread_say_so(values: list[float]) -> None:
    assert isinstance(spread(values), Unavailable)


def test_large_numbers_have_a_spread() -> None:
    found = spread([1e300, 3e300])
    assert isinstance(found, SpreadRecord)
    assert found.sample_sd == pytest.approx(math.sqrt(2) * 1e300)
