"""Laws of data files in other formats: the same rows, each named by file and line."""

from __future__ import annotations

import codecs
import gzip
import json
import zlib
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from evidence.data.content import content_of_file
from evidence.data.facts import DataSet
from evidence.data.read import load_data, read_rows
from evidence.errors import MilestoneError
from evidence.records.milestone import DataSpec, FileFormat

ROWS = (
    {"q": "What is 1 + 1?", "a": "2", "n": "7"},
    {"q": 'Say "hi",\nthen\tbye', "a": "ä€", "n": "-1"},
    {"q": "Last", "a": "x", "n": "0"},
)
JSONL = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)
CSV = 'q,a,n\nWhat is 1 + 1?,2,7\n"Say ""hi"",\nthen\tbye",ä€,-1\nLast,x,0\n'
TSV = 'q\ta\tn\nWhat is 1 + 1?\t2\t7\n"Say ""hi"",\nthen\tbye"\tä€\t-1\nLast\tx\t0\n'
ARRAY = json.dumps(ROWS, ensure_ascii=False, indent=2)
SAID = {"d.jsonl": JSONL, "d.json": ARRAY, "d.csv": CSV, "d.tsv": TSV}


def read(
    name: str,
    data: str | bytes,
    fields: Mapping[str, str] | None = None,
    file_format: FileFormat | None = None,
    where: Mapping[str, Any] | None = None,
) -> DataSet:
    raw = data.encode() if isinstance(data, str) else data
    spec = DataSpec(
        path=name, fields=dict(fields or {}), file_format=file_format, where=dict(where or {})
    )
    return read_rows("train", raw, name, spec)


def refused(*given: Any, **more: Any) -> str:
    with pytest.raises(MilestoneError) as caught:
        read(*given, **more)
    return caught.value.message


@pytest.mark.parametrize("name", SAID)
@pytest.mark.parametrize("packed", [False, True])
def test_every_format_has_the_same_rows_packed_or_not(
    name: str, packed: bool, tmp_path: Path
) -> None:
    raw = SAID[name].encode()
    path = f"{name}.gz" if packed else name
    (tmp_path / path).write_bytes(gzip.compress(raw) if packed else raw)
    found = load_data(tmp_path, "train", DataSpec(path=path))
    assert found.rows == ROWS
    assert found.content == content_of_file(BytesIO((tmp_path / path).read_bytes()))


@pytest.mark.parametrize(("name", "said"), SAID.items())
def test_a_format_is_named_where_the_ending_does_not_say_it(name: str, said: str) -> None:
    kind: Any = name.removeprefix("d.")
    assert read("rows.txt", said, file_format=kind).rows == ROWS
    assert read("rows.part", gzip.compress(said.encode()), file_format=kind).rows == ROWS


@pytest.mark.parametrize(
    ("name", "places"),
    [
        ("d.jsonl", ["d.jsonl:1", "d.jsonl:2", "d.jsonl:3"]),
        ("d.json", ["d.json:2", "d.json:7", "d.json:12"]),
        ("d.csv", ["d.csv:2", "d.csv:3", "d.csv:5"]),
        ("d.tsv", ["d.tsv:2", "d.tsv:3", "d.tsv:5"]),
    ],
)
def test_a_row_is_named_by_the_line_at_which_it_begins(name: str, places: list[str]) -> None:
    found = read(name, SAID[name])
    assert [found.place(index) for index in range(3)] == places
    taken = read(name, SAID[name], where={"q": ["Last", "What is 1 + 1?"]})
    assert [taken.place(index) for index in range(2)] == [places[0], places[2]]


