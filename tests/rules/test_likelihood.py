"""Laws of what likelihoods amount to: mean loss, perplexity, the choice that is picked."""

from __future__ import annotations

import math

import pytest

from evidence.data.choices import choices_of
from evidence.errors import MalformedError
from evidence.records.choices import ChoicesRow
from evidence.records.eval_spec import ChoicesSpec, Normalise
from evidence.rules.likelihood import compared, mean_loss, perplexity, picked

CHOICES = ChoicesRow(
    texts=("é", "four words of it", "ab"),
    log_likelihoods=(-3.0, -8.0, -4.0),
    num_tokens=(1, 8, 2),
    right=1,
    picked=None,
)


def test_each_token_counts_alike_in_a_mean_loss() -> None:
    assert mean_loss([3.0, 1.0], [1, 3]) == 1.0
    assert mean_loss([0.1] * 10, [1] * 10) == 0.1  # no sum of rounded sums
    assert mean_loss([0.0], [0]) is None


@pytest.mark.parametrize("loss", [0.0, 0.5, 1.0, 6.2379, 40.0])
def test_perplexity_is_e_to_the_loss_and_the_same_on_every_machine(loss: float) -> None:
    assert perplexity(loss) == pytest.approx(math.exp(loss), rel=1e-15)
    assert perplexity(0.0) == 1.0
    assert perplexity(1.0) == 2.718281828459045


def test_a_perplexity_that_no_float_holds_is_infinite() -> None:
    assert perplexity(1e4) == math.inf
    assert perplexity(1e18) == math.inf
    assert perplexity(math.inf) == math.inf


def test_a_sum_that_no_float_holds_is_an_infinite_loss() -> None:
    assert mean_loss([1.7e308, 1.7e308], [1, 1]) == math.inf


@pytest.mark.parametrize(
    ("normalise", "wanted", "place"),
    [
        ("none", (-3.0, -8.0, -4.0), 0),
        ("tokens", (-3.0, -1.0, -2.0), 1),
        ("bytes", (-1.5, -0.5, -2.0), 1),
    ],
)
def test_choices_are_compared_whole_by_token_or_by_byte(
    normalise: Normalise, wanted: tuple[float, ...], place: int
) -> None:
    assert compared(CHOICES, normalise) == wanted
    assert picked(wanted) == place


def test_of_several_that_are_likeliest_alike_none_is_picked() -> None:
    assert picked((-1.0, -1.0, -2.0)) is None
    assert picked((-2.0, -1.0, -2.0)) == 1


@pytest.mark.parametrize(("right", "place"), [(0, 0), (2, 2), ("A", 0), ("c", 2)])
def test_the_right_choice_is_named_by_its_place_or_its_letter(right: object, place: int) -> None:
    row = {"choices": ["a", 2, "x y"], "answer": right}
    assert choices_of(row, ChoicesSpec()) == (("a", "2", "x y"), place)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"choices": ["a", "b"]}, "has no 'answer'"),
        ({"choices": ["a"], "answer": 0}, "no list of 2"),
        ({"choices": "ab", "answer": 0}, "no list of 2"),
        ({"choices": ["a", ""], "answer": 0}, "empty"),
        ({"choices": ["a", None], "answer": 0}, "empty, or no text"),
        ({"choices": ["a", "a"], "answer": 0}, "the same"),
        ({"choices": ["a", "b"], "answer": 2}, "which of 2 choices"),
        ({"choices": ["a", "b"], "answer": -1}, "which of 2 choices"),
        ({"choices": ["a", "b"], "answer": True}, "which of 2 choices"),
        ({"choices": ["a", "b"], "answer": "b b"}, "which of 2 choices"),
        ({"choices": ["a", "b"], "answer": "É"}, "which of 2 choices"),
    ],
)
def test_rows_without_clear_choices_are_refused(row: dict[str, object], said: str) -> None:
    with pytest.raises(MalformedError, match=said):
        choices_of(row, ChoicesSpec())
