"""A project whose milestone trains a tiny model on conversations: made here, and really run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests import warm
from tests.chat.shapes import QWEN, Shape
from tests.chat.tiny_llama import committed, save_llama
from tests.project import write_rows

MILESTONE = """
schema = "milestone.v1"
id = "C1"
title = "A small chat"
kind = "fine-tune-and-eval"
objective = "Conversations go through the chat template."

[model]
path = "model"
{model}
[data.train]
path = "train.jsonl"
format = "messages"
{data}
[data.eval]
path = "eval.jsonl"
format = "messages"

[train]
epochs = 1
batch_size = 1
gradient_accumulation = 3
learning_rate = 1e-3
optimizer = "adamw_torch"
dtype = "float32"
max_length = 300
log_every_steps = 1

[eval]
max_new_tokens = 4
group_by = ["kind"]

[[attempt]]
name = "here"
backend = "transformers"
threads = 1

[[gate]]
name = "every end of turn is learned"
metric = "seen.num_ends_learned"
op = "=="
other = "seen.assistant.num_turns"
"""
TOOLS = [{"type": "function", "function": {"name": "add", "parameters": {}}}]


def rows() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = [
        {
            "id": f"r{number}",
            "messages": [
                {"role": "system", "content": "You are kind."},
                {"role": "user", "content": f"What is {number} plus {number + 1}?"},
                {"role": "assistant", "content": f"It is {2 * number + 1}."},
                {"role": "user", "content": "Who are you?"},
                {"role": "assistant", "content": "A model."},
            ],
        }
        for number in range(8)
    ]
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 9}}}
    found.append(
        {
            "id": "called",
            "tools": TOOLS,
            "messages": [
                {"role": "user", "content": "What is 9 plus 9?"},
                {"role": "assistant", "content": None, "tool_calls": [call]},
                {"role": "tool", "content": "18"},
                {"role": "assistant", "content": "It is 18."},
            ],
        }
    )
    return found


def asked() -> list[dict[str, Any]]:
    return [
        {
            "id": f"e{number}",
            "kind": "odd" if number % 2 else "even",
            "messages": [
                {"role": "user", "content": f"What is {number} plus 30?"},
                {"role": "assistant", "content": f"It is {number + 30}."},
            ],
        }
        for number in range(4)
    ]


def project(root: Path, shape: Shape = QWEN, model: str = "", data: str = "") -> Path:
    """A committed project. `model` and `data` are further lines of these tables."""
    (root / "milestones").mkdir(parents=True)
    (root / "milestones/C1.toml").write_text(MILESTONE.format(model=model, data=data), "utf-8")
    write_rows(root / "train.jsonl", rows())
    write_rows(root / "eval.jsonl", asked())
    save_llama(root / "model", shape, layers=1, inner=64, context=512)
    return committed(root)


def say(root: Path, *words: str, status: int = 0) -> str:
    """What `evidence` says there."""
    done = warm.evidence(root, *words)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout + done.stderr


def make(folder: Path) -> Path:
    """A project that was run."""
    root = project(folder / "mine")
    say(root, "run", "C1")
    return root


def document(pack: Path, name: str) -> Any:
    return json.loads((pack / name).read_bytes())
