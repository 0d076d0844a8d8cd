"""Laws of what is too large, too deep or meant to harm: read within limits, and never silently."""

from __future__ import annotations

import gzip
import os
import resource
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from evidence.errors import UsageError
from evidence.foreign import facts, lines, reading, walking
from evidence.foreign.facts import Source

CPU_S = 10.0


def read(tmp_path: Path, name: str, data: bytes) -> Source:
    (tmp_path / name).write_bytes(data)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
    source = reading.file(tmp_path / name, name)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_utime - before < CPU_S
    return source


def aliases(levels: int, width: int) -> bytes:
    names = [chr(97 + level) for level in range(levels + 1)]
    rows = [f"{b}: &{b} [{','.join([f'*{a}'] * width)}]" for a, b in pairwise(names)]
    return ("a: &a []\n" + "\n".join(rows) + "\n").encode()


@pytest.mark.parametrize(("name", "data"), [
    ("a.json", b"[" * 400_000), ("a.json", b'{"a":' * 100_000),
    ("a.json", b"[1" + b",1" * 2_000_000),
    ("a.yaml", aliases(9, 9)), ("a.yaml", aliases(10, 5)), ("a.yaml", b"[" * 200_000),
    ("a.toml", b".".join([b"a"] * 40_000) + b" = 1\n"), ("a.toml", b"a = " + b"[" * 100_000),
    ("a.toml", b"a" * 900_000 + b" ." * 20 + b"=1"), ("a.jsonl", b'{"a":' * 5_000 + b"\n{}\n"),
    ("a.log", b"{'a': 1,\n" * 50_000), ("a.log", b"'b': 2,\n" * 50_000),
    ("a.csv", b'a,b\n"' + b"x,1\n" * 100_000), ("a.safetensors", struct.pack("<Q", 1 << 62)),
    ("a.safetensors", struct.pack("<Q", 1 << 20) + b'{"a":' * 200_000),
    ("x.tfevents.1", struct.pack("<Q", 1 << 62) + bytes(99)), ("a.wandb", b"no"),
    ("a.db", b"SQLite format 3\0" + b"\xff" * 5_000), ("a.log", b"a:1 " * 500_000)])  # fmt: skip
def test_what_cannot_be_read_is_said(name: str, data: bytes, tmp_path: Path) -> None:
    assert read(tmp_path, name, data).notes or name == "a.log"


@pytest.mark.parametrize("data", [
    b"\x1b]" + b"a" * 2_000_000, b"\x1b]aaa" * 400_000, b"\x1b[1;" * 400_000, b"{'" * 500_000,
    (b"=" * 3_900 + b"\n") * 200, (b" " * 3_900 + b"=\n") * 200, (b"1" * 3_900 + b":\n") * 200,
    (b"a" * 3_900 + b": x\n") * 200, b"\r" * 1_000_000, b"|" * 1_000_000])  # fmt: skip
def test_no_text_takes_long(data: bytes, tmp_path: Path) -> None:
    read(tmp_path, "a.log", data + b"\nloss: 0.5\n")


