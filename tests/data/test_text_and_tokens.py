"""Laws of turning rows into tokens: every character knows its field, every label its reason."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence.data.content import content_of_file
from evidence.data.examples import training_examples
from evidence.data.facts import DataSet
from evidence.data.template_text import MarkedText, render_row
from evidence.data.text_told import text_record
from evidence.data.tokens import (
    IGNORED,
    Coder,
    Example,
    build_example,
    coverage,
    num_targets,
    unseen_answers,
)
from evidence.errors import DataError, MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.records.inputs import Lengths, TextRecord
from evidence.records.milestone import DataSpec
from evidence.rules import sampling
from evidence.text import templating

NO_BYTES = content_of_file(BytesIO(b""))

EOS = 1
M43 = (Path(__file__).parents[2] / "milestones" / "M43.toml").read_bytes()


def rendered(source: str, row: dict[str, Any]) -> MarkedText:
    return render_row(templating.compile_text(source), row)


def pieces(marked: MarkedText) -> list[tuple[str, str]]:
    return [(span.field, marked.text[span.start : span.end]) for span in marked.spans]


@pytest.mark.parametrize(
    ("source", "row", "text", "spans"),
    [
        ("Q: {{ a }}!", {"a": "x"}, "Q: x!", [("a", "x")]),
        ("{{ a|trim|upper }}", {"a": " x "}, "X", [("a", "X")]),
        ("{{ a|join(', ') }}", {"a": ["x", "y"]}, "x, y", [("a", "x"), ("a", "y")]),
        ("{% for s in a %}{{ s.t }};{% endfor %}", {"a": [{"t": "x"}]}, "x;", [("a", "x")]),
        ("{{ n }} {{ f }}", {"n": 5, "f": 0.5}, "5 0.5", [("n", "5"), ("f", "0.5")]),
        ("{{ a ~ b }}", {"a": "x", "b": "y"}, "xy", [("a", "x"), ("b", "y")]),
        ("{% if a == 'x' %}yes{% endif %}", {"a": "x"}, "yes", []),
        ("{{ a|length }}", {"a": "four"}, "4", []),
        ("{{ a }}", {"a": ""}, "", []),
        ("{{ a }}|{{ b }}", {"a": "{{ b }}", "b": "é\u2028"}, "{{ b }}|é\u2028",
         [("a", "{{ b }}"), ("b", "é\u2028")]),
    ],
)  # fmt: skip
def test_every_character_knows_its_field(
    source: str, row: dict[str, Any], text: str, spans: list[tuple[str, str]]
) -> None:
    marked = rendered(source, row)
    assert marked.text == text
    assert pieces(marked) == spans


@pytest.mark.parametrize(
    ("value", "called"), [("x", "text"), (1, "number"), (0.5, "number"), (True, "boolean")]
)
@pytest.mark.parametrize("asked", ["mark", "marked", "_mark", "__marked__", "nothing"])
def test_a_field_has_no_parts_of_ours_and_a_message_calls_it_what_it_is(
    value: object, called: str, asked: str
) -> None:
    with pytest.raises(MalformedError) as refused:
        rendered(f"{{{{ a.{asked} }}}}", {"a": value})
    assert f"'{called} object" in refused.value.message.replace("' object", " object")
    assert "_Text" not in refused.value.message


@given(st.dictionaries(st.sampled_from("abc"), st.text(st.characters(max_codepoint=0xFFFF))))
def test_the_marked_text_is_what_jinja_gives_without_marks(row: dict[str, str]) -> None:
    source = "".join(f"<{{{{ {name} }}}}>" for name in row)
    assert rendered(source, row).text == "".join(f"<{value}>" for value in row.values())


def test_an_undefined_field_is_an_error_and_not_an_empty_string() -> None:
    with pytest.raises(MalformedError, match="undefined"):
        rendered("{{ prompts }}", {"prompt": "x"})


def test_data_that_hold_our_marks_are_refused() -> None:
    with pytest.raises(MalformedError, match="private-use"):
        rendered("{{ a }}", {"a": "\U000f0000"})


@pytest.mark.parametrize("source", ["{{ a.__class__ }}", "{{ a.__class__.__mro__ }}"])
def test_a_template_cannot_reach_python(source: str) -> None:
    with pytest.raises(MalformedError):
        rendered(source, {"a": "x"})


# tokens: one a character, which makes every boundary visible


def letters(text: str) -> tuple[list[int], list[tuple[int, int]]]:
    return [ord(c) for c in text], [(i, i + 1) for i in range(len(text))]


LETTERS = Coder(letters, lambda ids: "".join(map(chr, ids)), None, EOS)


def example(loss: str = "completion", length: int = 100, **changes: Any) -> Example:
    values: dict[str, Any] = {"answer": ("a",), "loss": loss} | changes
    marked = rendered("{{ q }}={{ a }};{{ b }}", {"q": "1+1", "a": "two", "b": "end"})
    return build_example(0, marked, LETTERS, DataSpec(**values), length)


def target(found: Example) -> str:
    return "".join(chr(x) if x != EOS else "$" for x in found.labels if x != IGNORED)


@pytest.mark.parametrize(
    ("loss", "wanted"),
    [("completion", "two;end$"), ("fields", "two$"), ("all", "1+1=two;end$")],
)
def test_the_loss_falls_where_the_milestone_says(loss: str, wanted: str) -> None:
    assert target(example(loss)) == wanted


def test_a_text_that_is_cut_has_no_end_token_and_names_what_it_lost() -> None:
    found = example(length=6)
    assert target(found) == "tw"
    assert len(found.ids) == 6
    assert found.num_cut == 5
    assert found.cut == {"a", "b"}
    assert found.in_sequence == {"q", "a"}


def test_a_text_that_fits_exactly_keeps_all_and_has_no_room_for_the_end() -> None:
    found = example(length=11)
    assert target(found) == "two;end"
    assert found.num_cut == 0


def test_an_answer_that_is_cut_away_wholly_has_no_target() -> None:
    found = example(length=4)
    assert target(found) == ""
    assert found.in_target == frozenset()


def test_the_first_token_is_never_a_target() -> None:
    assert num_targets((5, 6, IGNORED, 7)) == 2
    marked = rendered("{{ a }}", {"a": "x"})
    only = build_example(0, marked, LETTERS, DataSpec(answer=("a",), append_eos=False), 9)
    assert only.in_target == frozenset()


def test_an_answer_that_no_row_teaches_is_unseen() -> None:
    marked = rendered("{{ q }}", {"q": "question", "a": "answer"})
    rows = [build_example(i, marked, LETTERS, DataSpec(answer=("a",)), 50) for i in range(3)]
    found = coverage(["q", "a"], ["a"], rows)
    assert [(c.field, c.num_rows_in_sequence, c.num_rows_in_target) for c in found] == [
        ("q", 3, 0),
        ("a", 0, 0),
    ]
    assert unseen_answers(found) == ("a",)


# facts about the text


def text_of(
    rows: list[str],
    *,
    add_bos: bool,
    decode: Any = None,
    specials: frozenset[str] = frozenset(),
    **spec: Any,
) -> TextRecord:
    """Facts over texts of one field; `^` is the begin token, `$` the end token."""

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        ids, offsets = letters(text)
        return ([BOS, *ids], [(0, 0), *offsets]) if add_bos else (ids, offsets)

    plain = decode or (lambda ids: "".join(chr(one) for one in ids if one != BOS))
    coder = Coder(encode, plain, BOS, ord("$"), specials)
    declared = DataSpec(text="{{ a }}", answer=("a",), **spec)
    plan = plan_attempts(parse_milestone(M43))[2]
    plan = replace(plan, data={"train": declared}, given_train=replace(plan.train, max_length=8))
    data = DataSet("train", NO_BYTES, tuple({"a": text} for text in rows))
    return text_record(plan, coder, training_examples(plan, data, coder))


BOS = ord("^")


def test_begin_and_end_tokens_that_are_doubled_or_missing_are_named() -> None:
    found = text_of(["one", "^two", "three$", "a long text"], add_bos=True)
    assert found.rows_without_bos == ()
    assert found.rows_doubled_bos == (1,)
    assert found.rows_without_eos == (3,)
    assert found.rows_doubled_eos == (2,)
    assert found.length_tokens == Lengths(5, 6, 13, 13, 13)


def test_a_conversation_that_spells_its_tokens_has_none_of_them_twice() -> None:
    plain = "".join
    found = text_of(
        ["a$b$c", "a^b"],
        add_bos=True,
        decode=lambda ids: plain(chr(one) for one in ids if one not in (BOS, ord("$"))),
        specials=frozenset("^$"),
    )
    assert found.rows_doubled_bos == found.rows_doubled_eos == found.rows_not_round_trip == ()


def test_a_token_that_nobody_adds_is_not_missed() -> None:
    found = text_of(["one"], add_bos=False, append_eos=False)
    assert isinstance(found.rows_without_bos, Unavailable)
    assert isinstance(found.rows_without_eos, Unavailable)
    assert found.rows_doubled_bos == ()


def test_a_text_that_the_tokenizer_changes_is_named() -> None:
    found = text_of(["one", "ONE"], add_bos=True, decode=lambda ids: "one")
    assert found.rows_not_round_trip == (1,)


@pytest.mark.parametrize(
    ("num_idle", "num_rows", "a_step", "refused"),
    [(1, 4, 1, True), (1, 4, 2, False), (2, 4, 2, False), (1, 5, 2, False), (3, 12, 1, True)],
)
def test_rows_without_a_target_are_refused_where_a_step_is_one_row(
    num_idle: int, num_rows: int, a_step: int, refused: bool
) -> None:
    coder = Coder(letters, lambda ids: "".join(map(chr, ids)), None, None)
    declared = DataSpec(text="{{ q }}{{ a }}", answer=("a",))
    plan = plan_attempts(parse_milestone(M43))[2]
    train = replace(plan.train, max_length=8, batch_size=a_step, gradient_accumulation=1)
    plan = replace(plan, data={"train": declared}, given_train=train)
    rows = tuple({"q": "q" * (9 if i < num_idle else 2), "a": "a"} for i in range(num_rows))
    data = DataSet("train", NO_BYTES, rows)
    if not refused:
        assert len(training_examples(plan, data, coder)) == num_rows
        return
    named = ", ".join(map(str, range(num_idle)))
    with pytest.raises(DataError, match=rf"counted from 0: {named}; the first is train:1\)"):
        training_examples(plan, data, coder)


def test_more_cut_or_odd_rows_than_can_be_named_are_refused_before_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    texts = ["a text that is long", "another one that is long"]
    monkeypatch.setattr(sampling, "MAX_ROWS_NAMED", 6)
    text_of(texts, add_bos=True)  # two rows, each with its lost tokens and its field
    monkeypatch.setattr(sampling, "MAX_ROWS_NAMED", 5)
    with pytest.raises(DataError, match="2 of 2 rows are cut at max_length = 8, and evidence"):
        text_of(texts, add_bos=True)
    monkeypatch.setattr(sampling, "MAX_ROWS_NAMED", 1)
    with pytest.raises(DataError, match=r"of 2 rows .*2 have two begin tokens.*, and evidence"):
        text_of(["^a", "^b"], add_bos=True)


@pytest.mark.parametrize(
    ("source", "text", "fields"),
    [
        (
            "{{ null }}|{{ null ~ 'x' }}|{{ null | trim }}|{{ nested | join(',') }}",
            "|x||,True,1.5",
            2,
        ),
        ("{{ null or 'z' }}{{ null | default('q', true) }}{{ null | length }}", "zq0", 0),
        (
            "{% if null is none %}N{% endif %}{{ null == none }}{{ null is string }}",
            "NTrueFalse",
            0,
        ),
        ("{% if yes is true %}T{% endif %}{% if no %}-{% endif %}{{ yes is boolean }}", "TTrue", 0),
        ("{{ whole is integer }}{{ yes is integer }}{{ not null }}", "TrueFalseTrue", 0),
        ("{{ yes }} {{ no }} {{ whole }} {{ real }}", "True False 3 1.5", 4),
        (
            "{{ nested | tojson }}{{ yes | tojson }}{{ null | tojson }}",
            "[null, true, 1.5]truenull",
            2,
        ),
        ("{{ none }}{{ nested[0] }}", "", 0),
    ],
)
def test_null_is_empty_text_and_every_other_value_is_known_by_its_field(
    source: str, text: str, fields: int
) -> None:
    row = {"null": None, "yes": True, "no": False, "whole": 3, "real": 1.5}
    found = rendered(source, row | {"nested": [None, True, 1.5]})
    assert (found.text, len(found.spans)) == (text, fields)
    assert "None" not in found.text
