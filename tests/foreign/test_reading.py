"""Laws of files that others wrote: each value at its place, with the digits it was written with."""

from __future__ import annotations

import codecs
import json
import struct
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence.foreign import reading, wire
from evidence.foreign.facts import Source

ROWS_4 = (
    "{'loss': 0.6624, 'grad_norm': 8.125, 'learning_rate': 9.9e-06, 'epoch': 1.52}\n"
    "{'train_runtime': 73.2, 'train_loss': 1.0217112769251284, 'epoch': 2.0}\n"
)
ROWS_5 = "{'loss': '4.597', 'grad_norm': '8.1', 'epoch': '0.7273'}\n{'loss': '4.1', 'epoch': '2'}\n"


def read(folder: Path, name: str, data: bytes | str) -> Source:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return reading.file(path, name)


def told(source: Source) -> list[tuple[str, Any, str, int | None]]:
    return [(one.name, one.value, one.text, one.place.line) for one in source.facts]


def test_rows_of_a_trainer_are_facts_with_their_digits(tmp_path: Path) -> None:
    assert told(read(tmp_path, "a.txt", ROWS_4)) == [
        ("loss", 0.6624, "0.6624", 1), ("grad_norm", 8.125, "8.125", 1),
        ("learning_rate", 9.9e-6, "9.9e-06", 1), ("epoch", 1.52, "1.52", 1),
        ("train_runtime", 73.2, "73.2", 2), ("train_loss", 1.0217112769251284,
        "1.0217112769251284", 2), ("epoch", 2.0, "2.0", 2)]  # fmt: skip
    assert [one[1:3] for one in told(read(tmp_path, "b.txt", ROWS_5))] == [
        (4.597, "4.597"), (8.1, "8.1"), (0.7273, "0.7273"), (4.1, "4.1"), (2, "2")]  # fmt: skip


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_encoding_changes_no_fact(encoding: str, ends: str, tmp_path: Path) -> None:
    plain, other = ROWS_4 + "50 % \u2705\n", (ROWS_4 + "50 % \u2705\n").replace("\n", ends)
    first = read(tmp_path, "plain.txt", plain)
    found = read(tmp_path, "other.txt", other.encode(encoding))
    assert [one[:3] for one in told(found)] == [one[:3] for one in told(first)]
    assert found.text_sha256 == first.text_sha256


@pytest.mark.parametrize("width", [20, 40, 60])
def test_a_row_that_a_console_wrapped_is_one(width: int, tmp_path: Path) -> None:
    words, lines = ROWS_4.split("\n")[0].split(" "), [""]
    for word in words:
        if len(lines[-1]) + len(word) >= width:
            lines.append("")
        lines[-1] += f"{word} "
    found = read(tmp_path, "log.txt", "\n".join(lines) + "\nend\n")
    assert [one[0] for one in told(found)] == ["loss", "grad_norm", "learning_rate", "epoch"]
    assert {one[3] for one in told(found)} == {1}


@pytest.mark.parametrize(("line", "step", "facts"), [
    ("step:2690/2900 val_loss:3.28295 train_time:1520ms", 2690,
     {"val_loss": "3.28295", "train_time": "1520ms"}),
    ("iter 10: loss 4.2, time 100ms", 10, {"loss": "4.2"}),
    ("Step 12 | loss:1.23 lr:2e-05 tokens_per_second_per_gpu:1234.5 ", 12,
     {"loss": "1.23", "lr": "2e-05", "tokens_per_second_per_gpu": "1234.5"}),
    ("4000/20000 val_loss: 2.87 val_bpb: 1.11", 4000, {"val_loss": "2.87", "val_bpb": "1.11"}),
    (" iteration 10/ 100 | lm loss: 1.0E+01 | grad norm: 2.5 |", 10,
     {"lm loss": "1.0E+01", "grad norm": "2.5"}),
    ("step 40, loss: 1.2", 40, {"loss": "1.2"}),
    ("\x1b[31mstep: 1\x1b[0m  loss: \x1b[32m8.18630\x1b[0m  tps: 4,536", 1,
     {"loss": "8.18630", "tps": "4,536"}),
    ("Code size: 16630 bytes", None, {"Code size": "16630 bytes"}),
    ("   Model: google/tiny (revision: main)", None, {"Model": "google/tiny (revision: main)"}),
    ("learning_rate = 3e-4", None, {"learning_rate": "3e-4"})])  # fmt: skip