def test_the_text_of_a_table_is_converted_exactly_as_declared() -> None:
    fields = {"i": "integer", "f": "number", "b": "boolean", "o": "number?", "s": "string?"}
    text = "i,f,b,o,s,x\n-9223372036854775807,0.1,true,,,07\n3,1e3,FALSE,-2,t,\n"
    assert read("d.csv", text, fields).rows == (
        {"i": -9223372036854775807, "f": 0.1, "b": True, "o": None, "s": "", "x": "07"},
        {"i": 3, "f": 1000.0, "b": False, "o": -2, "s": "t", "x": ""},
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", ""), ("integer", "1.0"), ("integer", " 1"), ("integer", "01"),
        ("integer", "1_000"), ("integer", "٣"), ("integer", "9223372036854775808"),
        ("number", "nan"), ("number", "1e999"), ("number", ".5"), ("number", "1,5"),
        ("boolean", "1"), ("boolean", "yes"), ("array", "[]"), ("number?", "-"),
    ],
)  # fmt: skip
def test_what_does_not_convert_is_named_by_file_and_line(kind: str, text: str) -> None:
    good = "true" if kind == "boolean" else "[]" if kind == "array" else "7"
    said = refused("d.tsv", f"v\tw\n{good}\t\n{text}\t\n", {"v": kind}).split("\n")[-1]
    assert said.startswith(f"d.tsv:3: field 'v' is {text!r}, ")
    assert kind.removesuffix("?") in said or "64-bit" in said or "too large" in said


def test_a_table_in_utf8_is_read_with_a_byte_order_mark_and_with_crlf() -> None:
    text = '\ufeffq,a\r\nx,"1\r\n2"\r\ny,3\r\n'
    found = read("d.csv", text)
    assert found.rows == ({"q": "x", "a": "1\r\n2"}, {"q": "y", "a": "3"})
    assert [found.place(0), found.place(1)] == ["d.csv:2", "d.csv:4"]


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("d.csv", b"q,a\nx,\xe4\n", "d.csv:2: not UTF-8; `iconv"),
        ("d.csv", b"\xff\xfeq\0", "d.csv: is UTF-16 text"),
        ("d.csv", b"q,a\nx,1\n1,2,3\nz\n", "d.csv:3: has 3 fields, and the header names 2"),
        ("d.csv", b"q,a\nx,1\n1,2,3\nz\n", "d.csv:4: has 1 fields, and the header names 2"),
        ("d.csv", b"q,a\nx,1\n\ny,2\n", "d.csv:3: empty line"),
        ("d.csv", b"q,a,q\nx,1,2\n", "d.csv:1: the header names 'q' twice"),
        ("d.csv", b"q,,a\nx,1,2\n", "d.csv:1: the header has no name for field 2"),
        ("d.csv", b"q;a\nx;1\n", "d.csv:1: the header is one field, 'q;a': a comma has to"),
        ("d.csv", b'q,a\nx,1\n"y,2\nz,3\n', "d.csv:3: cannot be read as a row of fields: its qu"),
        ("d.csv", b"q,a\n", "d.csv: has no rows"),
        ("d.json", b"[]", "d.json: has no rows"),
        ("d.json", b'[{"a": 1},\n {"a": 2}', "d.json:2: its array does not end with ]"),
        ("d.json", b'[{"a": 1}\n {"a": 2}]', "d.json:2: has nothing where a comma"),
        ("d.json", b'[{"a": 1},\n {"a": 2},]', "d.json:2: has ',' where a row"),
        ("d.json", b'[{"a": 1},\n 7]', "d.json:2: has ',\\n 7' where a row"),
        ("d.json", b'[{"a": 1},\n [7]]', "d.json:2: is list, not an object"),
        ("d.json", b'[{"a": 1}]\n{}', "d.json:2: goes on behind its ]"),
        ("d.json", b'[\n{"a": 1,\n "a": 2}]', "d.json:2: key 'a' appears twice"),
        ("d.json", b'[\n{"a": "[}"},\n{"a": NaN}]', "d.json:3: NaN is not a JSON number"),
        ("d.json", b'{"a": [1]}', "d.json:1: is not a JSON array: rows stand as objects"),
        ("d.json", b'\xef\xbb\xbf[{"a": 1}]', "d.json:1: starts with a byte order mark"),
    ],
)
def test_what_is_wrong_is_named_where_it_stands(name: str, data: bytes, said: str) -> None:
    assert any(line.startswith(said) for line in refused(name, data).split("\n"))


