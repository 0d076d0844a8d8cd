"""Data past what may be held in memory give the very same rows, facts and refusals."""

from __future__ import annotations

import errno
import gc
import gzip
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from evidence import limits
from evidence.data import stored
from evidence.data.asked import describe
from evidence.data.content import content_of, content_of_file
from evidence.data.examples import examples_of
from evidence.data.read import load_data
from evidence.data.stored import Part, Stored
from evidence.data.tokens import Coder
from evidence.encoding import jsonio
from evidence.encoding.digest import git_blob_sha1, sha256_hex, with_lf
from evidence.errors import MilestoneError
from evidence.milestone.parse import parse_milestone
from evidence.records.milestone import DataSpec
from evidence.rules.questions import Question
from evidence.text import templating

ROWS: tuple[dict[str, Any], ...] = (
    {"z": "last letter first", "answer": "1", "level": 1, "more": {"b": [2.5, None], "a": True}},
    {"z": "ä\u2028🙂", "answer": "2", "level": 2, "more": {}},
    {
        "z": "last letter first",
        "answer": "3",
        "level": 1,
        "more": {"a": -9_223_372_036_854_775_807},
    },
    {"z": "LAST letter  first", "answer": "1", "level": 2, "more": {"a": 1e-300}},
)
LINES = b"".join(json.dumps(row).encode() + b"\n" for row in ROWS)
TABLE = b"z,answer,level\n" + b"".join(
    f'"{row["z"]}",{row["answer"]},{row["level"]}\n'.encode() for row in ROWS
)
FIELDS = {"level": "integer"}


def parquet() -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    plain = [{key: row[key] for key in ("z", "answer", "level")} for row in ROWS]
    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.Table.from_pylist(plain), sink, row_group_size=3)
    return bytes(sink.getvalue())


def arrow() -> bytes:
    pyarrow = pytest.importorskip("pyarrow")
    plain = [{key: row[key] for key in ("z", "answer", "level")} for row in ROWS]
    table = pyarrow.Table.from_pylist(plain)
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table, max_chunksize=3)
    return bytes(sink.getvalue())


MADE: dict[str, Callable[[], bytes]] = {
    "d.jsonl": lambda: LINES,
    "open.jsonl": lambda: LINES[:-1],
    "crlf.jsonl": lambda: LINES.replace(b"\n", b"\r\n"),
    "d.jsonl.gz": lambda: gzip.compress(LINES[:70]) + gzip.compress(LINES[70:]) + b"\0" * 9,
    "d.json": lambda: json.dumps(ROWS).encode(),
    "d.csv": lambda: TABLE,
    "d.csv.gz": lambda: gzip.compress(TABLE),
    "d.parquet": parquet,
    "d.arrow": arrow,
}


