"""Each example runs, and trains to the same bits with the hooks and without."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from instrument.programs import EXAMPLES, ROOT, Event, Run, python, run

pytestmark = pytest.mark.torch
WEIGHTS = {
    "chat_masking.py": "model.safetensors",
    "prompt_only.py": "model.safetensors",
    "vision.py": "model.pt",
}


def _needs(module: str) -> pytest.MarkDecorator:
    found = importlib.util.find_spec(module) is not None
    return pytest.mark.skipif(not found, reason=f"{module} is not installed")


@pytest.mark.full
@pytest.mark.parametrize(
    ("name", "file"),
    [
        *WEIGHTS.items(),
        pytest.param("lightning_module.py", "model.pt", marks=_needs("lightning")),
    ],
)
def test_weights_are_the_same_to_the_bit(name: str, file: str, tmp_path: Path) -> None:
    both = [
        python(EXAMPLES / name, "--out", "with", cwd=tmp_path, spool=tmp_path / "spool"),
        python(EXAMPLES / name, "--out", "without", cwd=tmp_path),
    ]
    assert [ended.code for ended in both] == [0, 0], both[0].errors
    assert (tmp_path / "with" / file).read_bytes() == (tmp_path / "without" / file).read_bytes()
    assert both[0].events("hook-failed", "patched") == []


@pytest.mark.full
def test_pictures_are_counted_and_evaluations_told_apart(tmp_path: Path) -> None:
    ended = python(EXAMPLES / "vision.py", cwd=tmp_path, spool=tmp_path / "spool")
    rows = ended.events("step")
    assert {(row["num_rows"], row["num_targets"]) for row in rows} == {(32, 32)}
    assert {row["num_target_tokens"] for row in rows} == {None}
    phases = [(event["after_step"], event["num_rows"]) for event in ended.events("evaluated")]
    assert phases == [(20, 200), (40, 200), (60, 400)]


@pytest.mark.full
def test_only_the_assistant_s_words_carry_loss(tmp_path: Path) -> None:
    ended = python(EXAMPLES / "chat_masking.py", cwd=tmp_path, spool=tmp_path / "spool")
    sequences: list[Event] = ended.events("sequence")
    eos = ended.one("tokenizer")["eos_id"]
    learned = [[n for n in sequence["labels"] if n != -100] for sequence in sequences]
    assert all(ids and ids[-1] == eos for ids in learned)
    assert all(len(ids) < len(s["ids"]) for ids, s in zip(learned, sequences, strict=True))
    fed = ended.one("sequences")
    assert fed["num_fed"] == fed["num_kept"] == 128
    assert sum(row["num_tokens"] for row in ended.events("step")) == sum(
        len(sequence["ids"]) for sequence in sequences
    )


@pytest.mark.full
def test_each_run_of_an_agent_s_loop_is_a_process_of_its_own(tmp_path: Path) -> None:
    script = EXAMPLES / "agent_loop/agent_loop.py"
    ended = python(script, "--out", "out", cwd=tmp_path, spool=tmp_path / "spool")
    table = (tmp_path / "out/results.tsv").read_text("utf-8").splitlines()
    assert len(table) == 4
    steps = [[e for e in file if e["event"] == "step"] for file in ended.files]
    assert [len(each) for each in steps] == [0, 60, 60, 60]
    assert [each[0]["learning_rates"] for each in steps[1:]] == [[0.01], [0.03], [0.001]]


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
def test_a_shell_script_reports_lines_of_its_own(tmp_path: Path) -> None:
    ended: Run = run("sh", EXAMPLES / "train.sh", "out", cwd=tmp_path, spool=tmp_path / "spool")
    assert ended.code == 0, ended.errors
    reported = ended.events("reported")
    printed = [line.split() for line in ended.printed.splitlines()]
    steps = [event for event in reported if event["what"] == "step"]
    assert [f"{event['values']['loss']:.9g}" for event in steps] == [line[3] for line in printed]
    assert reported[-1]["name"] == "slope"


@pytest.mark.full
@_needs("jax")
def test_a_loop_in_jax_reports_its_steps(tmp_path: Path) -> None:
    script = EXAMPLES / "jax_loop.py"
    ended = python(script, cwd=tmp_path, spool=tmp_path / "spool", path=str(ROOT))
    assert ended.code == 0, ended.errors
    assert len([event for event in ended.events("reported") if event["what"] == "step"]) == 30
