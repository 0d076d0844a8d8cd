"""Laws of scoring."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.rules import scoring

REFERENCE = Path(__file__).parents[3] / "shared" / "reference" / "m43_raw" / "predictions.jsonl"


@pytest.mark.parametrize(
    ("scorer", "answer", "target", "verdict"),
    [
        ("exact", "42", "42", True),
        ("exact", "42 ", "42", False),
        ("normalised", "The  Indian ocean.", "Indian Ocean", True),
        ("normalised", "Indian", "Indian Ocean", False),
        ("normalised", "", "the", False),
        ("numeric", "$1,440.00", "1440", True),
        ("numeric", "about 12", "12 km", True),
        ("numeric", "-8", "8", False),
        ("numeric", "no idea", "8", False),
        ("numeric", "8", "no number", False),
        ("numeric", "9" * 100, "9" * 100, False),
        ("contains", "144 / 12 is over 112", "12", False),
        ("contains", "144 / 12 = 12", "12", True),
        ("contains", "1,000", "1", False),
        ("contains", "-12", "12", False),
        ("contains", "12.5", "12", False),
        ("contains", "C++", "C", False),
        ("contains", "A-", "A", False),
        ("contains", "plan A.", "A", True),
        ("normalised", "C++", "C", False),
        ("normalised", "C#", "C", False),
        ("normalised", "-5", "5", False),
        ("normalised", "\u22125", "-5", True),
        ("normalised", ".5", "5", False),
        ("normalised", "1.5", "15", False),
        ("normalised", "1 1/2", "11/2", False),
        ("normalised", "A", "A", True),
        ("normalised", "A", "B", False),
        ("normalised", "A, B", "B", False),
        ("normalised", "Vitamin A", "vitamin", False),
        ("normalised", "A-", "A", False),
        ("normalised", "a cat", "The cat", True),
        ("normalised", "the 5 well-known cats", "5 well known cats!", True),
        ("normalised", "don\u2019t", "don't", True),
        ("normalised", "", "A", False),
        ("contains", "312", "12", False),
        ("contains", "312 and 12", "12", True),
        ("contains", "Paris!", "Paris", True),
        ("contains", "Parisian", "Paris", False),
        ("contains", "I can't say", "can", False),
        ("contains", "I can\u2019t say", "can", False),
        ("contains", "He said 'can'.", "can", True),
        ("contains", "Ann's house", "Ann", True),
        ("contains", "cafe\u0301", "cafe", False),
        ("contains", "anything", "", False),
        ("contains", "is -8.", "-8", True),
    ],
)
def test_a_scorer_says_what_its_rule_says(
    scorer: str, answer: str, target: str, verdict: bool
) -> None:
    assert scoring.score([scorer], answer, target) == {scorer: verdict}


@given(st.text(alphabet="aAbC 15.,-+/:%#*'()\u2212\u00bd\n", max_size=12), st.data())
def test_calling_right_is_an_equivalence(text: str, data: st.DataObject) -> None:
    other = data.draw(st.sampled_from((text, text.lower(), text.swapcase(), f" {text}", text[1:])))
    third = data.draw(st.sampled_from((other, text.upper(), other[:-1])))
    for name in ("exact", "normalised", "numeric"):
        equal = scoring.SCORERS[name]
        assert equal(text, other) == equal(other, text)
        assert not (equal(text, other) and equal(other, third)) or equal(text, third)


@given(st.text(min_size=1))
def test_the_target_itself_satisfies_every_scorer_that_applies(target: str) -> None:
    verdicts = scoring.score(["exact", "normalised", "contains"], target, target)
    assert all(verdicts.values())


@pytest.mark.parametrize(
    ("output", "marker", "answer"),
    [
        ("steps\nAnswer: 42\nmore", "Answer:", "42"),
        ("Answer: 1\nAnswer: 2", "Answer:", "2"),
        ("no marker", "Answer:", ""),
        ("  whole \n", None, "whole"),
        ("Answer:", "Answer:", ""),
    ],
)
def test_the_answer_is_the_line_after_the_last_marker(
    output: str, marker: str | None, answer: str
) -> None:
    assert scoring.extract_answer(output, marker) == answer


def test_wilson_agrees_with_published_values() -> None:
    low, high = scoring.wilson(0, 20)
    assert (round(low, 4), round(high, 4)) == (0.0, 0.1611)
    low, high = scoring.wilson(81, 263)  # Newcombe, Statistics in Medicine 17, 1998, table I
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)


def test_a_rate_of_nothing_has_no_interval() -> None:
    with pytest.raises(ValueError, match="no interval"):
        scoring.wilson(0, 0)


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_its_rate_within_0_and_1(pair: tuple[int, int]) -> None:
    low, high = scoring.wilson(*pair)
    assert 0 <= low <= pair[0] / pair[1] + 1e-12
    assert pair[0] / pair[1] - 1e-12 <= high <= 1


@pytest.mark.parametrize(
    ("text", "looping"),
    [
        ("What is 19 + 19?\n\n" * 4 + "What is 1", True),
        ("ha ha ha ha ha ha ha ha", True),
        ("Answer: 100", False),
        ("111", False),
        ("one two three four five six", False),
        ("", False),
    ],
)
def test_a_repetition_loop_is_found_at_the_end(text: str, looping: bool) -> None:
    assert scoring.is_looping(text) is looping


def test_an_output_that_repeats_its_prompt_is_an_echo() -> None:
    assert scoring.is_echo("What is 2 + 2?", "What is 2 + 2? What is")
    assert not scoring.is_echo("What is 2 + 2?", "4")
    assert not scoring.is_echo("What is 2 + 2?", "")


def test_hostile_text_is_scored_in_linear_time() -> None:
    began = time.monotonic()
    for text in ("1," * 200_000, "a" * 400_000, "12" * 200_000, "-" * 400_000):
        scoring.score(list(scoring.SCORERS), text, "12 km")
        scoring.degenerate([(text, text)])
    assert time.monotonic() - began < 5


@pytest.mark.skipif(not REFERENCE.exists(), reason="the reference material is not beside us")
def test_the_real_m43_shows_its_constant_steps_and_its_loops() -> None:
    rows = [json.loads(line) for line in REFERENCE.read_text("utf-8").splitlines()]
    assert "steps" in scoring.constant_fields(rows)
    facts = scoring.degenerate([(row["prompt"], row["final_answer"]) for row in rows])
    assert len(facts.looping) >= 10
