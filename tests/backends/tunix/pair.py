"""One stage of one small milestone by either backend, as the supervisor would start it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from evidence import layout
from evidence.backends import registry
from evidence.encoding import jsonio
from evidence.encoding.codec import decode, encode
from evidence.encoding.digest import sha256_hex
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.run import StepRow
from evidence.worker.interface import Job
from tests.other_python import JAX_PYTHON

ROOT = Path(__file__).parents[3]
NUM_ROWS = 11
LIMIT_S = 300
SMALL = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "head_dim": 8,
    "num_attention_heads": 4, "num_key_value_heads": 1,
}  # fmt: skip
MILESTONE = '''
schema = "milestone.v1"
id = "PAIR"
title = "One milestone, two frameworks"
kind = "fine-tune-and-eval"
objective = "The same numbers."

[model]
config = "model"
init_seed = 3
tokenizer = "model"

[data.train]
path = "train.jsonl"
answer = ["steps", "final_answer"]
loss = "completion"
text = """
{{ prompt }}
{% for step in steps %}{{ step.content }}
{% endfor %}
Answer: {{ final_answer }}"""
[data.train.fields]
prompt = "string"
final_answer = "string"
steps = "array"

[data.eval]
path = "eval.jsonl"
[data.eval.fields]
id = "string"
prompt = "string"
expected_answer = "string"

[train]
epochs = 2
batch_size = 2
gradient_accumulation = 2
learning_rate = 1e-3
weight_decay = 0.01
optimizer = "adafactor"
dtype = "float32"
max_length = 48
checkpoint_every_steps = 2
warmup_steps = 2
seed = 5

[eval]
limit = 6
prompt = "{{ prompt }}\\n"
answer_after = "Answer:"
max_new_tokens = 8
batch_size = 4

[[attempt]]
name = "cpu"
backend = "transformers"
threads = 1
'''


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one worker said and left."""

    status: int
    events: list[dict[str, Any]]
    output: Path
    log: str

    def of(self, name: str) -> list[dict[str, Any]]:
        return [event for event in self.events if event["event"] == name]

    def one(self, name: str) -> dict[str, Any]:
        (event,) = self.of(name)
        return event

    @property
    def steps(self) -> list[StepRow]:
        return [decode(StepRow, event["row"]) for event in self.of("step")]

    @property
    def model(self) -> Path:
        return self.output / layout.FINAL_MODEL

    @property
    def weights(self) -> str:
        return sha256_hex((self.model / "model.safetensors").read_bytes())


def make_root(root: Path, **config: Any) -> Path:
    """A project: a small Gemma, a few rows, and questions."""
    shutil.copytree(ROOT / "milestones/models/tiny-gemma", root / "model")
    settings = json.loads((root / "model/config.json").read_text())
    (root / "model/config.json").write_text(json.dumps({**settings, **SMALL, **config}))
    lines = (ROOT / "milestones/data/dev-reasoning.jsonl").read_text("utf-8").split("\n")
    (root / "train.jsonl").write_text("\n".join(lines[:NUM_ROWS]) + "\n", "utf-8")
    shutil.copy(ROOT / "milestones/data/eval.jsonl", root / "eval.jsonl")
    return root


Heard = Callable[[dict[str, Any], "subprocess.Popen[bytes]"], None]


def work(
    root: Path,
    backend: str,
    name: str,
    stage: str = "train",
    edits: dict[str, str] | None = None,
    heard: Heard | None = None,
    **job: Any,
) -> Outcome:
    """Run a stage to its end. `heard` is told each event, and the process."""
    text = MILESTONE
    for old, new in (edits or {}).items():
        assert old in text, old
        text = text.replace(old, new, 1)
    plan = plan_attempts(parse_milestone(text.encode()))[0]
    output = root / name
    (output / "scratch").mkdir(parents=True, exist_ok=True)
    values: dict[str, Any] = {
        "segment": 1, "resume": None, "run_stage": registry.SHIPPED[backend].run_stage,
        "supervisor": sys.executable, **job,
    }  # fmt: skip
    asked = Job(plan, stage, str(root), str(output / "scratch"), str(output), **values)
    path = output / "job.json"
    path.write_bytes(jsonio.dump_document(encode(asked)))
    python = sys.executable if backend == "transformers" else str(JAX_PYTHON)
    receive, send = os.pipe()
    with (output / "log").open("wb") as log:
        process = subprocess.Popen(
            [python, "-P", "-m", "evidence.worker.main", str(path), str(send), str(os.getpid())],
            pass_fds=(send,),
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment(root),
            cwd=root,
        )
    os.close(send)
    events = []
    with os.fdopen(receive, "rb") as stream:
        for line in stream:
            event = cast("dict[str, Any]", jsonio.load_document(line.rstrip(b"\n")))
            events.append(event)
            if heard is not None:
                heard(event, process)
    status = process.wait(timeout=LIMIT_S)
    return Outcome(status, events, output, (output / "log").read_text("utf-8"))


def environment(root: Path) -> dict[str, str]:
    """Variables of a worker: programs are kept for this session, not in the user's folder."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return kept | {
        "OMP_NUM_THREADS": "1",
        "PYTHONHASHSEED": "0",
        "JAX_COMPILATION_CACHE_DIR": str(root.parents[1] / "compiled"),
    }


def under_jax(script: Path, *arguments: str) -> str:
    """What a script prints in the environment of `make jax`. Raises where it fails."""
    done = subprocess.run(
        [str(JAX_PYTHON), "-P", str(script), *arguments],
        capture_output=True, text=True, timeout=LIMIT_S, check=False,
        env=environment(script.parent) | {"JAX_PLATFORMS": "cpu", "JAX_COMPILATION_CACHE_DIR": ""},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
