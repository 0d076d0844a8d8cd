"""Every optimizer step stands in the spool, with the program's own numbers to the last digit."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from instrument.programs import EXAMPLES, Run, python

pytestmark = pytest.mark.torch
PRINTED = re.compile(r"step (\d+) loss (\S+) rate (\S+) norm (\S+)")


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run, Path]:
    folder = tmp_path_factory.mktemp("plain")
    script = EXAMPLES / "plain_loop.py"
    recorded = python(script, "--out", "with", cwd=folder, spool=folder / "spool")
    return recorded, python(script, "--out", "without", cwd=folder), folder


@pytest.fixture(scope="module")
def trainer(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Path]:
    folder = tmp_path_factory.mktemp("trainer")
    script = EXAMPLES / "prompt_only.py"
    return python(script, "--out", "out", cwd=folder, spool=folder / "spool"), folder


def test_a_plain_loop_s_rows_are_what_it_printed(plain: tuple[Run, Run, Path]) -> None:
    recorded, _, _ = plain
    printed = PRINTED.findall(recorded.printed)
    rows = recorded.events("step")
    assert len(printed) == len(rows) == 40
    for (step, loss, rate, norm), row in zip(printed, rows, strict=True):
        assert row["num"] == int(step)
        assert f"{row['loss']:.8f}" == loss
        assert f"{row['grad_norm']:.6f}" == norm
        assert f"{row['learning_rates'][0]:.10f}" == rate
        assert row["learning_rates"][0] == pytest.approx(
            3e-3 * (1 - (row["num"] - 1) / 40), abs=1e-12
        )


def test_a_recorded_loop_prints_and_saves_the_same(plain: tuple[Run, Run, Path]) -> None:
    recorded, alone, folder = plain
    assert (recorded.code, recorded.printed, recorded.errors) == (0, alone.printed, alone.errors)
    weights = [(folder / side / "model.pt").read_bytes() for side in ("with", "without")]
    assert weights[0] == weights[1]


def test_tokens_are_counted_and_sequences_have_their_last_target(
    plain: tuple[Run, Run, Path],
) -> None:
    recorded, _, _ = plain
    for row in recorded.events("step"):
        assert (row["num_rows"], row["num_fed_tokens"], row["num_target_tokens"]) == (16, 192, 192)
    for sequence in recorded.events("sequence"):
        assert len(sequence["ids"]) == 13
        assert sequence["labels"] == [-100, *sequence["ids"][1:]]
    said = recorded.one("sequences")
    assert said["num_fed"] == 640
    assert said["num_distinct"] == said["num_kept"] == len(recorded.events("sequence"))
    assert said["complete"]


def test_weights_are_told_before_and_after(plain: tuple[Run, Run, Path]) -> None:
    recorded, _, _ = plain
    before, after = recorded.events("weights")
    assert (before["moment"], after["moment"]) == ("before", "after")
    assert before["sha256"] != after["sha256"]
    assert after["num_changed"] == after["num_compared"] == recorded.one("model")["num_parameters"]


def test_a_trainer_s_rows_are_what_it_logs_and_prints(trainer: tuple[Run, Path]) -> None:
    recorded, folder = trainer
    assert recorded.code == 0, recorded.errors
    state = json.loads((folder / "out/trainer_state.json").read_text("utf-8"))
    logged = [entry for entry in state["log_history"] if "loss" in entry]
    printed = re.findall(r"\{'loss': '([^']+)'", recorded.printed)
    rows = recorded.events("step")
    assert len(rows) == len(logged) == len(printed) == 138
    for row, entry, words in zip(rows, logged, printed, strict=True):
        assert (row["num"], row["loss"]) == (entry["step"], entry["loss"])
        assert row["learning_rates"] == [entry["learning_rate"]] * 2
        assert (row["grad_norm"], row["epoch"]) == (entry["grad_norm"], entry["epoch"])
        assert f"{row['loss']:.4g}" == words
        used = 1e-3 * (138 - (row["num"] - 1)) / 138
        assert row["learning_rates"][0] == pytest.approx(used, abs=1e-12)


def test_a_trainer_s_log_is_told_as_it_is(trainer: tuple[Run, Path]) -> None:
    recorded, folder = trainer
    state = json.loads((folder / "out/trainer_state.json").read_text("utf-8"))
    logged = recorded.events("logged")
    assert len(logged) == len(state["log_history"])
    for event, entry in zip(logged, state["log_history"], strict=True):
        assert event["values"] == {name: entry[name] for name in event["values"]}
        assert event["step"] == entry["step"]


def test_what_a_trainer_was_fed_is_kept_with_its_tokenizer(trainer: tuple[Run, Path]) -> None:
    recorded, folder = trainer
    assert recorded.one("sequences")["num_fed"] == 550
    assert sum(row["num_rows"] for row in recorded.events("step")) == 550
    tokenizer = recorded.one("tokenizer")
    assert (folder / "spool" / tokenizer["file"]).is_file()
    assert all(s["ids"] == s["labels"] for s in recorded.events("sequence"))
    opened = {Path(event["path"]).name: event for event in recorded.events("opened")}
    assert opened["dev-reasoning.jsonl"]["mode"] == "read"
    assert opened["prompt_only.py"]["how"] == "source"
    assert opened["model.safetensors"]["mode"] == "written"
    assert (
        opened["model.safetensors"]["size_bytes"]
        == (folder / "out/model.safetensors").stat().st_size
    )


def test_nothing_failed_and_nothing_was_replaced(
    plain: tuple[Run, Run, Path], trainer: tuple[Run, Path]
) -> None:
    for recorded in (plain[0], trainer[0]):
        assert recorded.events("hook-failed", "patched", "unseen") == []
        assert recorded.one("end")["how"] == "exit"
