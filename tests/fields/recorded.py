"""A recorded program that tells as much as a small one can, and its pack.

Responsible for a program that leaves a value in every field that recording has: two processes, a
model and its weights, sequences, files, numbers of each kind, and a program that is gone on with.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Final

import pytest

from evidence.errors import EvidenceError
from tests.recording.programs import make_repository, program, run

_MILESTONE: Final = """\
schema = "milestone.v1"
id = "R1"
title = "Recorded"
kind = "recorded-program"
objective = "A program is recorded."

[command]
run = [{run}, "--out", "{{output}}"]
cwd = "work"
environment = ["EVIDENCE_TEST_VALUE"]

[[collect]]
paths = ["work/*.json", "work/*.csv", "work/large.txt"]
max_bytes = 1000

[[metric]]
name = "accuracy"
file = "work/scores.json"
pointer = "/accuracy"
unit = "share"

[[metric]]
name = "best"
file = "work/table.csv"
column = "loss"
row = -2

[[metric]]
name = "printed"
file = "{{output}}/said.txt"
pattern = "final *loss"

[data.train]
path = "data.jsonl"
answer = ["reply"]

[[gate]]
name = "accurate"
metric = "metric.accuracy"
op = ">="
value = 0.5

[[attempt]]
name = "as-it-is"
backend = "command"
"""
_SOURCE: Final = """
import subprocess
process(rank=0, world_size=2)
tell("framework", name="torch", version="2", device="cuda:0", device_count=2, num_threads=1,
     cuda="13.0")
tell("library", name="numpy", version="2.0")
tell("tokenizer", **{"class": "T", "name_or_path": "models/t", "vocab_size": 9, "eos_id": 2,
     "pad_id": 0, "bos_id": 1, "pieces": {"1": "q", "2": " r", "3": "!"},
     "chat_template_sha256": "a" * 64})
tell("model", **{"class": "M", "name_or_path": "models/m", "model": 0, "num_parameters": 90,
     "num_trainable": 80, "dtypes": {"float32": 90}, "devices": ["cpu"]})
tell("weights", moment="before", model=0, sha256="b" * 64)
for path, mode in (("data.jsonl", "read"), ("work/scores.json", "written"),
                   ("work/trainer_state.json", "written"), ("gone.bin", "read")):
    path = os.path.join(os.path.dirname(os.getcwd()), path)
    found = os.stat(path) if os.path.exists(path) else None
    tell("opened", path=path, mode=mode, how="open", size_bytes=found and found.st_size,
         mtime_ns=found and found.st_mtime_ns)
tell("opened", path=os.path.abspath(sys.argv[0]), mode="read", how="source", size_bytes=10)
for n in range(1, 4):
    step(n, 1 / n, grad_norm=0.5, epoch=n / 3)
step(4, "nan", grad_norm="inf", skipped=True)
step(1, 2.0, optimizer=1, shared_with=0)
tell("logged", by="Trainer", step=1, values={"loss": 1.0, "learning_rate": 0.01})
tell("logged", by="Trainer", step=2, values={"loss": 0.75})
tell("sequence", ids=[1, 2, 3], labels=[-100, 2, 3])
tell("sequence", ids=[1, 3], labels=[-100, -100])
tell("sequence", ids=[3, 3])
tell("batch", step=1, forward=0, rows=[{"ids": [1, 2, 3], "labels": [-100, 2, 3]}])
tell("sequences", num_fed=5, complete=False, why="one was too long")
tell("evaluated", after_step=2, num_forwards=1, num_rows=3, num_tokens=7)
tell("loss-function", name="cross_entropy", ignore_index=-100, reduction="mean", num_calls=5)
tell("unseen", what="a fused loss", why="it is one kernel")
tell("hook-failed", hook="optimizers", why="TypeError", from_step=3)
tell("patched", what="torch.nn.functional.cross_entropy", by="train.fake")
tell("reported", what="metric", name="bleu", value=30.5, unit="points", step=3)
tell("reported", what="step", step=1, values={"ppl": 2.5})
tell("reported", what="artifact", name="model", path="model.bin")
tell("reported", what="metric", name="odd", value=[1])
tell("reported", what="metric", name="typed", refused="no number")
tell("memory", max_rss_bytes=1000, cuda_max_allocated_bytes=2000)
tell("weights", moment="after", model=0, sha256="c" * 64, num_changed=70, num_compared=80,
     sampled=True)
