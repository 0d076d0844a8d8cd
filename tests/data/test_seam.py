"""Laws of the seam: a mismatch of what is fed, taught and waited for is named, and no other."""

from __future__ import annotations

import pytest

from evidence.data.seam import bridge, find_seam, mismatches, token_mismatches
from evidence.data.template_text import MarkedText, render_row
from evidence.data.tokens import Coder, build_example
from evidence.records.milestone import DataSpec
from evidence.text import templating

ROW = {"q": "Why?", "steps": "Because.", "a": "42"}


def rendered(template: str) -> MarkedText:
    return render_row(templating.compile_text(template), ROW)


def found(text: str, prompt: str, waits_for: str | None = None, **spec: object) -> list[str]:
    data = DataSpec(**{"answer": ("a",), "text": text, **spec})  # type: ignore[arg-type]
    seam = find_seam(rendered(text), rendered(prompt), data)
    return [one.message for one in mismatches(seam, waits_for, ())]


@pytest.mark.parametrize(
    ("text", "prompt", "waits_for", "spec"),
    [
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\nAnswer:", None, {}),
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\nAnswer: ", None, {}),
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\n", "Answer:", {"loss": "all"}),
        ("{{ q }} {{ steps }}\n#### {{ a }}", "{{ q }}", "####", {"answer": ("steps", "a")}),
        ("Q: {{ q }}\nA: {{ a }}", "Q: {{ q }}\nA:", None, {"loss": "fields"}),
        ("<u>{{ q }}</u><m>{{ a }}</m>", "<u>{{ q }}</u><m>", None, {}),
    ],
)
def test_forms_that_fit_are_left_alone(
    text: str, prompt: str, waits_for: str | None, spec: dict[str, object]
) -> None:
    assert found(text, prompt, waits_for, **spec) == []


@pytest.mark.parametrize(
    ("text", "prompt", "waits_for", "spec", "said"),
    [
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\n", "Answer:", {}, "'Answer: ' is neither fed"),
        ("<u>{{ q }}</u><m>{{ a }}</m>", "<u>{{ q }}", None, {}, "'</u><m>' is neither fed"),
        ("{{ q }}\n{{ a }}", "{{ q }}\nAnswer:", "Answer:", {}, "another form"),
        ("{{ q }}\nA: {{ a }}", "{{ q }}\nA:", "A:", {}, "the prompt has it already"),
        ("{{ q }}\n{{ a }}", "{{ q }}\n", "Answer:", {}, "no training text has it"),
        ("{{ q }}:{{ a }}", "{{ q }}: ", None, {}, "ends with white space"),
        ("{{ q }} {{ a }}<end>", "{{ q }}", None, {"loss": "fields"}, "ends with '<end>'"),
        (
            "{{ q }} {{ steps }}\nA: {{ a }}",
            "{{ q }}",
            "A:",
            {"answer": ("steps", "a"), "loss": "fields"},
            "A: ' is neither fed",
        ),
    ],
)
def test_forms_that_do_not_fit_are_named_with_their_texts(
    text: str, prompt: str, waits_for: str | None, spec: dict[str, object], said: str
) -> None:
    messages = found(text, prompt, waits_for, **spec)
    assert len(messages) == 1
    assert said in messages[0]


def test_fields_of_other_names_are_compared_by_what_stands_around_them() -> None:
    data = DataSpec(answer=("a",))
    text = rendered("Q: {{ q }}\nA: {{ a }}")
    asked = render_row(templating.compile_text("Q: {{ ask }}\nA:"), {"ask": "Who?"})
    assert list(mismatches(find_seam(text, asked, data), None, ())) == []
    asked = render_row(templating.compile_text("Question: {{ ask }}\nA:"), {"ask": "Who?"})
    (one,) = mismatches(find_seam(text, asked, data), None, ())
    assert "begins 'Question: " in one.message


@pytest.mark.parametrize(
    ("text", "prompt", "marker", "between"),
    [
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\nAnswer:", None, " "),
        ("{{ q }}\nAnswer: {{ a }}", "{{ q }}\n", "Answer:", "Answer: "),
        ("{{ q }}\nAnswer:{{ a }}", "{{ q }}", "Answer:", "\nAnswer:"),
        ("{{ q }}\n{{ steps }}\nAnswer: {{ a }}", "{{ q }}\n", "Answer:", "Answer: "),
        ("{{ q }} {{ steps }} {{ a }}", "{{ q }}", None, ""),
    ],
)
def test_the_probe_puts_between_prompt_and_answer_what_the_training_text_has(
    text: str, prompt: str, marker: str | None, between: str
) -> None:
    seam = find_seam(rendered(text), rendered(prompt), DataSpec(answer=("a",)))
    assert bridge(seam, marker) == between


def pieces(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    """A blank and the character after it are one token, as many tokenizers have it."""
    offsets, place = [], 0
    while place < len(text):
        size = 2 if text[place] == " " and place + 1 < len(text) else 1
        offsets.append((place, place + size))
        place += size
    return [hash_of(text[a:b]) for a, b in offsets], offsets


def hash_of(piece: str) -> int:
    return int.from_bytes(piece.encode("utf-8"), "big")


CODER = Coder(pieces, lambda ids: "".join(i.to_bytes(2, "big").decode() for i in ids), None, None)


@pytest.mark.parametrize(
    ("fed", "said"),
    [("Why?:", []), ("Why?: ", ["other tokens"]), ("Why?", ["neither fed nor taught"])],
)
def test_a_blank_that_makes_another_token_is_named(fed: str, said: list[str]) -> None:
    marked = rendered("{{ q }}: {{ a }}")
    example = build_example(0, marked, CODER, DataSpec(answer=("a",)), 99)
    messages = [one.message for one in token_mismatches(marked.text, fed, example, CODER, 99)]
    assert len(messages) == len(said)
    assert all(part in text for part, text in zip(said, messages, strict=True))
