"""A project whose milestones train adapters beside a tiny model: made here, and really run."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.chat.shapes import QWEN
from tests.chat.talking import say
from tests.chat.tiny_llama import committed, save_llama
from tests.project import write_rows

MILESTONE: Final = """
schema = "milestone.v1"
id = "{id}"
title = "A small adapter"
kind = "fine-tune-and-eval"
objective = "Train little beside a model that stays as it is."

[model]
path = "model"

[data.train]
path = "train.jsonl"
answer = ["answer"]
text = "{{{{ prompt }}}}\\n{{{{ answer }}}}"

[data.eval]
path = "eval.jsonl"

[train]
max_steps = 6
batch_size = 1
gradient_accumulation = 3
learning_rate = 0.01
optimizer = "adamw_torch"
dtype = "float32"
max_length = 64
log_every_steps = 2
checkpoint_every_steps = 2

[train.lora]
rank = 4
alpha = 8
{lora}
[eval]
prompt = "{{{{ prompt }}}}\\n"
target_field = "answer"
max_new_tokens = 4

[[attempt]]
name = "here"
backend = "transformers"
threads = 1
"""
TARGETS: Final = 'target_modules = ["q_proj", "v_proj"]\n'
MERGED: Final = "dropout = 0.1\nuse_rslora = true\nmerge = true\n"


def project(root: Path) -> Path:
    """A committed project with a milestone of each kind: A1 leaves an adapter, A2 a whole model."""
    (root / "milestones").mkdir(parents=True)
    for name, lora in (("A1", TARGETS), ("A2", MERGED)):
        text = MILESTONE.format(id=name, lora=lora)
        (root / f"milestones/{name}.toml").write_text(text, "utf-8")
    rows = [{"prompt": f"What is {n} and 1?", "answer": f"{n + 1}"} for n in range(12)]
    write_rows(root / "train.jsonl", rows)
    write_rows(root / "eval.jsonl", [{"id": f"e{n}", **row} for n, row in enumerate(rows[:4])])
    save_llama(root / "model", QWEN, layers=2, inner=48, context=128)
    return committed(root)


def make(folder: Path) -> Path:
    """A project in which both were run."""
    root = project(folder / "mine")
    for name in ("A1", "A2"):
        say(root, "run", name)
    return root