tell("end", how="exit", steps=5)
print("{'loss': 1.0, 'learning_rate': 0.01}")
print("{'loss': 0.75}")
out = sys.argv[sys.argv.index("--out") + 1]
for path, text in (("scores.json", '{"accuracy": 0.7512}'),
                   ("table.csv", "step,loss\\n1,0.5\\n2,0.4\\n"),
                   ("large.txt", "x" * 2000), (os.path.join(out, "said.txt"), "final loss 0.33"),
                   ("trainer_state.json",
                    '{"log_history": [{"step": 1, "loss": 1.0}, {"step": 2, "loss": 0.6}]}')):
    with open(path, "w") as stream:
        stream.write(text)
subprocess.Popen([sys.executable, "-I", "-c", "import time; time.sleep(60)"])
"""
_SECOND: Final = """
typed = 0.7512
"""


def make(folder: Path) -> Path:
    """The pack of such a program, in its committed project."""
    root = make_repository(folder / "project")
    (root / "work").mkdir()
    python, _ = program(root, _SOURCE + _SECOND, name="work/train.py")
    words = ", ".join(f'"{word}"' for word in (python, "-I", "train.py"))
    (root / "milestones/R1.toml").write_text(_MILESTONE.format(run=words), encoding="utf-8")
    _commit(root)
    return run(root).pack


_TOLD: Final = """
process()
tell("framework", name="torch", version="2.1+cpu", num_threads=1)
again = "--resume" in sys.argv
for n in range(1, 7):
    step(n, 1 / n)
    tell("logged", by="Trainer", step=n, values={"loss": 1 / n if n != 3 else 9.0})
    print({"loss": 1 / n if n != 3 else 9.0}, flush=True)
    if n == 3 and not again:
        time.sleep(0.5)
        os.kill(os.getppid(), 9)
tell("tokenizer", **{"class": "T", "name_or_path": "t", "vocab_size": 9, "eos_id": 2,
     "pieces": {"1": "q", "2": " r"}})
path = os.path.join(os.getcwd(), "data.jsonl")
tell("opened", path=path, mode="read", how="open", size_bytes=os.stat(path).st_size,
     mtime_ns=os.stat(path).st_mtime_ns)
tell("model", **{"class": "M", "model": 0, "num_parameters": 90, "num_trainable": 80})
tell("weights", moment="before", model=0, sha256="b" * 64)
tell("weights", moment="after", model=0, sha256="c" * 64, num_changed=70, num_compared=90)
tell("sequence", ids=[1, 2], labels=[-100, 2])
tell("batch", step=1, forward=0, rows=[{"ids": [1, 2], "labels": [-100, 2]}])
tell("sequences", num_fed=6, complete=True)
tell("end", how="exit", steps=6)
with open("scores.json", "w") as stream:
    stream.write('{"accuracy": 0.25}')
"""
_SHORT: Final = """\
schema = "milestone.v1"
id = "R1"
title = "Recorded"
kind = "recorded-program"
objective = "A program is recorded."
command = {{run = [{run}], resume = [{run}, "--resume"]}}
collect = [{{paths = ["scores.json"]}}]
metric = [{{name = "accuracy", file = "scores.json", pointer = "/accuracy"}},
          {{name = "absent", file = "none.json", pointer = "/accuracy"}}]
attempt = [{{name = "as-it-is", backend = "command"}}]
[data.train]
path = "data.jsonl"
"""


def make_resumed(folder: Path) -> Path:
    """The pack of a program that was killed, and went on; what it tells is told twice."""
    root = _project(folder, _TOLD)
    with pytest.raises(EvidenceError):
        run(root)
    return run(root, resume=True).pack


def make_failed(folder: Path) -> Path:
    """The pack of a program that ended with status 3."""
    return run(_project(folder, _TOLD.replace("os.kill(os.getppid(), 9)", "sys.exit(3)"))).pack


def _project(folder: Path, source: str) -> Path:
    root = make_repository(folder / "project")
    python, name = program(root, source)
    words = ", ".join(f'"{word}"' for word in (python, "-I", name))
    (root / "milestones/R1.toml").write_text(_SHORT.format(run=words), encoding="utf-8")
    _commit(root)
    return root


def _commit(root: Path) -> None:
    git = ("git", "-c", "user.name=A", "-c", "user.email=a@b.c")
    for asked in (("add", "-A"), ("commit", "-qm", "program")):
        subprocess.run([*git, *asked], cwd=root, check=True, capture_output=True)
