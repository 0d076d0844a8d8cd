"""Laws of the two ways of reading JSON: the quick one says what the exact one says, always.

The exact reader is Python's own JSON with our hooks. It reads what is not canonical.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.encoding import jsonio
from evidence.errors import MalformedError

NASTY = (
    b'{"a":1,"a":1}', b'{"a":1,"a":2}', b'{"b":1,"a":2}', b'{"a": 1}', b'{"a":1} ', b' {"a":1}',
    b"-0", b"-0.0", b"0.0", b"1.0", b"1.00", b"1e5", b"1E5", b"1e+16", b"1e16", b"1e999",
    b"-1e999", b"1e-400", b"9" * 16, b"9007199254740991", b"9007199254740992",
    b"9223372036854775807", b"9223372036854775808", b"-9223372036854775807", b"01", b"+1", b".5",
    b"-9223372036854775808", b"18446744073709551615", b"18446744073709551616", b"0.1", b"5e-324",
    b"1.7976931348623157e308", b"2.2250738585072011e-308", b"NaN", b"Infinity", b"-Infinity",
    b"nan", b"true", b"True", b"null", b"", b" ", b"{}", b"[]", b"[1,]", b"{,}", b"[1 2]",
    b"{'a':1}", b'"\\ud800"', b'"\\ud83d\\ude00"', b'"\\u0041"', b'"\\u0000"', b'"\\u001f"',
    b'"\x1f"', b'"\x7f"', b'"\\/"', b'"\\n"', b'"\n"', b'"\t"', b'"\xff"', b'"\xed\xa0\x80"',
    b'"\xc0\x80"', b'"\xe2\x80\xa8"', b"\xef\xbb\xbf{}", '{"a":1}'.encode("utf-16"), b"{}{}",
    b"[[" + b"]]", b'{"a":1}\r', b"// x\n1",
    *(b"[" * depth + b"]" * depth for depth in (30, 31, 32, 33, 34, 2000)),
    *(b'{"a":' * depth + b"1" + b"}" * depth for depth in (31, 32, 33, 2000)),
    b'"' + b"[" * 100 + b'"', b'"' + b"{" * 100,
)  # fmt: skip

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63) + 1, 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4)
    ),
    max_leaves=12,
)


def quick_result(data: bytes, *, row: bool) -> tuple[str, bool]:
    """What reading says: the value with its types, or the refusal; and whether it is canonical."""
    try:
        value, canonical = jsonio.read_row(data, 7) if row else jsonio.read_document(data)
    except MalformedError as error:
        return f"{type(error).__name__} {error.line} {error.message}", False
    return repr(value), canonical


def agree(data: bytes) -> None:
    for row in (True, False):
        quick = quick_result(data, row=row)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(jsonio, "_canonical", lambda data, option: jsonio._ODD)
            exact = quick_result(data, row=row)
        assert quick == exact, data[:100]


@pytest.mark.parametrize("data", NASTY, ids=lambda data: repr(data[:20]))
def test_both_readers_say_the_same_of_what_is_nasty(data: bytes) -> None:
    agree(data)
    agree(b'{"a":' + data + b"}")
    agree(b'{\n  "a": ' + data + b"\n}\n")


@given(VALUES)
def test_both_readers_say_the_same_of_what_we_write(value: Any) -> None:
    document, row = jsonio.dump_document(value), jsonio.dump_row(value)[:-1]
    assert quick_result(document, row=False)[1]
    assert quick_result(row, row=True)[1]
    agree(document)
    agree(row)


@given(VALUES, st.data())
def test_both_readers_say_the_same_of_what_was_changed_by_hand(value: Any, data: Any) -> None:
    written = bytearray(data.draw(st.sampled_from((jsonio.dump_document, jsonio.dump_row)))(value))
    at = data.draw(st.integers(0, len(written) - 1))
    piece = data.draw(st.sampled_from((b"", b" ", b"0", b"-", b'"', b"\\u0041", b",", b"e1", b"[")))
    written[at : at + data.draw(st.integers(0, 1))] = piece
    agree(bytes(written))


def test_deep_documents_are_told_apart_at_the_very_limit() -> None:
    for depth in range(29, 36):
        for leaf in (1, [], {}):
            value: Any = leaf
            for _ in range(depth):
                value = [value]
            agree(jsonio.dump_document(value))
