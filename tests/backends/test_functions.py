"""Laws of the process in which the author's functions score answers: whatever they do."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from evidence.records.eval_spec import FunctionSpec
from evidence.records.run import PredictionRow
from evidence.worker.functions import MAX_PRINTED_BYTES, FunctionError, Functions

ROW = PredictionRow(
    index=1, id="q1", prompt="p", target="t", output="o", answer="an answer", finish_reason="eos",
    num_prompt_tokens=1, num_output_tokens=1, prompt_sha256="", target_sha256="", output_sha256="",
    groups={}, scores={},
)  # fmt: skip


def loaded(folder: Path, code: str, limit_s: float = 20.0) -> Functions:
    (folder / "metrics.py").write_text(code)
    return Functions(folder, (FunctionSpec("metrics.py", "score"),), limit_s)


def scored(folder: Path, body: str, limit_s: float = 20.0, **row: Any) -> bool | float:
    code = f"def score(prediction, row):\n    {body}\n"
    with loaded(folder, code, limit_s) as functions:
        return functions.scored(ROW, row, "eval.jsonl:2").measured["score"]


@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("return len(prediction)", 9.0),
        ("return prediction == 'an answer'", True),
        ("return row['weight'] / 4", 0.5),
        ("import numpy; return numpy.float32(0.5)", 0.5),
        ("import numpy; return numpy.bool_(True)", True),
        ("return -1e100", -1e100),
    ],
)
def test_a_score_is_a_number_or_a_yes_or_no(body: str, value: object, tmp_path: Path) -> None:
    if "numpy" in body:
        pytest.importorskip("numpy")
    found = scored(tmp_path, body, weight=2)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise KeyError('no gold')", "it raised KeyError: 'no gold'"),
        ("import sys; sys.exit(3)", "it raised SystemExit: 3"),
        ("import os; os._exit(4)", "it ended its process (exit status 4)"),
        ("import os; os.abort()", "its process was ended by SIGABRT"),
        ("return '7'", "it returned str, and a score is a number, True or False"),
        ("pass", "it returned NoneType, and a score is a number"),
        ("return float('nan')", "it returned nan, and a score is a number from"),
        ("return 10 ** 200", "it returned 1e+200"),
        ("return 10 ** 400", "it raised OverflowError"),
        ("raise KeyboardInterrupt", "it raised KeyboardInterrupt"),
    ],
)
def test_one_that_gives_none_is_named_with_file_row_and_question(
    body: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(FunctionError) as caught:
        scored(tmp_path, body)
    place = "metrics.py: score gave no score for eval.jsonl:2 (question 'q1')"
    assert caught.value.message.startswith(f"{place}: {said}")


def test_one_that_never_ends_is_ended(tmp_path: Path) -> None:
    began_s = time.monotonic()
    with pytest.raises(FunctionError, match="it took longer than 1 second"):
        scored(tmp_path, "while True: pass", limit_s=1.0)
    assert time.monotonic() - began_s < 20


def test_one_that_sleeps_while_it_is_loaded_is_ended(tmp_path: Path) -> None:
    with pytest.raises(FunctionError, match=r"metrics\.py:score cannot be loaded: it took longer"):
        loaded(tmp_path, "import time\ntime.sleep(60)\n", 1.0)


def test_what_it_prints_is_no_answer_and_goes_to_the_log_up_to_a_limit(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = 'print(\'{"value": {"number": "7"}}\' * 1_000_000, flush=True); return 1'
    assert scored(tmp_path, body) == 1.0
    shown = capsys.readouterr().err
    assert MAX_PRINTED_BYTES <= len(shown) < MAX_PRINTED_BYTES + 200
    assert "what it printed after them was left out" in shown


def test_the_bytes_that_are_told_are_those_that_were_run(tmp_path: Path) -> None:
    code = "def score(prediction, row):\n    return 1  # ä\r\n"
    (tmp_path / "metrics.py").write_bytes(code.encode())
    with Functions(tmp_path, (FunctionSpec("metrics.py", "score"),), 20.0) as functions:
        (one,) = functions.record.functions
    assert (one.source, one.size_bytes) == (code, len(code.encode()))
