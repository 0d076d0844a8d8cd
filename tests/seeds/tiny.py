"""A tiny milestone with several seeds, and what a test does with it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from evidence import layout
from tests import warm

ROOT = Path(__file__).parents[2]
SEEDS = (1, 2, 3)
MILESTONE = """
schema = "milestone.v1"
id = "T7"
title = "Several seeds"
kind = "fine-tune-and-eval"
objective = "Say how much a seed decides."
seeds = [1, 2, 3]

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

[train]
data = "rows"
batch_size = 1
gradient_accumulation = 1
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
scorers = ["exact", "contains"]

[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1

[[gate]]
name = "every seed ends below ten nats"
metric = "seeds.train.loss_end.max"
op = "<"
value = 10
"""
STAGED = MILESTONE.replace("seeds = [1, 2, 3]\n", "").replace("seeds.train", "seeds.A.train")
STAGED = STAGED.replace(
    "[[attempt]]",
    """[[stage]]
name = "A"
kind = "train"
where = { half = 1 }
seeds = [5, 6]

[[stage]]
name = "B"
kind = "train"
init = "stage:A"
where = { half = 2 }
seeds = [5, 6]

[[stage]]
name = "check"
kind = "eval"
of = ["A", "B"]

[[attempt]]""",
)
"""The same as a curriculum of two stages, each with two seeds."""
NUM_ROWS = 12


def project(folder: Path, milestone: str = MILESTONE) -> Path:
    """A folder with everything that the milestone names."""
    (folder / "milestones").mkdir(parents=True)
    (folder / "milestones/T7.toml").write_text(milestone)
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", folder / "model")
    rows = [
        {"half": 1 + n % 2, "prompt": f"What is {n} + 2?", "final_answer": str(n + 2)}
        for n in range(NUM_ROWS)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [
        {"id": f"q{n}", "prompt": f"What is {n} + 5?", "expected_answer": str(n + 5)}
        for n in range(3)
    ]
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    return folder


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """`evidence run` of the milestone, to its end."""
    return warm.evidence(folder, "run", "T7", *words)


def values_of(pack: Path) -> dict[str, dict[str, Any]]:
    """The values of results.json."""
    found: dict[str, dict[str, Any]] = json.loads((pack / layout.RESULTS).read_bytes())["values"]
    return found


def committed_and_run(folder: Path) -> Path:
    """The project, of which everything is in one commit, and its milestone run to the end."""
    (folder / ".gitignore").write_text("runs/\n")
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for words in (("init", "-q"), ("add", "-A"), ("commit", "-qm", "all")):
        subprocess.run((*git, *words), cwd=folder, check=True)
    done = run(folder)
    assert done.returncode == 0, done.stderr
    return folder
