"""Laws of Parquet and Arrow: rows are plain JSON, named by row group, and bounded."""

from __future__ import annotations

import datetime
import decimal
import io
import struct
from contextlib import suppress
from typing import Any

import pytest

from evidence.data import apart
from evidence.data.facts import DataSet
from evidence.data.read import read_rows
from evidence.errors import MalformedError, MilestoneError
from evidence.records.milestone import DataSpec

pa = pytest.importorskip("pyarrow", reason='pip install "evidence-pack[data]"')
parquet = pytest.importorskip("pyarrow.parquet")

ROWS = [
    {"q": f"q{i}", "n": i, "x": i / 4, "ok": i % 2 == 0, "tags": ["a", None], "in": {"k": [i]}}
    for i in range(5)
]


def as_parquet(rows: list[dict[str, Any]], **how: Any) -> bytes:
    made = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows), made, **how)
    return made.getvalue()


def as_arrow(rows: list[dict[str, Any]], kind: str, at_once: int = 2) -> bytes:
    table, made = pa.Table.from_pylist(rows), io.BytesIO()
    begin = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with begin(made, table.schema) as writer:
        writer.write_table(table, max_chunksize=at_once)
    return made.getvalue()


MADE = {
    "d.parquet": as_parquet(ROWS, row_group_size=2),
    "d.arrow": as_arrow(ROWS, "file"),
    "d.feather": as_arrow(ROWS, "stream"),
}


def read(name: str, raw: bytes, *, alone: bool = False, **more: Any) -> DataSet:
    return read_rows("train", raw, name, DataSpec(path=name), apart=alone, **more)


def refused(name: str, raw: bytes, **more: Any) -> str:
    with pytest.raises(MilestoneError) as caught:
        read(name, raw, **more)
    return caught.value.message


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("alone", [False, True])
def test_rows_are_plain_json_here_and_apart(name: str, alone: bool) -> None:
    assert list(read(name, MADE[name], alone=alone).rows) == ROWS


@pytest.mark.parametrize(
    ("name", "unit"), [("d.parquet", "row group"), ("d.arrow", "record batch")]
)
def test_a_row_is_named_by_its_number_and_group(name: str, unit: str) -> None:
    found = read(name, MADE[name])
    assert [found.place(index) for index in (0, 1, 2, 4)] == [
        f"{name}: row 1 ({unit} 0)",
        f"{name}: row 2 ({unit} 0)",
        f"{name}: row 3 ({unit} 1)",
        f"{name}: row 5 ({unit} 2)",
    ]


@pytest.mark.parametrize(
    ("value", "called"),
    [
        (datetime.date(2026, 1, 31), "date"),
        (datetime.datetime(2026, 1, 31, tzinfo=datetime.UTC), "datetime"),
        (decimal.Decimal("1.10"), "Decimal"),
        (b"\0", "bytes"),
        (datetime.timedelta(1), "timedelta"),
    ],
)
def test_a_type_that_json_has_not_is_refused_by_name(value: Any, called: str) -> None:
    for alone in (False, True):
        said = refused("d.parquet", as_parquet([{"a": [{"b": value}]}]), alone=alone)
        assert said.startswith("d.parquet: ")
        assert f"field 'a[0].b' is a {called}, which JSON has not" in said


def test_a_number_that_json_has_not_is_refused() -> None:
    said = refused("d.parquet", as_parquet([{"a": 1.0}, {"a": float("nan")}]))
    assert said.startswith("d.parquet: row 2 (row group 0): field 'a' is nan")


@pytest.mark.parametrize("alone", [False, True])
def test_values_that_grow_out_of_a_dictionary_are_bounded(alone: bool) -> None:
    bomb = as_parquet([{"a": "x" * 100_000}] * 2000, compression="zstd")
    assert len(bomb) < 20_000
    assert "more than 4 MiB as JSON" in refused("d.parquet", bomb, alone=alone, most_bytes=4 << 20)


def test_what_the_file_says_it_unpacks_to_is_bounded() -> None:
    plain = as_parquet([{"a": "x" * 8_000_000}], use_dictionary=False, compression="zstd")
    assert "unpacks to more than 4 MiB" in refused("d.parquet", plain, most_bytes=4 << 20)


@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("name", MADE)
def test_a_damaged_file_is_refused_and_no_crash(name: str, alone: bool) -> None:
    raw = MADE[name]
    for broken in (raw[: len(raw) // 2], raw[:-1] + b"\0"):
        with suppress(MilestoneError):
            found = read(name, broken, alone=alone).rows
            assert list(found) == ROWS[: len(found)]
    assert name in refused(name, raw[: len(raw) // 3], alone=alone)


@pytest.mark.parametrize("alone", [False, True])
def test_a_batch_that_is_shorter_than_it_says_is_refused(alone: bool) -> None:
    rows = [{"q": number} for number in range(5_001)]
    raw = as_arrow(rows, "stream", at_once=len(rows))
    body, told, values = raw.rpartition(struct.pack("<q", len(rows) * 8))
    assert told
    said = refused("d.arrow", body + struct.pack("<q", 40) + values, alone=alone)
    assert "cannot be read as arrow" in said
    assert "too small" in said


def test_two_columns_of_one_name_are_refused() -> None:
    table, made = pa.table([pa.array(["x"]), pa.array(["y"])], names=["a", "a"]), io.BytesIO()
    parquet.write_table(table, made)
    assert "two columns called 'a'" in refused("d.parquet", made.getvalue())


def test_a_process_that_needs_too_much_memory_says_that_nothing_was_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """E9: a decoder is no part of this process, whatever it does."""
    monkeypatch.setattr(apart.subprocess, "run", _without_memory(apart.subprocess.run))
    with pytest.raises(MalformedError):
        apart.rows_apart(MADE["d.parquet"], "parquet", 1 << 20)


def _without_memory(run: Any) -> Any:
    """The same process with a limit in which pyarrow cannot even be loaded."""

    def limited(command: list[str], **how: Any) -> Any:
        code = (
            "import sys; from evidence.data import apart; apart.MAX_MEMORY_BYTES = 64 << 20;"
            f"sys.argv[1:] = {command[-2:]!r}; sys.exit(apart.main())"
        )
        return run([command[0], "-I", "-c", code], **how)

    return limited


@pytest.mark.parametrize("alone", [False, True])
def test_without_pyarrow_the_message_says_what_to_install(
    alone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("columns", "apart"):
        monkeypatch.setattr(f"evidence.data.{module}.find_spec", lambda _: None)
    said = refused("d.parquet", MADE["d.parquet"], alone=alone)
    assert said == (
        "d.parquet: parquet files are read by pyarrow, which is not installed: "
        'pip install "evidence-pack[data]"'
    )
