"""Laws of strict reading and canonical writing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence import limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError, PastLimitError

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"]))
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(VALUES)
def test_what_is_written_is_read_back_equal_and_written_again_the_same(value: Any) -> None:
    data = jsonio.dump_document(value)
    assert jsonio.load_document(data) == value
    assert jsonio.dump_document(jsonio.load_document(data)) == data


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (b'{"a": 1, "a": 2}', "twice"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": Infinity}', "Infinity"),
        (b'{"a": 1e999}', "too large"),
        (b'{"a": ' + b"9" * 70 + b"}", "64-bit"),
        (b'{"a": 0.' + b"1" * 70 + b"}", "characters"),
        (b'"\\ud800"', "surrogate"),
        (b"\xef\xbb\xbf{}", "byte order mark"),
        (b'{"a": "\xff"}', "UTF-8"),
        ('{"a": 1}'.encode("utf-16"), "UTF-8"),
        (b"[" * 100_000, "deeper"),
        (b'{"a":' * 40 + b"1" + b"}" * 40, "deeper"),
        (b"{} trailing", "not JSON"),
        (b"", "not JSON"),
        (b"{'a': 1}", "not JSON"),
    ],
)
def test_what_is_not_strict_json_is_refused(data: bytes, word: str) -> None:
    with pytest.raises(MalformedError, match=word):
        jsonio.load_document(data)


def test_brackets_inside_strings_are_not_depth() -> None:
    assert jsonio.load_document(json.dumps("[" * 1000).encode()) == "[" * 1000


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_a_number_that_json_cannot_hold_is_never_written(value: object) -> None:
    with pytest.raises(MalformedError):
        jsonio.dump_document(value)


def test_rows_end_with_lf_only() -> None:
    row = jsonio.dump_row({"text": "a\u2028b\x0bc\x85d"})
    assert [value for _, value in jsonio.iter_rows(row * 3)] == [{"text": "a\u2028b\x0bc\x85d"}] * 3


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"{}\n{}", 2, "cut off"),
        (b"{}\n\n{}\n", 2, "empty"),
        (b"\n{}\n", 1, "empty"),
        (b"{}\n{]\n", 2, "not JSON"),
        (b"{}\n" + b"1" * (limits.MAX_JSONL_LINE_BYTES + 1) + b"\n", 2, "longer"),
    ],
)
def test_a_bad_row_is_named_by_its_line(data: bytes, line: int, word: str) -> None:
    with pytest.raises(MalformedError, match=word) as caught:
        list(jsonio.iter_rows(data))
    assert caught.value.line == line


def test_too_many_rows_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JSONL_LINES", 3)
    with pytest.raises(MalformedError, match="more than 3"):
        list(jsonio.iter_rows(b"1\n" * 4))


def test_a_document_past_the_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MAX_JSON_BYTES", 3)
    with pytest.raises(MalformedError, match="larger"):
        jsonio.load_document(b"[1, 2]")


@pytest.mark.parametrize("value", [-(2**63) + 1, 2**63 - 1])
def test_the_integers_of_64_bits_are_read_and_no_others(value: int) -> None:
    for data in (f"[{value}]", json.dumps([value], indent=2) + "\n"):
        assert jsonio.load_document(data.encode()) == [value]
    beyond = value + (1 if value > 0 else -1)
    with pytest.raises(MalformedError, match="64-bit"):
        jsonio.load_document(f"[{beyond}]".encode())


def test_a_broken_document_is_named_by_its_line() -> None:
    with pytest.raises(MalformedError, match="column 3") as caught:
        jsonio.load_document(b'{\n"a": 1,\n  b\n}')
    assert caught.value.line == 3


@pytest.mark.parametrize(
    ("one", "limit"),
    [("{}", "MAX_JSON_BRACKETS"), ("[]", "MAX_JSON_BRACKETS"), ("0", "MAX_JSON_COMMAS")],
)
def test_a_bomb_in_canonical_form_is_refused_one_value_past_its_limit(
    one: str, limit: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, limit, 10)
    most = 10 if one == "0" else 9  # the array around them is a bracket, too
    for num_values, past in ((most + (one == "0"), False), (most + 1 + (one == "0"), True)):
        value = [json.loads(one)] * num_values
        for data in (jsonio.dump_document(value), json.dumps(value).encode()):
            if past:
                with pytest.raises(PastLimitError, match="more values"):
                    jsonio.load_document(data)
            else:
                assert jsonio.load_document(data) == value


@pytest.mark.parametrize("depth", [limits.MAX_JSON_DEPTH, limits.MAX_JSON_DEPTH + 1])
@pytest.mark.parametrize("brackets", ["[]", "{}"])
def test_depth_is_bounded_alike_in_documents_and_rows(brackets: str, depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value] if brackets == "[]" else {"a": value}
    plain = json.dumps(value).encode()
    for read, data in (
        (jsonio.load_document, json.dumps(value, indent=2).encode() + b"\n"),
        (jsonio.load_document, plain),
        (lambda data: jsonio.load_row(data, 7), plain.replace(b" ", b"")),
    ):
        if depth > limits.MAX_JSON_DEPTH:
            with pytest.raises(PastLimitError, match="nested deeper"):
                read(data)
        else:
            assert read(data) == value


def test_depth_is_counted_from_nothing() -> None:
    deep: Any = 1
    for _ in range(limits.MAX_JSON_DEPTH - 1):
        deep = [deep]
    value = [deep, [], {}]
    for data in (json.dumps(value), json.dumps(value, indent=2) + "\n"):
        assert jsonio.load_document(data.encode()) == value
    with pytest.raises(PastLimitError, match="nested deeper"):
        jsonio.load_document(json.dumps([[deep], [], {}]).encode())


@pytest.mark.parametrize("text", ["\\ud800", "a\\udfffb", "\\udc00\\ud800"])
def test_half_a_character_is_no_text_wherever_it_stands(text: str) -> None:
    for data in (f'"{text}"', f'{{"{text}": 1}}', f'{{"a": ["{text}"]}}', f'["\\u00e9", "{text}"]'):
        with pytest.raises(MalformedError, match="lone surrogate"):
            jsonio.load_document(data.encode())
    assert jsonio.load_document(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_what_was_closed_before_makes_nothing_that_follows_less_deep() -> None:
    most = limits.MAX_JSON_DEPTH
    for depth, fits in ((most - 1, True), (most, False)):
        data = b"[" + b"[]," * 500 + b"[" * depth + b"]" * depth + b"]"
        if fits:
            jsonio.load_document(data)
        else:
            with pytest.raises(PastLimitError):
                jsonio.load_document(data)
