"""Laws of asking for 4 bit: what it does not go with is refused before a run, in one sentence."""

from __future__ import annotations

import pytest

from evidence.errors import MalformedError
from evidence.milestone.parse import parse_milestone
from tests.backends.test_training import MILESTONE

LORA = "\n[train.lora]\nrank = 4\n"


def said(settings: str, lora: str = LORA) -> str:
    text = MILESTONE.replace("seed = 5\n", f"seed = 5\n{settings}\n{lora}", 1)
    try:
        parse_milestone(text.encode())
    except MalformedError as error:
        return error.message
    return ""


@pytest.mark.parametrize("form", ["nf4", "nf4-double"])
def test_it_is_asked_for_beside_an_adapter(form: str) -> None:
    assert said(f'quantise = "{form}"') == ""


@pytest.mark.parametrize(
    ("settings", "lora", "words"),
    [
        ('quantise = "nf4"', "", "train.quantise: is of the model beside an adapter: write [train"),
        ('quantise = "nf4"', f"{LORA}merge = true\n", "weights in 4 bit is rounded away: leave"),
        ('quantise = "nf4"\nmixed_precision = "bf16"', LORA, "leave mixed_precision out"),
        ('quantise = "int8"', LORA, "'int8' is not one of nf4, nf4-double"),
        ("load_in_8bit = true", LORA, "in 8 bit there is none"),
        ('optimizer = "lion-8bit"', LORA, 'there is optimizer = "adamw_8bit" here'),
    ],
)
def test_what_does_not_go_with_it_is_refused(settings: str, lora: str, words: str) -> None:
    message = said(settings, lora)
    assert words in message
    assert "\n" not in message
