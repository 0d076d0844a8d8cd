"""Of questions with choices the summary shows a few, right ones first, whatever the pack says."""

from __future__ import annotations

from typing import Any

import pytest

from evidence.records.choices import ChoicesRow
from evidence.records.run import PredictionRow
from evidence.render.examples import NUM_PREDICTIONS, choices_shown
from evidence.text.written import as_markdown


def row(number: int, right: int, picked: int | None, texts: tuple[str, ...] = ("a", "b")) -> Any:
    found = ChoicesRow(texts, (-1.0,) * len(texts), (1,) * len(texts), right, picked)
    return PredictionRow(
        number, f"q{number}", f"Which {number}?", "a", "x", "x", "eos", 1, 1, "", "", "", {}, {},
        choices=found,
    )  # fmt: skip


def test_those_picked_right_come_first_and_few_of_each_are_shown() -> None:
    rows = [row(n, 0, n % 2) for n in range(20)]
    shown = choices_shown(rows)
    assert len(shown) == 2 * NUM_PREDICTIONS
    assert [as_markdown(one.picked) for one in shown] == ["a"] * NUM_PREDICTIONS + [
        "b"
    ] * NUM_PREDICTIONS
    assert {as_markdown(one.right) for one in shown} == {"a"}
    assert choices_shown([]) == ()


@pytest.mark.parametrize(
    ("right", "picked", "says"),
    [(0, None, "alike"), (0, 7, "there is none"), (-3, 0, "there is none")],
)
def test_what_is_no_choice_is_said(right: int, picked: int | None, says: str) -> None:
    (shown,) = choices_shown([row(0, right, picked)])
    assert says in shown.right + shown.picked


def test_a_choice_is_foreign_text() -> None:
    (shown,) = choices_shown([row(0, 0, 0, ("<b>|x", "b"))])
    assert "<b>" not in as_markdown(shown.right)
    assert "x" in as_markdown(shown.picked)
