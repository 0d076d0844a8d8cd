"""A chat template that is no function of the row: recorded as it is, and rendered by nobody."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import evidence
from evidence.errors import MalformedError
from evidence.text import templating

OF_TODAY = (
    "{{ strftime_now('%d %b %Y') }}{% for message in messages %}{{ message.content }}{% endfor %}"
)


@pytest.mark.torch
@pytest.mark.parametrize(
    ("brought", "recorded"),
    [
        (None, None),
        ({}, None),
        (OF_TODAY, OF_TODAY),
        (
            {"tool_use": OF_TODAY, "default": "{{ messages }}"},
            json.dumps({"default": "{{ messages }}", "tool_use": OF_TODAY}, separators=(",", ":")),
        ),
    ],
    ids=["none", "empty", "one", "several"],
)
def test_what_a_tokenizer_brings_along_is_recorded_as_it_is(
    brought: str | dict[str, str] | None, recorded: str | None
) -> None:
    """Several are not none: the summary would leave out that no text went through them."""
    from evidence.backends.tokenizer import chat_template

    assert chat_template(brought) == recorded


def test_no_chat_template_is_ever_rendered() -> None:
    """What transformers hands to one (`strftime_now`) would enter texts, and differ tomorrow."""
    for source in Path(evidence.__file__).parent.rglob("*.py"):
        assert "apply_chat_template" not in source.read_text("utf-8"), source


def test_a_text_of_the_milestone_knows_no_day() -> None:
    template = templating.compile_text("{{ strftime_now('%d') }} {{ prompt }}")
    with pytest.raises(MalformedError, match="strftime_now"):
        templating.render(template, {"prompt": "p"})
