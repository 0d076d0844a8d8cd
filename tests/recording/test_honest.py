"""Honest recorded packs are never accused: whatever a program tells of its steps and files."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recording.programs import PYTHON, Recorded, make_repository, program, record

ALONE = (PYTHON, "-I")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


def recorded(root: Path, source: str, *collect: str) -> Recorded:
    made = record(root, [*ALONE, program(root, source)[1]], collect=collect)
    report = made.verified()
    assert report.verdict == "INTACT", report.findings
    return made


def test_a_trainer_that_went_on_from_a_checkpoint_is_compared_with_nothing(root: Path) -> None:
    source = "process()\nfor n in range(1, 9):\n    step(n, 1 / n)\n"
    source += "    tell('logged', by='Trainer', step=n + 4, values={'loss': 1 / n})\n"
    made = recorded(root, source)
    assert made.read("program/numbers.json")["differing"] == []


def test_a_trainer_from_the_start_is_compared_and_a_later_lie_found(root: Path) -> None:
    source = "process()\nfor n in range(1, 5):\n    step(n, 1 / n)\n"
    source += "    tell('logged', by='Trainer', step=n, values={'loss': 1 / n if n < 4 else 9.0})\n"
    numbers = recorded(root, source).read("program/numbers.json")
    assert (numbers["num_told_twice"], len(numbers["differing"])) == (4, 1)


def test_a_state_of_another_run_is_compared_with_nothing(root: Path) -> None:
    (root / "out").mkdir()
    state = '{"log_history": [{"step": 1, "loss": 0.5}, {"step": 2, "loss": 7.0}]}'
    (root / "out/trainer_state.json").write_text(state, encoding="utf-8")
    made = recorded(root, "process()\nstep(1)\nstep(2)\n", "out/*")
    numbers = made.read("program/numbers.json")
    assert (numbers["num_told_twice"], numbers["differing"]) == (0, [])


def test_a_secret_that_is_cut_from_the_log_makes_no_lie(root: Path) -> None:
    source = "process()\nstep(1)\ntell('logged', by='Trainer', step=1, values={'loss': 0.5})\n"
    source += "print(\"{'loss': 0.5, 'key': 'ghp_\" + 'a1B2' * 9 + \"'}\")\n"
    assert "redacted" in recorded(root, source).log


@pytest.mark.parametrize("facts", [
    "num_target_tokens=9", "num_tokens=-1", "num_fed_tokens=2", "learning_rates=[float('inf')]",
    "num_rows=-3", "num_losses=-1", "epoch=float('nan')", "shared_with=-1"])  # fmt: skip
def test_a_step_that_cannot_be_so_is_said_and_is_no_lie(root: Path, facts: str) -> None:
    made = recorded(root, f"process()\nstep(1)\nstep(2, {facts})\nstep(3)\n")
    assert made.result.status == "complete"
    assert made.not_seen or "shared" in facts


def test_steps_out_of_order_are_counted_as_they_came(root: Path) -> None:
    made = recorded(root, "process()\nstep(7)\nstep(3)\nstep(3)\n")
    assert [one["step"] for one in made.steps] == [1, 2, 3]
    assert any(what == "a number of a step" for what, _ in made.not_seen)


def test_labels_of_another_length_are_not_kept(root: Path) -> None:
    source = "process()\nstep(1)\ntell('sequence', ids=[1, 2], labels=[1])\n"
    source += "tell('batch', step=1, forward=0, rows=[{'ids': [1, 2], 'labels': [1]}])\n"
    made = recorded(root, source)
    (batch,) = made.read("program/seen.json")["batches"]
    assert batch["rows"][0]["labels"] is None


def test_values_without_a_process_are_no_silence(root: Path) -> None:
    made = recorded(root, "tell('reported', what='metric', name='acc', value=0.5)\n")
    assert [what for what, _ in made.not_seen if what != "files to keep"] == ["steps"]


@pytest.mark.parametrize("told", [
    "tell('model', **{'class': 'M', 'model': 0, 'num_parameters': 5, 'num_trainable': 9})",
    "step(2, losses=[0.7])", "step(2, num_losses=4)", "step(2, t=1e12)\n    step(3, t=-1e9)",
    "tell('batch', step=9, forward=0, rows=[{'ids': [1], 'labels': [1]}])",
    "tell('tokenizer', **{'class': 'T', 'eos_id': 2})\n    tell('sequence', ids=[1])",
    "tell('sequence', ids=[1, 2], labels=[-100, -100])\n"
    "    tell('sequences', num_fed=1, complete=True)\n"
    "    tell('batch', step=1, forward=0, rows=[{'ids': [1, 2], 'labels': [-100, 2]}])",
    "step(2, loss=0.0, losses=[1e6, -1e6], num_losses=2)"])  # fmt: skip
def test_what_contradicts_itself_is_told_of_and_is_no_lie(root: Path, told: str) -> None:
    recorded(root, f"process()\nstep(1)\nif True:\n    {told}\nstep(7)\n")


def test_data_that_were_written_again_are_said_to_be_others(root: Path) -> None:
    source = "process()\nstep(1)\npath = os.path.abspath('data.jsonl')\nfound = os.stat(path)\n"
    source += "tell('opened', path=path, mode='read', how='open', size_bytes=found.st_size,"
    source += " mtime_ns=found.st_mtime_ns)\ntime.sleep(1)\n"
    source += "open(path, 'a').write('{}' + chr(10))\n"
    source += "tell('tokenizer', **{'class': 'T', 'pieces': {'1': 'q'}})\n"
    source += "tell('sequence', ids=[1])\n"
    report = recorded(root, source).verified()
    assert "program-inputs" in {one.code for one in report.findings}, report.findings