@pytest.fixture(params=[0, 100])
def small(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """What makes next to nothing fit into memory."""
    return lambda: monkeypatch.setattr(stored, "HELD_BYTES", request.param)


def milestone(path: str, where: str = "") -> Any:
    text = f"""schema = "milestone.v1"
id = "M1"
title = "Larger than memory"
kind = "fine-tune-and-eval"
objective = "Rows are the same in a file."
[model]
path = "model"
[data.train]
path = "{path}"
answer = ["answer"]
text = "{{{{ z }}}} {{{{ answer }}}}"
{where}
[data.train.fields]
z = "string"
answer = "string"
level = "integer"
[data.eval]
path = "asked.jsonl"
[train]
batch_size = 1
gradient_accumulation = 1
learning_rate = 1e-3
[eval]
prompt = "{{{{ z }}}}"
target_field = "answer"
[[attempt]]
name = "tiny"
backend = "transformers"
"""
    return parse_milestone(text.encode())


@pytest.mark.parametrize("where", ["", "where = { level = 1 }"])
@pytest.mark.parametrize("name", MADE)
def test_rows_places_and_facts_are_the_same(
    name: str, where: str, tmp_path: Path, small: Callable[[], None]
) -> None:
    (tmp_path / name).write_bytes(MADE[name]())
    (tmp_path / "asked.jsonl").write_bytes(b'{"z": "LAST LETTER FIRST", "answer": "1"}\n')
    wanted = milestone(name, where)

    def found() -> tuple[Any, ...]:
        data = load_data(tmp_path, "train", wanted.data["train"])
        other = load_data(tmp_path, "eval", wanted.data["eval"])
        told = describe(wanted, data, other, templating.compile_text)
        places = [data.place(index) for index in range(len(data.rows))]
        return data, [list(row.items()) for row in data.rows], places, told

    held, rows, places, told = found()
    assert isinstance(held.rows, tuple)
    small()
    spilled, *again = found()
    assert isinstance(spilled.rows, (Stored, Part))
    assert again == [rows, places, told]
    assert told.num_rows == len(rows) == (2 if where else 4)
    assert told.num_conflicting_prompts == 1


def test_several_files_are_the_same(tmp_path: Path, small: Callable[[], None]) -> None:
    (tmp_path / "a.jsonl").write_bytes(LINES)
    (tmp_path / "b.csv").write_bytes(TABLE)
    spec = DataSpec(paths=("a.jsonl", "b.csv"), fields=FIELDS)
    held = load_data(tmp_path, "train", spec)
    small()
    spilled = load_data(tmp_path, "train", spec)
    assert tuple(spilled.rows) == held.rows
    assert (spilled.content, spilled.files, spilled.places) == (
        held.content,
        held.files,
        held.places,
    )


BAD = {
    "d.jsonl": LINES + b'{"z": 1\n' + LINES + b"\n",
    "two.jsonl": LINES + b'{"z": 1, "z": 2}\n{"level": "no"}\n',
    "d.csv": TABLE + b"one\n",
    "none.jsonl": b"",
    "cut.jsonl.gz": gzip.compress(LINES)[:-9],
    "not.jsonl.gz": LINES,
    "wrong.jsonl": TABLE,
    "lfs.jsonl": b"version https://git-lfs.github.com/spec/v1\n",
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_refused_is_refused_in_the_same_words(
    name: str, tmp_path: Path, small: Callable[[], None]
) -> None:
    (tmp_path / name).write_bytes(BAD[name])
    spec = DataSpec(path=name, fields=FIELDS)
    said = []
    for change in (lambda: None, small):
        change()
        with pytest.raises(MilestoneError) as caught:
            load_data(tmp_path, "train", spec)
        said.append((caught.value.message, caught.value.hint))
    assert said[0] == said[1]
    assert name in said[0][0]


def test_tokens_are_the_same(tmp_path: Path, small: Callable[[], None]) -> None:
    (tmp_path / "d.jsonl").write_bytes(LINES)
    spec = milestone("d.jsonl").data["train"]

    def encode(text: str) -> tuple[list[int], list[tuple[int, int]]]:
        return [ord(sign) for sign in text], [(at, at + 1) for at in range(len(text))]

    coder = Coder(encode, lambda ids: "".join(map(chr, ids)), None, 0)
    held = examples_of(load_data(tmp_path, "train", spec), spec, coder, 12)
    assert isinstance(held, tuple)
    small()
    spilled = examples_of(load_data(tmp_path, "train", spec), spec, coder, 12)
    assert isinstance(spilled, Stored)
    assert tuple(spilled) == held
    assert spilled[-1] == held[-1]
    assert tuple(spilled[1:3]) == held[1:3]
    assert tuple(spilled[::-1][:2]) == held[::-1][:2]


def test_an_index_past_the_end_is_none(small: Callable[[], None]) -> None:
    small()
    found = stored.kept([Question(("a" * 200,), ())] * 3, Question)
    with pytest.raises(IndexError):
        found[3]
    with pytest.raises(IndexError):
        found[-4]


def test_no_file_is_left_and_none_has_a_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(stored.tempfile, "tempdir", None)
    monkeypatch.setattr(stored, "HELD_BYTES", 0)
    found = stored.kept([{"a": 1}] * 1000, dict)
    assert isinstance(found, Stored)
    assert list(tmp_path.iterdir()) == []
    assert found[999] == {"a": 1}


def test_a_data_file_that_cannot_be_read_is_not_blamed_on_the_temporary_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stored, "HELD_BYTES", 0)

    def rows() -> Iterator[dict[str, Any]]:
        yield from [{"a": 1}] * 3
        raise OSError(5, "Input/output error")

    with pytest.raises(OSError, match="Input/output error"):
        stored.kept(rows(), dict)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_said_with_what_helps(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored, "HELD_BYTES", 0)
    full = partial(Path("/dev/full").open, "r+b", 0)
    monkeypatch.setattr(stored.tempfile, "TemporaryFile", lambda **_: full())
    with pytest.raises(MilestoneError, match="No space left") as caught:
        stored.kept([{"a": 1}] * 9, dict)
    assert caught.value.hint is not None
    assert "TMPDIR" in caught.value.hint


class FullDisk(io.RawIOBase):
    """Takes no byte, and says so late: what is written waits in memory first."""

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_full_disk_is_said_once(monkeypatch: pytest.MonkeyPatch) -> None:
    complaints: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", complaints.append)
    monkeypatch.setattr(stored, "HELD_BYTES", 0)
    made = [io.BufferedRandom(FullDisk())]
    monkeypatch.setattr(stored.tempfile, "TemporaryFile", lambda **_: made.pop())
    with pytest.raises(MilestoneError, match="No space left"):
        stored.kept([{"a": 1}] * 9, dict)
    gc.collect()
    assert complaints == []


def test_a_tmpdir_that_takes_no_file_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "LASTING_TEMPORARY", str(tmp_path))
    for name in ("TEMP", "TMP"):
        monkeypatch.delenv(name, raising=False)
    for named, wanted in ((tmp_path / "gone", tmp_path), (tmp_path.parent, tmp_path.parent)):
        monkeypatch.setenv("TMPDIR", str(named))
        monkeypatch.setattr(stored.tempfile, "tempdir", None)
        assert stored.folder() == str(wanted)


