"""Laws of lines that programs print: names, steps, stages, units, as they stand there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.foreign import numbers, reading
from evidence.foreign.facts import Fact, Source

OF = ("of",)


def facts(tmp_path: Path, text: str, name: str = "run.log") -> tuple[Fact, ...]:
    return read(tmp_path, text, name).facts


def read(tmp_path: Path, text: str, name: str = "run.log") -> Source:
    (tmp_path / name).write_text(text, encoding="utf-8", newline="")
    return reading.file(tmp_path / name, name)


def told(found: tuple[Fact, ...]) -> list[tuple[str, str]]:
    return [(one.name, one.text) for one in found if one.scope[-1:] != OF]


@pytest.mark.parametrize(("line", "expected"), [
    ("step 250: train loss 1.96, val loss 2.03", [("train loss", "1.96"), ("val loss", "2.03")]),
    ("iter 250: loss 1.81, time 1023.12ms, mfu 23.41%",
     [("loss", "1.81"), ("time", "1023.12ms"), ("mfu", "23.41%")]),
    ("step    1/37 | loss 11.003 (+nanz)| norm 15.4 (+nanz)| lr 8.57e-07 | 171560 tok/s",
     [("loss", "11.003"), ("norm", "15.4"), ("lr", "8.57e-07"), ("tok/s", "171560")]),
    ("Average loss: 0.0271, Accuracy: 9913/10000 (99%)",
     [("Average loss", "0.0271"), ("Accuracy", "9913"), ("Accuracy", "99%")]),
    ("Epoch 3: loss 0.12", [("loss", "0.12"), ("epoch", "3")]),
    ("Epoch 1/3, Train Loss: 0.43, Val Acc: 87.12%",
     [("Train Loss", "0.43"), ("Val Acc", "87.12%"), ("epoch", "1")]),
    ("[2024-01-01 12:00:00,123][INFO] - loss: 0.5", [("loss", "0.5")]),
    ("2024-01-01 12:00:00,123 - INFO - val_loss: 0.6", [("val_loss", "0.6")]),
    ("INFO:__main__:eval_loss = 0.7", [("eval_loss", "0.7")]),
    ("W0501 22:35:33.727000 3892303 torch/run.py:803] world_size: 8", [("world_size", "8")]),
    ("trainable params: 1,179,648 || all params: 1,236,994,048",
     [("trainable params", "1,179,648"), ("all params", "1,236,994,048")]),
    ("buckets:64,128,192,256 iters_each:3", [("buckets", "64,128,192,256"), ("iters_each", "3")]),
    ("peak memory allocated: 41697 MiB reserved: 41720 MiB",
     [("peak memory allocated", "41697 MiB"), ("reserved", "41720 MiB")]),
    ("Code size (compressed): 37155 bytes", [("Code size (compressed)", "37155 bytes")]),
    ("c1/289 lr:0.001 t:0.3s", [("lr", "0.001"), ("t", "0.3s")]),
    ("accuracy: 0.81 \u00b1 0.02", [("accuracy", "0.81"), ("accuracy", "0.02")]),
    ("torch: 2.1.0+cu118", [("torch", "2.1.0+cu118")]),
    ("commit: 12abcde", [("commit", "12abcde")]), ("start time: 12:30:05",
     [("start time", "12:30:05")]), ("train.py:123 warning", []),
    ("Total optimization steps = 138", [("Total optimization steps", "138")]),
    ("{'eval_loss': tensor(0.5, device='cuda:0'), 'acc': np.float64(0.75)}",
     [("eval_loss", "0.5"), ("acc", "0.75")]),
    ('| INFO | train_inner | {"epoch": 1, "loss": "3.214"}', [("epoch", "1"), ("loss", "3.214")]),
    (":::MLLOG {\"key\": \"train_loss\", \"value\": 11.8, \"metadata\": {\"lineno\": 3}}",
     [("train_loss", "11.8")])])  # fmt: skip
def test_a_line_says_what_stands_there(
    line: str, expected: list[tuple[str, str]], tmp_path: Path
) -> None:
    assert told(facts(tmp_path, line + "\n")) == expected


@pytest.mark.parametrize(("line", "scope"), [
    ("quantized_ttt val_loss:2.79 val_bpb:1.08", ("quantized_ttt",)),
    ("diagnostic pre-quantization val_loss:2.32 val_bpb:1.06", ("diagnostic pre-quantization",)),
    ("[rank3]: val_loss: 2.0 val_bpb: 1.0", ("rank 3",))])  # fmt: skip
def test_what_a_whole_line_is_of_is_a_scope(
    line: str, scope: tuple[str, ...], tmp_path: Path
) -> None:
    found = facts(tmp_path, line + "\n")
    assert [(one.name, one.scope) for one in found] == [("val_loss", scope), ("val_bpb", scope)]


@pytest.mark.parametrize(("text", "seconds"), [
    ("0:01:13.22", 73.22), ("1m 13s", 73.0), ("1h 2m 3s", 3723.0), ("12:34", None), ("x", None),
    ("2 days, 1:00:00", 176400.0), ("45.5s", 45.5), ("", None)])  # fmt: skip
def test_a_duration_is_in_seconds(text: str, seconds: float | None) -> None:
    assert numbers.seconds(text) == seconds


def test_a_table_of_totals_is_no_logged_row(tmp_path: Path) -> None:
    text = ("***** train metrics *****\n  epoch         =  2.0\n  train_loss    =  3.9\n"
            "  train_runtime = 0:01:13.22\n  total_flos    = 779660GF\n"
            "{'loss': 1.5}\n")  # fmt: skip
    found = facts(tmp_path, text)
    assert [(one.name, one.value, one.row) for one in found] == [
        ("epoch", 2.0, None), ("train_loss", 3.9, None), ("train_runtime", 73.22, None),
        ("total_flos", 779660, None), ("loss", 1.5, 0)]  # fmt: skip
    assert {one.scope for one in found[:4]} == {("train metrics",)}


def test_a_progress_bar_is_no_row(tmp_path: Path) -> None:
    bar = "\r{0}%|###  | {0}/100 [00:01<00:02, 1.2it/s, loss=0.{0}]"
    found = facts(tmp_path, "".join(bar.format(n) for n in (10, 20, 30)) + "\nloss: 0.5\n")
    assert [(one.name, one.text, one.row is None) for one in found] == [
        ("loss", "0.10", True), ("loss", "0.20", True), ("loss", "0.30", True),
        ("loss", "0.5", False)]  # fmt: skip


def test_a_full_bar_of_keras_is_the_row_of_its_epoch(tmp_path: Path) -> None:
    text = ("Epoch 2/3\n\r 1/138 [......................] - ETA: 10s - loss: 0.9"
            "\r138/138 [======================] - 12s 80ms/step - loss: 0.32 - val_loss: 0.4\n"
            "Epoch 3/3\n138/138 \u2501\u2501\u2501\u2501 12s 80ms/step - loss: 0.25\n")  # fmt: skip
    rows = [(one.row, one.name, one.value) for one in facts(tmp_path, text) if one.row is not None]
    assert [(name, value) for _, name, value in rows] == [
        ("loss", 0.32), ("val_loss", 0.4), ("epoch", 2), ("loss", 0.25), ("epoch", 3)]  # fmt: skip


PROGRAM = ("import os\nimport sys\nfrom x import y\n\nclass A:\n    lr = 0.1\n\ndef f():\n"
           "    print(f'step:{s} val_loss:{v:.4f}')\nval_loss = 9.9\n")  # fmt: skip


@pytest.mark.parametrize("ruler", ["=" * 100 + "\n", ""])
def test_a_program_at_the_head_of_a_log_was_typed(ruler: str, tmp_path: Path) -> None:
    rows = "".join(f"step:{n}/100 val_loss:{5 - n / 100:.2f}\n" for n in range(101))
    source = read(tmp_path, PROGRAM + ruler + rows)
    assert [one.value for one in source.facts if one.name == "val_loss"][:2] == [5.0, 4.99]
    assert len([one for one in source.facts if one.name == "val_loss"]) == 101
    assert "text of a program" in source.notes[0]


def test_a_table_of_nvidia_smi_in_a_log_is_of_the_machine(tmp_path: Path) -> None:
    text = (
        "Running PyTorch 2.10.0+cu128 compiled for CUDA 12.8\n"
        "| NVIDIA-SMI 580.95.05    Driver Version: 580.95.05    CUDA Version: 13.0 |\n"
        "|   0  NVIDIA H100 80GB HBM3     On  |   00000000:04:00.0 Off |        0 |\n"
        "| N/A   44C    P0   125W /  700W |    1521MiB /  81559MiB |      0%      Default |\n"
        "| Processes: |\n|  0  N/A  N/A  77  C  /home/ann/python  512MiB |\nstep:1/2 loss:3.5\n"
    )
    found = facts(tmp_path, text)
    assert [(one.name, one.text) for one in found if one.step is None and one.scope != OF] == [
        ("PyTorch", "2.10.0+cu128"), ("driver_version", "580.95.05"), ("cuda_version", "13.0"),
        ("gpu_name", "NVIDIA H100 80GB HBM3"), ("memory_used_mib", "1521"),
        ("memory_total_mib", "81559")]  # fmt: skip


def test_a_table_of_an_evaluation_in_a_log(tmp_path: Path) -> None:
    text = ("|Tasks|Version|Filter|n-shot|Metric| |Value | |Stderr|\n|--|--|--|--|--|--|--|--|--|\n"
            "|arith|3|flexible|5|exact_match|\u2191|0.8920|\u00b1|0.0085|\n"
            "| | |strict|5|exact_match|\u2191|0.8440|\u00b1|0.0100|\n")  # fmt: skip
    assert [(one.name, one.text, one.scope) for one in facts(tmp_path, text)] == [
        ("exact_match", "0.8920", ("arith", "flexible")),
        ("exact_match_stderr", "0.0085", ("arith", "flexible")),
        ("exact_match", "0.8440", ("arith", "strict")),
        ("exact_match_stderr", "0.0100", ("arith", "strict"))]  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), [
    ("a.csv", "\ufeffname, used [MiB]\nA, 123 MiB\n", [("name", "A"), ("used [MiB]", 123)]),
    ("a.csv", "Step;loss\n1;0,5\n", [("Step", 1), ("loss", 0.5)]),
    ("a.tsv", "commit\tbpb\tnote\na1b\t0.99\tsaid \"no\n", [("commit", "a1b"), ("bpb", 0.99),
                                                         ("note", 'said "no')]),
    ("a.txt", "step,loss\n1,0.5\n", [("step", 1), ("loss", 0.5)]),
    ("a.yaml", "lr: 2e-5\nm:\n  on: true\n", [("lr", 2e-5), ("on", True)]),
    ("a.json", '{"loss": [0.5, 0.25], "acc": [1, 2]}',
     [("loss", 0.5), ("acc", 1), ("loss", 0.25), ("acc", 2)]),
    ("a.json", '[{"step": 1, "loss": NaN}]', [("step", 1), ("loss", "NaN")]),
    ("a.jsonl", '{"elapsed_time": "1:39:39", "start_time": "1:39:39"}\n',
     [("elapsed_time", 5979.0), ("start_time", "1:39:39")]),
    ("a.toml", "lr = 1.50\n", [("lr", 1.5)]), ("page.md", "accuracy: 0.99\n", [])])  # fmt: skip
def test_tables_and_documents(
    name: str, text: str, expected: list[tuple[str, Any]], tmp_path: Path
) -> None:
    assert [(one.name, one.value) for one in facts(tmp_path, text, name)] == expected


def test_what_cells_of_a_notebook_printed_is_read_and_no_more(tmp_path: Path) -> None:
    table = ("<table><tr><th>Step</th><th>Training Loss</th></tr><tr><td>10</td><td>2.20</td></tr>"
             "<tr><td>20</td><td>1.80</td></tr></table>")  # fmt: skip
    result = "TrainOutput(global_step=20, training_loss=2.0, metrics={'train_runtime': 5.5})"
    cell = {"source": "lr = 0.5\nloss: 9", "outputs": [
        {"output_type": "stream", "text": ["loss: 0.5\n", "loss: 0.4\n"]},
        {"data": {"text/html": table, "text/plain": "<IPython.core.display.HTML object>"}},
        {"data": {"text/plain": [result]}}]}  # fmt: skip
    text = json.dumps({"nbformat": 4, "cells": [cell]})
    found = facts(tmp_path, text, "run.ipynb")
    assert [(one.name, one.text, one.row, one.step) for one in found] == [
        ("loss", "0.5", 0, None), ("loss", "0.4", 1, None), ("Step", "10", 3, 10),
        ("Training Loss", "2.20", 3, 10), ("Step", "20", 4, 20), ("Training Loss", "1.80", 4, 20),
        ("global_step", "20", None, None), ("training_loss", "2.0", None, None),
        ("train_runtime", "5.5", 5, None)]  # fmt: skip
    assert found[2].place.address == "/cells/0/outputs/1/data/text~1html"
