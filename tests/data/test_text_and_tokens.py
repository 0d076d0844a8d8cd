"""Laws of turning rows into tokens: every character knows its field, every label its reason."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from evidence.data.examples import text_record, training_examples
from evidence.data.facts import DataSet
from evidence.data.template_text import MarkedText, render_row
from evidence.data.tokens import (
    IGNORED,
    Coder,
    Example,
    build_example,
    coverage,
    num_targets,
    unseen_answers,
)
from evidence.encoding.codec import decode
from evidence.errors import DataError, MalformedError
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.availability import Unavailable
from evidence.records.inputs import Lengths, SeenBatch, TextRecord
from evidence.records.milestone import DataSpec
from evidence.rules import sampling
from evidence.rules.row_stream import START, add_row, end_step
from evidence.rules.sampling import MAX_RECORDED_TOKENS, steps_to_record, tokens_to_record
from evidence.text import templating
from evidence.worker.recorder import FedRow, Recorder

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
    plan = replace(plan, data={"train": declared}, train=replace(plan.train, max_length=8))
    data = DataSet("train", b"", tuple({"a": text} for text in rows))
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
    plan = replace(plan, data={"train": declared}, train=train)
    rows = tuple({"q": "q" * (9 if i < num_idle else 2), "a": "a"} for i in range(num_rows))
    data = DataSet("train", b"", rows)
    if not refused:
        assert len(training_examples(plan, data, coder)) == num_rows
        return
    named = ", ".join(map(str, range(num_idle)))
    with pytest.raises(DataError, match=rf"counted from 0: {named}\)"):
        training_examples(plan, data, coder)


# the recorder and its chain


def fed(row: int) -> FedRow:
    return FedRow(row, [row, 2, 3], [IGNORED, 2, 3])


def recorder() -> Recorder:
    return Recorder(6, 1, 16, lambda ids: tuple(map(str, ids)))


def test_the_stream_is_equal_however_rows_are_grouped() -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed([fed(0)], 3)
    two.feed([fed(1)], 3)
    assert one.end_step() == two.end_step()


@pytest.mark.parametrize(
    "other",
    [
        [fed(1), fed(0)],
        [fed(0)],
        [fed(0), FedRow(1, [1, 2, 4], [IGNORED, 2, 3])],
        [fed(0), FedRow(1, [1, 2, 3], [IGNORED, IGNORED, 3])],
        [fed(0), FedRow(7, [1, 2, 3], [IGNORED, 2, 3])],
    ],
)
def test_the_stream_differs_for_other_order_rows_ids_or_labels(other: list[FedRow]) -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed(other, 6)
    assert one.end_step().stream != two.end_step().stream != START


def test_the_stream_knows_where_a_step_ends() -> None:
    one, two = recorder(), recorder()
    one.feed([fed(0), fed(1)], 6)
    two.feed([fed(0)], 3)
    two.end_step()
    two.feed([fed(1)], 3)
    assert one.end_step().stream != two.end_step().stream


def test_a_recorder_goes_on_from_its_state_as_if_nothing_had_happened() -> None:
    whole, first = recorder(), recorder()
    for step in range(6):
        whole.feed([fed(step)], 3)
        whole.end_step()
    for step in range(3):
        first.feed([fed(step)], 3)
        first.end_step()
    second = recorder()
    second.restore(first.state())
    for step in range(3, 6):
        second.feed([fed(step)], 3)
        second.end_step()
    examples = [example() for _ in range(2)]
    spec = DataSpec(answer=("a",), text="t")
    assert second.record("train", spec, ["a"], examples) == whole.record(
        "train", spec, ["a"], examples
    )


def test_the_first_and_the_last_step_are_always_kept() -> None:
    assert {1, 138} <= steps_to_record(138, 42, 128)
    assert len(steps_to_record(138, 42, 128)) == 10
    assert steps_to_record(138, 42, 128) == steps_to_record(138, 42, 12_000)
    assert steps_to_record(1, 0, 128) == {1}
    assert steps_to_record(3, 0, 128) == {1, 2, 3}


@pytest.mark.parametrize(
    ("max_length", "num_steps"),
    [(2, 10), (12_000, 10), (12_001, 9), (32_768, 3), (60_000, 2), (60_001, 1), (1_048_576, 1)],
)
def test_of_long_rows_fewer_steps_are_kept_each_with_room_for_one(
    max_length: int, num_steps: int
) -> None:
    sampling = steps_to_record(1000, 1, max_length)
    assert len(sampling) == num_steps
    assert 1 in sampling
    assert (1000 in sampling) is (num_steps > 1)
    assert len(sampling) * tokens_to_record(max_length) <= MAX_RECORDED_TOKENS
    assert tokens_to_record(max_length) >= min(max_length, MAX_RECORDED_TOKENS)


def batch_of(lengths: list[int]) -> tuple[SeenBatch, list[str], str]:
    """What is kept of one step of such rows, at most 40,000 tokens; the stream before each row,
    and after the step."""
    large = Recorder(1, 1, 40_000, lambda ids: ("",) * len(ids))
    stream, before = START, []
    for source, length in enumerate(lengths):
        row = FedRow(source, [source] * length, [source] * length)
        before.append(stream)
        stream = add_row(stream, source, row.ids, row.labels)
        large.feed([row], length)
    counts = large.end_step()
    assert (counts.num_rows, counts.num_tokens) == (len(lengths), sum(lengths))
    (batch,) = large.state()["batches"]
    return decode(SeenBatch, batch), [*before, stream], counts.stream


@pytest.mark.parametrize(
    ("lengths", "first"),
    [
        ([], 0),
        ([13_000] * 3, 0),
        ([13_000] * 4, 1),
        ([13_000] * 9, 6),
        ([5, 20_000, 30_000], 2),
        ([30_000, 20_000, 5], 1),
        ([40_000, 40_000], 1),
        ([5, 40_001], 2),
    ],
)
def test_of_a_large_step_the_last_rows_that_fit_are_kept(lengths: list[int], first: int) -> None:
    batch, before, after = batch_of(lengths)
    assert [row.source_row for row in batch.rows] == list(range(first, len(lengths)))
    assert batch.stream_before == (before[first] if first else None)
    repeated = batch.stream_before or START
    for row in batch.rows:
        repeated = add_row(repeated, row.source_row, row.ids, row.labels)
    assert end_step(repeated, 1) == after


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
