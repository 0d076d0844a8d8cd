"""A parent of two stages, a child of its last one, and a grandchild: tiny, and really run."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests import warm

ROOT = Path(__file__).parents[2]
BASE = """
config = "model"
init_seed = 3
tokenizer = "model"
"""


def milestone(
    name: str, model: str, stages: str, more: str = "", *, is_stand_in: bool = False
) -> str:
    return f"""
schema = "milestone.v1"
id = "{name}"
title = "Of a family"
kind = "fine-tune-and-eval"
objective = "Train on some rows."

[model]
{model}

[data.rows]
path = "rows.jsonl"
answer = ["final_answer"]
text = "{{{{ prompt }}}}\\n{{{{ final_answer }}}}"

[data.checks]
path = "checks.jsonl"

[train]
data = "rows"
batch_size = 2
gradient_accumulation = 2
learning_rate = 0.001
dtype = "float32"
max_length = 64
log_every_steps = 2
checkpoint_every_steps = 1

[eval]
data = "checks"
prompt = "{{{{ prompt }}}}\\n"
target_field = "expected_answer"
max_new_tokens = 2
{stages}
[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1
stand_in = {"true" if is_stand_in else "false"}
{more}"""


CURRICULUM = """
[[stage]]
name = "A"
kind = "train"
where = { half = 1 }

[[stage]]
name = "B"
kind = "train"
init = "stage:A"
where = { half = 2 }
"""
PARENT = milestone(
    "P1",
    BASE,
    CURRICULUM,
    is_stand_in=True,
)
GATE = """
[[gate]]
name = "not far from where it began"
metric = "D.train.loss_end"
op = "<="
other = "parent.P1.B.train.loss_end"
factor = 100
"""
CHILD = milestone(
    "C1",
    BASE,
    """
[[stage]]
name = "D"
kind = "train"
init = "pack:runs/P1#B"
where = { half = 1 }

[[stage]]
name = "asked"
kind = "eval"
of = ["D", "pack:runs/P1#B"]
""",
    GATE,
)
GRANDCHILD = milestone("G1", 'pack = "runs/C1#D"', "")
NUM_ROWS = (8, 6)


def project(folder: Path, **texts: str) -> Path:
    """A project with the milestones and all that they name."""
    (folder / "milestones").mkdir(parents=True)
    for name, text in {"P1": PARENT, "C1": CHILD, "G1": GRANDCHILD, **texts}.items():
        (folder / f"milestones/{name}.toml").write_text(text)
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", folder / "model")
    rows = [
        {"half": half, "prompt": f"What is {number} + {half}?", "final_answer": str(number + half)}
        for half, count in enumerate(NUM_ROWS, 1)
        for number in range(100 * half, 100 * half + count)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"id": f"q{n}", "prompt": f"What is {n} + 5?", "expected_answer": str(n + 5)}
             for n in range(3)]  # fmt: skip
    (folder / "checks.jsonl").write_text("".join(json.dumps(row) + "\n" for row in asked))
    return folder


def command(*words: str) -> list[str]:
    return [sys.executable, "-m", "evidence", "run", *words]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return warm.evidence(folder, "run", *words)


def family(folder: Path) -> Path:
    """A project whose runs/ holds all three."""
    made = project(folder / "project")
    for name in ("P1", "C1", "G1"):
        ended = run(made, name)
        assert ended.returncode == 0, ended.stderr
    return made
