"""Laws of ROUGE-L."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.rules.rouge import MAX_WORDS, common_length, rouge_l, words

WORDS = st.lists(st.sampled_from("abc"), max_size=40)


def by_table(one: list[str], other: list[str]) -> int:
    """The textbook's table of lengths."""
    row = [0] * (len(other) + 1)
    for left in one:
        before = row[:]
        for place, right in enumerate(other, 1):
            row[place] = before[place - 1] + 1 if left == right else max(row[place - 1], row[place])
    return row[-1]


@given(WORDS, WORDS)
def test_the_longest_common_sequence_is_that_of_the_textbook(
    one: list[str], other: list[str]
) -> None:
    assert common_length(one, other) == by_table(one, other)


@pytest.mark.parametrize(
    ("answer", "target", "expected"),
    [
        ("police kill the gunman", "police killed the gunman", 0.75),  # Lin 2004, section 3.1
        ("the gunman kill police", "police killed the gunman", 0.5),
        ("the gunman police killed", "police killed the gunman", 0.5),
        ("The cat, the CAT!", "the cat the cat", 1.0),
        ("", "a", 0.0),
        ("", "", 0.0),
        ("né", "n", 1.0),
        ("日本", "日本", 0.0),
        ("one two three", "two three four five", 4 / 7),
    ],
)
def test_known_texts_have_the_value_that_follows_by_hand(
    answer: str, target: str, expected: float
) -> None:
    assert rouge_l(answer, target) == pytest.approx(expected)


@given(st.text(), st.text())
def test_it_is_what_the_package_gives_where_that_is_installed(answer: str, target: str) -> None:
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])
    assert rouge_l(answer, target) == pytest.approx(scorer.score(target, answer)["rougeL"].fmeasure)


def test_texts_that_are_too_long_have_none_and_the_longest_take_no_time() -> None:
    assert rouge_l("a " * (MAX_WORDS + 1), "a") is None
    began_s = time.monotonic()
    assert rouge_l("a b " * (MAX_WORDS // 2), "b a " * (MAX_WORDS // 2)) is not None
    assert time.monotonic() - began_s < 0.5
    assert words("A-1.5 b_c") == ["a", "1", "5", "b", "c"]
