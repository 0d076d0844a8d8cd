"""A log whose loss runs away: no number from before is the loss at its end."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.command import evidence


def imported(folder: Path, losses: list[str]) -> dict[str, Any]:
    rows = [
        f"{{'loss': {one}, 'learning_rate': 1e-05, 'epoch': {number / 10}}}"
        for number, one in enumerate(losses, 1)
    ]
    (folder / "logs").mkdir()
    text = "logging_steps: 10\n" + "\n".join(rows) + "\n"
    (folder / "logs/training_log.txt").write_text(text)
    assert evidence("import", "logs", "--id", "N1").exit == 0
    assert evidence("verify", "runs/N1").exit == 0
    results = json.loads(Path("runs/N1/results.json").read_bytes())
    return {**results["values"], "table": results["loss_table"]}


@pytest.mark.parametrize("word", ["nan", "'nan'", "inf", "'-inf'"])
def test_a_loss_that_ran_away_is_not_left_out_of_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str
) -> None:
    monkeypatch.chdir(tmp_path)
    found = imported(tmp_path, ["3.0", "1.5", word, word])
    assert found["train.loss_start"]["value"] == 3.0
    assert found["train.loss_end"]["value"] is None
    assert word.strip("'") in found["train.loss_end"]["unavailable"]
    assert "training_log.txt#L5" in found["train.loss_end"]["unavailable"]


def test_one_in_the_midst_shifts_no_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = imported(tmp_path, ["nan", "3.0", "nan", "1.5"])
    assert found["train.loss_start"]["value"] is None
    assert found["train.loss_end"]["value"] == 1.5
    assert found["table"] == []  # steps followed from how often rows were logged