def test_more_files_than_may_be_open_are_read(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    open_now = len(list(Path("/dev/fd").iterdir()))
    for number in range(open_now + 40):
        (tmp_path / f"{number:04}.jsonl").write_bytes(LINES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (open_now + 20, hard))
    try:
        found = load_data(tmp_path, "train", DataSpec(paths=("*.jsonl",)))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    assert len(found.rows) == len(found.files) * len(ROWS) == (open_now + 40) * len(ROWS)


def test_too_many_rows_are_said_of_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MAX_DATA_ROWS", 3)
    (tmp_path / "d.jsonl").write_bytes(LINES)
    with pytest.raises(MilestoneError) as caught:
        load_data(tmp_path, "train", DataSpec(path="d.jsonl"))
    assert caught.value.message == "d.jsonl: more than 3 lines"


def test_a_file_that_changes_while_it_is_read_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "d.jsonl"
    path.write_bytes(LINES)
    real = stored.kept

    def changing(*given: Any, **more: Any) -> Any:
        found = real(*given, **more)
        path.write_bytes(LINES + LINES)
        return found

    monkeypatch.setattr(stored, "kept", changing)
    with pytest.raises(MilestoneError, match=r"d\.jsonl: changed while it was read"):
        load_data(tmp_path, "train", DataSpec(path="d.jsonl"))


@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "raw", [b"", b"a\r\nb\n", b"a\r", b"\r\n\r\n", b"\r\r\n", b"a\rb\n\r", b"PAR1\r\n", LINES]
)
def test_facts_about_bytes_do_not_depend_on_where_they_are_cut(raw: bytes, size: int) -> None:
    if raw.startswith(b"PAR1") and size < 4:
        pytest.skip("files are read in pieces of 256 KiB: a first one holds what they begin with")
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    found = content_of(lambda: pieces)
    assert found == content_of_file(BytesIO(raw))
    is_text = not raw.startswith(b"PAR1")
    assert found.sha256 == sha256_hex(raw)
    assert found.sha256_lf == sha256_hex(with_lf(raw) if is_text else raw)
    assert found.git_blob == git_blob_sha1(raw)
    assert (found.size_bytes, found.is_text) == (len(raw), is_text)


PEAK = """
import sys
from pathlib import Path
from evidence.data.asked import describe
from evidence.data.read import load_data
from evidence.text import templating
from tests.data.test_larger_than_memory import milestone
root = Path(sys.argv[1])
wanted = milestone("d.jsonl")
data = load_data(root, "train", wanted.data["train"])
other = load_data(root, "eval", wanted.data["eval"])
told = describe(wanted, data, other, templating.compile_text)
assert told.num_rows == int(sys.argv[2]), told.num_rows
peak = next(one for one in Path("/proc/self/status").open() if one.startswith("VmHWM:"))
print(peak.split()[1])
"""


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="/proc/self/status is Linux's")
def test_memory_does_not_grow_with_the_text(tmp_path: Path) -> None:
    peaks_kib = []
    for num_bytes in (2_000, 60_000):  # 4 MB, which is held, and 120 MB
        rows = ({"z": f"{i} " * (num_bytes // 5), "answer": "1", "level": 1} for i in range(2_000))
        (tmp_path / "d.jsonl").write_bytes(b"".join(map(jsonio.dump_row, rows)))
        (tmp_path / "asked.jsonl").write_bytes(b'{"z": "who?", "answer": "1"}\n')
        command = [sys.executable, "-c", PEAK, str(tmp_path), "2000"]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=Path(__file__).parents[2], check=True
        )
        peaks_kib.append(int(done.stdout))
    assert peaks_kib[1] - peaks_kib[0] < 64 * 1024, peaks_kib
