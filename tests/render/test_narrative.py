"""The author's words in the summary: filled in, and never reaching Python."""

from __future__ import annotations

import pytest
from render.sample import (
    MILESTONE,
    complete_pack,
)
from render.test_summary import section, summary


def test_names_in_the_authors_words_are_filled_in() -> None:
    text = summary(complete_pack())
    assert "One epoch over 550 rows; the loss ends at 2.05." in text
    assert "2. A mean is not an end: 2.700." in text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("{{ train.loss_ende }}", "there is no value `train.loss_ende`"),
        ("{{ nothing }}", "could not be filled in"),
        ("{{ train.loss_end | fixed(2.5) }}", "could not be filled in"),
        ("{% for x in 'ab' %}{{ x }}{% endfor %}", "for is not allowed here"),
        ("{{ 'a' * 999999999 }}", "mul is not allowed here"),
        ("{{ train.loss_end.__class__ }}", "could not be filled in"),
        ("{{ train.loss_end._record }}", "could not be filled in"),
        ("{{ train.loss_end.record }}", "there is no value"),
        ("{{ train.items }}", "there is no value"),
        ("{{ hardware.cpu.model }}", "Intel(R) Xeon(R)"),
        ("{{ train.__init__.__globals__ }}", "could not be filled in"),
        ("{% if run.stand_in %}small{% endif %}", "small"),
        ("{{ train.padding_share | as('percent') }}", "6.2 %"),
    ],
)
def test_a_narrative_never_fails_and_never_reaches_python(written: str, shown: str) -> None:
    text = summary(complete_pack(MILESTONE.replace("The pipeline works:", written)))
    assert shown in section(text, "Conclusion")


def test_a_narrative_nested_beyond_reason_is_shown_as_it_stands() -> None:
    deep = "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}"
    text = summary(complete_pack(MILESTONE.replace("The pipeline works:", deep)))
    assert "could not be filled in" in section(text, "Conclusion")