def test_pairs_of_a_line(
    line: str, step: int | None, facts: dict[str, str], tmp_path: Path
) -> None:
    found = read(tmp_path, "log.txt", line + "\n").facts
    assert facts.items() <= {one.name: one.text for one in found}.items()
    assert {one.step for one in found if one.scope != ("of",)} == {step}


@given(st.binary(max_size=2_000))
def test_any_bytes_are_read_or_left(data: bytes) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name in ("a.txt", "a.json", "a.jsonl", "a.csv", "a.yaml", "a.safetensors", "a.wandb",
                     "events.out.tfevents.1"):  # fmt: skip
            read(Path(folder), name, data)


def test_a_state_of_a_trainer_has_rows_with_steps(tmp_path: Path) -> None:
    state = {"log_history": [{"step": 10, "loss": 0.5, "epoch": 0.1}], "max_steps": 100}
    found = read(tmp_path, "trainer_state.json", json.dumps(state))
    assert found.format == "trainer-state"
    loss = next(one for one in found.facts if one.name == "loss")
    assert (loss.value, loss.step, loss.place.address) == (0.5, 10, "/log_history/0/loss")


def test_two_filters_of_a_metric_are_two_values(tmp_path: Path) -> None:
    results = {"gsm8k": {"exact_match,strict-match": 0.844, "exact_match,flexible-extract": 0.892}}
    found = read(tmp_path, "results.json", json.dumps({"results": results, "versions": {}}))
    assert [(one.name, one.value, one.scope) for one in found.facts] == [
        ("exact_match", 0.844, ("gsm8k", "strict-match")),
        ("exact_match", 0.892, ("gsm8k", "flexible-extract"))]  # fmt: skip


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_the_digits_of_a_single_name_it_and_no_other(value: float) -> None:
    shown = wire.digits_of_single(value)
    assert struct.pack("<f", float(shown)) == struct.pack("<f", value)


def test_a_log_that_is_no_utf8_is_read_and_said_to_be(tmp_path: Path) -> None:
    found = read(tmp_path, "log.txt", b"caf\xe9\nloss: 0.5\n")
    assert (found.encoding, [one.text for one in found.facts]) == ("cp1252", ["0.5"])
    assert found.notes


def test_what_is_typed_in_a_program_is_no_evidence(tmp_path: Path) -> None:
    assert read(tmp_path, "train.py", "accuracy = 0.99\n").facts == ()


def test_links_and_special_files_are_not_followed(tmp_path: Path) -> None:
    import os

    (tmp_path / "in").mkdir()
    (tmp_path / "in/log.txt").write_text("loss: 1\n", encoding="utf-8")
    (tmp_path / "in/link.txt").symlink_to(tmp_path / "in/log.txt")
    os.mkfifo(tmp_path / "in/pipe.txt")
    assert [one.path for one in reading.folder(tmp_path / "in") if one.is_read] == ["log.txt"]
    with pytest.raises(OSError, match="no plain file"):
        reading.file(tmp_path / "in/pipe.txt", "pipe.txt")


def test_marks_of_wider_characters_are_not_taken_for_narrower_ones(tmp_path: Path) -> None:
    data = codecs.BOM_UTF32_LE + "loss: 0.5\n".encode("utf-32-le")
    assert [one.text for one in read(tmp_path, "a.txt", data).facts] == ["0.5"]
