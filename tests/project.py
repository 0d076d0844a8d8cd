"""A small project of a user, with a real git repository, for tests that run milestones."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stub_backend.stage import TOKENIZER

from evidence.encoding import jsonio
from evidence.progress import Silent
from evidence.running.run import RunOptions, RunResult, run_milestone
from evidence.running.signals import StopRequest

STUB = """
schema = "milestone.v1"
id = "T1"
title = "A test"
kind = "fine-tune-and-eval"
objective = "Exercise the supervisor."

[model]
config = "model"
init_seed = 1
tokenizer = "model"

[data.train]
path = "data/train.jsonl"
answer = ["answer"]
text = "{{ prompt }}\\nAnswer: {{ answer }}"

[data.train.fields]
prompt = "string"
answer = "string"

[data.eval]
path = "data/eval.jsonl"

[train]
epochs = 2
batch_size = 1
gradient_accumulation = 3
learning_rate = 0.01
dtype = "float32"
max_length = 40
log_every_steps = 4
checkpoint_every_steps = 5
seed = 7

[eval]
limit = 5
group_by = ["kind"]
answer_after = "Answer:"

[[attempt]]
name = "stub"
backend = "stub"
resolution = "Nothing follows."

[[gate]]
name = "the loss falls"
metric = "train.loss_ratio"
op = "<"
value = 1

[[frozen]]
name = "data"
paths = ["data/*.jsonl"]
ref = "HEAD"

[narrative]
summary = "{{ train.num_steps }} steps."
"""


NOT_HERE = 'backend = "stub"\ninterpreter = "gone/python"\n'
"""Of an attempt that is possible nowhere."""
JAX = f'[[attempt]]\nname = "jax"\n{NOT_HERE}'


@dataclass(frozen=True, slots=True)
class Project:
    """Folders of a test project."""

    root: Path

    @property
    def runs(self) -> Path:
        return self.root / "runs"

    @property
    def pack(self) -> Path:
        return self.runs / "T1"

    def milestone(self, text: str, name: str = "T1") -> None:
        (self.root / "milestones" / f"{name}.toml").write_text(text, encoding="utf-8")

    def edit(self, old: str, new: str) -> None:
        path = self.root / "milestones" / "T1.toml"
        text = path.read_text("utf-8")
        assert old in text
        path.write_text(text.replace(old, new, 1), encoding="utf-8")

    def run(self, name: str = "T1", **options: Any) -> RunResult:
        with StopRequest() as stop:
            return run_milestone(
                name, RunOptions(root=self.root, runs=self.runs, **options), Silent(), stop
            )

    def git(self, *args: str) -> str:
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *args]
        done = subprocess.run(command, cwd=self.root, check=True, capture_output=True, text=True)
        return done.stdout

    def read(self, path: str) -> Any:
        return json.loads((self.pack / path).read_bytes())


def rows(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]


def make_project(root: Path) -> Project:
    """A committed project of 14 training and 8 evaluation rows."""
    project = Project(root)
    for folder in ("milestones", "data", "model"):
        (root / folder).mkdir(parents=True)
    write_rows(
        root / "data/train.jsonl", [{"prompt": f"p{i}", "answer": f"a{i}"} for i in range(14)]
    )
    questions = [
        {"id": f"q{i}", "prompt": f"q{i}?", "expected_answer": f"{i}", "kind": f"k{i % 2}"}
        for i in range(8)
    ]
    write_rows(root / "data/eval.jsonl", questions)
    (root / "model/config.json").write_text("{}")
    (root / "model/tokenizer.json").write_bytes(jsonio.dump_document(TOKENIZER))
    project.milestone(STUB)
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-q", "-m", "project")
    return project


def write_rows(path: Path, values: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values)
    path.write_text(text, encoding="utf-8")
