"""A chat template that a tokenizer brings along: recorded as it is, applied by a worker."""

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


def test_a_chat_template_is_applied_in_one_place_of_the_worker() -> None:
    """A stranger's template is code: verify, render and preflight never run it."""
    root = Path(evidence.__file__).parent
    found = [
        path.relative_to(root).as_posix()
        for path in root.rglob("*.py")
        if "apply_chat_template(" in path.read_text("utf-8")
    ]
    assert found == ["backends/chat.py"]


def test_a_text_of_the_milestone_knows_no_day() -> None:
    template = templating.compile_text("{{ strftime_now('%d') }} {{ prompt }}")
    with pytest.raises(MalformedError, match="strftime_now"):
        templating.render(template, {"prompt": "p"})