@pytest.mark.parametrize(
    ("name", "data", "looks", "right"),
    [
        ("d.jsonl", ARRAY, "a JSON array", "json"),
        ("d.jsonl", CSV, "CSV", "csv"),
        ("d.jsonl", TSV, "TSV", "tsv"),
        ("d.jsonl", b"PAR1....PAR1", "Parquet", "parquet"),
        ("d.csv", b"ARROW1\0\0", "Arrow", "arrow"),
        ("d.json", JSONL, "JSON lines", "jsonl"),
        ("d.json", CSV, "CSV", "csv"),
        ("d.csv", JSONL, "JSON lines", "jsonl"),
        ("d.csv", ARRAY, "a JSON array", "json"),
        ("d.tsv.gz", gzip.compress(JSONL.encode()), "JSON lines", "jsonl"),
    ],
)
def test_a_wrong_format_is_named_once_with_the_right_one(
    name: str, data: str | bytes, looks: str, right: str
) -> None:
    said = refused(name, data)
    assert said.startswith(f"{name}: looks like {looks}, and is read as ")
    assert said.endswith(f'write file_format = "{right}" in [data.train]')
    assert "\n" not in said


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (codecs.BOM_UTF8 + JSONL.encode(), "d.jsonl:1: starts with a byte order mark"),
        (codecs.BOM_UTF8 + ARRAY.encode(), "d.jsonl:1: starts with a byte order mark"),
        (JSONL.encode("utf-16"), "d.jsonl: is UTF-16 text"),
        (b";" + JSONL.encode(), "d.jsonl:1: "),
    ],
    ids=["mark", "mark of an array", "UTF-16", "a stray sign"],
)
def test_rows_behind_a_mark_or_a_stray_sign_are_not_called_a_table(data: bytes, said: str) -> None:
    found = refused("d.jsonl", data)
    assert said in found
    assert "looks like" not in found


def test_several_members_of_gzip_are_one_text() -> None:
    first, second = JSONL[:50].encode(), JSONL[50:].encode()
    packed = gzip.compress(first) + gzip.compress(second) + b"\0" * 512
    assert read("d.jsonl.gz", packed).rows == ROWS


@pytest.mark.parametrize("cut", [5, 20, -1])
def test_a_packed_file_that_is_cut_off_is_refused(cut: int) -> None:
    assert "gzip" in refused("d.jsonl.gz", gzip.compress(JSONL.encode())[:cut])


def test_a_file_that_is_not_packed_is_not_called_so() -> None:
    assert refused("d.jsonl.gz", JSONL) == (
        "d.jsonl.gz: is not what gzip writes, and its name ends in .gz"
    )


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("d.csv.gz", r"d\.csv\.gz: unpacks to more than 4 MiB"),
        ("d.parquet.gz", r"d\.parquet\.gz: unpacks to more than 4 MiB"),
        ("d.gz", r"d\.gz:1: longer than 1048576 bytes"),  # read line by line
    ],
)
def test_a_gzip_bomb_is_refused_within_its_bound(name: str, said: str) -> None:
    packer = zlib.compressobj(9, wbits=31)
    zeros = b" " * (1 << 20)
    bomb = b"".join(packer.compress(zeros) for _ in range(64)) + packer.flush()
    assert len(bomb) < 100_000
    with pytest.raises(MilestoneError, match=said):
        read_rows("train", bomb * 1000, name, DataSpec(path=name), most_bytes=4 << 20)


def test_a_long_array_is_no_document_past_the_limits_of_one() -> None:
    row = json.dumps({"q": "x" * 900, "tags": [1, 2, 3]})
    data = "[" + ",\n".join([row] * 20_000) + "]"
    assert len(data) > 16 << 20
    found = read("d.json", data)
    assert len(found.rows) == 20_000
    assert found.place(19_999) == "d.json:20000"
