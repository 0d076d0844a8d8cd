"""A small milestone whose rows do not divide evenly, and runs of it by real processes.

Responsible for the project that these laws are tried on.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import psutil

from evidence import layout

ROOT: Final = Path(__file__).parents[2]
NUM_ROWS: Final = 13
NUM_STEPS: Final = 12
MILESTONE: Final = """
schema = "milestone.v1"
id = "L2"
title = "Two processes"
kind = "fine-tune-and-eval"
objective = "Divide each step among two processes."

[model]
config = "model"
init_seed = 3
tokenizer = "model"

[data.rows]
path = "rows.jsonl"
answer = ["final_answer"]
text = "{{ prompt }}\\nAnswer: {{ final_answer }}"

[data.checks]
path = "checks.jsonl"

[launch]
processes = 2

[train]
data = "rows"
epochs = 3
batch_size = 1
gradient_accumulation = 4
optimizer = "adamw_torch"
learning_rate = 0.001
dtype = "float32"
max_length = 64
log_every_steps = 2
checkpoint_every_steps = 2

[eval]
data = "checks"
prompt = "{{ prompt }}\\n"
target_field = "expected_answer"
max_new_tokens = 4

[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1
"""
ALONE: Final = MILESTONE.replace("[launch]\nprocesses = 2\n", "")
DIVIDED: Final = MILESTONE.replace("processes = 2\n", 'processes = 2\nstrategy = "fsdp"\n')


def project(folder: Path, text: str = MILESTONE) -> Path:
    """A folder with everything that the milestone names."""
    (folder / "milestones").mkdir(parents=True)
    (folder / "milestones/L2.toml").write_text(text)
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", folder / "model")
    rows = [
        {"prompt": f"What is {n} + {n * n}?", "final_answer": str(n + n * n)}
        for n in range(NUM_ROWS)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"id": f"q{n}", "prompt": f"What is {n} + 5?", "expected_answer": str(n + 5)}
             for n in range(2)]  # fmt: skip
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    return folder


def command(*words: str) -> list[str]:
    """`evidence run L2`."""
    return [sys.executable, "-m", "evidence", "run", "L2", *words]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The command to its end."""
    return subprocess.run(command(*words), cwd=folder, capture_output=True, text=True, timeout=120)


def started(folder: Path, num_steps: int) -> subprocess.Popen[str]:
    """The command, once so many steps are recorded."""
    process = subprocess.Popen(
        command(), cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    work = folder / "runs/.work/L2/attempt-01-tiny" / layout.METRICS
    until_s = time.monotonic() + 100
    while not (work.exists() and work.read_bytes().count(b"\n") >= num_steps):
        assert time.monotonic() < until_s
        assert process.poll() is None
        time.sleep(0.01)
    return process


def pid_of(rank: int, supervisor: int) -> int:
    """The process of this number below a supervisor."""
    for one in psutil.Process(supervisor).children():
        if one.environ().get("RANK") == str(rank):
            return one.pid
    raise LookupError(rank)


def packed(folder: Path, text: str) -> Path:
    """The pack of a run that completed."""
    ended = run(project(folder / "project", text))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return folder / "project/runs/L2"


def two(folder: Path) -> Path:
    """Of two processes."""
    return packed(folder, MILESTONE)


def divided(folder: Path) -> Path:
    """Of two, each with its share of the weights."""
    return packed(folder, DIVIDED)


def one(folder: Path) -> Path:
    """Of one, with the same settings."""
    return packed(folder, ALONE)


def journal(pack: Path) -> list[dict[str, Any]]:
    """Its events."""
    return [json.loads(line) for line in (pack / layout.JOURNAL).read_bytes().splitlines()]


def event(pack: Path, name: str) -> Any:
    """The data of its last event of this name."""
    return [item["data"] for item in journal(pack) if item["event"] == name][-1]


def steps(pack: Path) -> list[dict[str, Any]]:
    """Rows of its steps."""
    return [json.loads(line) for line in (pack / layout.METRICS).read_bytes().splitlines()]


def weights(pack: Path) -> bytes:
    """Its final weights."""
    return (pack / layout.FINAL_MODEL / "model.safetensors").read_bytes()