def test_the_end_of_a_long_log_is_kept(tmp_path: Path) -> None:
    rows = b"".join(b"step:%d/200000 loss:1.5 lr:0.1\n" % n for n in range(200_000))
    middle = rows[: len(rows) // 2] + b"\nbest val_loss:0.75\n" + rows[len(rows) // 2 :]
    source = read(tmp_path, "a.log", middle + b"final_loss: 0.25\n")
    assert len(source.facts) <= facts.MAX_FACTS
    assert (source.facts[0].step, source.facts[-1].text) == (0, "0.25")
    assert [one.text for one in source.facts if one.name == "val_loss"] == ["0.75"]
    assert source.is_partial
    assert "the first and the last are kept" in source.notes[0]


def test_a_folder_of_long_logs_is_kept_within_one_limit(tmp_path: Path) -> None:
    rows = b"".join(b"step:%d loss:1.5 lr:0.1 norm:2.0 time:5\n" % n for n in range(60_000))
    for number in range(4):
        (tmp_path / f"{number}.log").write_bytes(rows)
    (tmp_path / "small.log").write_bytes(b"loss: 0.5\n" * 100)
    found = {one.path: one for one in reading.folder(tmp_path)}
    assert sum(len(one.facts) for one in found.values()) <= facts.MAX_FACTS_TOGETHER
    assert [one.is_partial for one in found.values()] == [True] * 4 + [False]
    assert len(found["small.log"].facts) == 100


def test_a_line_without_end_is_cut_and_the_next_is_read(tmp_path: Path) -> None:
    long = b"x" * (3 * lines.MAX_LINE_CHARS) + b"loss: 9\n"
    source = read(tmp_path, "a.log", long + b"loss: 0.5\n")
    assert [(one.text, one.place.line) for one in source.facts] == [("0.5", 2)]
    assert "longer than" in source.notes[0]


def test_a_row_behind_redraws_of_one_line_is_read(tmp_path: Path) -> None:
    redraws = b"".join(b"\r %d%%|##  | %d/99 [00:01<00:02]" % (n % 99, n) for n in range(60_000))
    assert len(redraws) > lines.MAX_LINE_CHARS
    source = read(tmp_path, "a.log", b"start\n" + redraws + b"\r{'loss': 0.5}\n")
    assert [(one.text, one.place.line) for one in source.facts] == [("0.5", 2)]


def test_a_hole_of_zeros_is_no_reason_to_leave_a_log(tmp_path: Path) -> None:
    source = read(tmp_path, "a.log", b"loss: 0.5\n" + bytes(8_000) + b"\nloss: 0.4\n")
    assert [one.text for one in source.facts] == ["0.5", "0.4"]
    assert read(tmp_path, "b.log", bytes(8_000)).notes == (reading.NO_TEXT,)


def _zip(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("log.txt", "loss: 0.5")


@pytest.mark.parametrize(("name", "make", "why"), [
    ("a.zip", _zip, "archive"), ("model.pt", _zip, "pickle"),
    ("a.log.gz", lambda path: path.write_bytes(gzip.compress(b"loss: 0.5")), "archive"),
    ("a.pkl", lambda path: path.write_bytes(b"\x80\x04\x95."), "pickle"),
    ("m.safetensors", lambda path: path.write_bytes(
        b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 1\n"), "pointer"),
    ("a.png", lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99)), "binary"),
])  # fmt: skip
def test_what_is_not_opened_is_said(
    name: str, make: Callable[[Path], None], why: str, tmp_path: Path
) -> None:
    make(tmp_path / name)
    (source,) = reading.folder(tmp_path)
    assert (source.facts, len(source.notes)) == ((), 1)
    assert why in source.notes[0]


def test_a_database_of_somebody_is_queried_with_care(tmp_path: Path) -> None:
    path = tmp_path / "mlflow.db"
    store = sqlite3.connect(path)
    store.execute("CREATE TABLE params(key, value, run_uuid)")
    store.execute(
        "CREATE VIEW metrics AS WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)"
        " SELECT 'r' run_uuid, 'k' key, n value, n step, 0 is_nan FROM t"
    )
    store.commit()
    store.close()
    assert "no store of MLflow" in reading.file(path, "mlflow.db").notes[0]


def test_what_is_no_plain_file_is_said_and_not_opened(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / os.fsdecode(b"n\xff.log")).write_bytes(b"loss: 1\n")
    deep = tmp_path.joinpath(*"abcdefghijk")
    deep.mkdir(parents=True)
    found = {one.path: one.notes for one in reading.folder(tmp_path)}
    assert {path: notes[0][:12] for path, notes in found.items()} == {
        "a/b/c/d/e/f/g/h/i": "lies deeper ", "loop": "is a link, w", "n\\xff.log": "has a name t",
        "pipe": "is no plain "}  # fmt: skip


def test_of_too_many_files_the_telling_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walking, "MAX_FILES", 10)
    for number in range(30):
        (tmp_path / f"{number:02}.dat").write_bytes(b"x")
    (tmp_path / "train.log").write_bytes(b"loss: 0.5\n")
    found = reading.folder(tmp_path)
    assert len([one for one in found if one.is_read]) == 10
    assert "train.log" in {one.path for one in found}
    assert "holds 31 files, of which 10 are read" in {note for one in found for note in one.notes}


def test_a_folder_that_is_none_is_an_error_for_a_person(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be opened"):
        reading.folder(tmp_path / "none")


@pytest.mark.parametrize(("name", "text"), [
    ("a.json", r'{"\ud800": {"\udfff": "\ud800"}, "0": 1}'),
    ("trainer_state.json", r'{"log_history": [{"\ud800": 1, "b": "\ud800"}]}'),
    ("r.json", r'{"results": {"\ud800": {"acc,\ud800": 1}}, "versions": {}}'),
    ("a.json", r'{"loss\ud800": [1, 2]}'), ("a.jsonl", r'{"\ud800": "\ud800"}'),
    ("a.log", r':::MLLOG {"key": "\ud800", "value": "\ud800"}'),
    ("a.ipynb", r'{"nbformat": 4, "cells": [{"outputs": [{"text": "\ud800: 1\n"}]}]}'),
])  # fmt: skip
def test_half_a_character_is_shown_as_none(name: str, text: str, tmp_path: Path) -> None:
    source = read(tmp_path, name, text.encode())
    for one in source.facts:
        assert " ".join((one.name, one.text, str(one.place), *one.scope)).encode("utf-8")
