"""A committed project with a curriculum of two stages, and a child of it: tiny, and really run."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.parents.family import BASE, CURRICULUM, milestone, project, run

ASKED = """
[data.taught]
path = "taught.jsonl"

[data.idle]
path = "idle.jsonl"

[train]
"""
CHECK = """
[[stage]]
name = "check"
kind = "eval"
of = ["A", "B"]
data = ["checks", "taught"]
eval = { prompt = "Question: {{ prompt }}\\n" }
"""
CHILD = """
[[stage]]
name = "D"
kind = "train"
init = "pack:runs/S1#B"
where = { half = 1 }

[[stage]]
name = "check"
kind = "eval"
of = ["pack:runs/S1#B", "D"]
data = "taught"
"""
TEXTS = {
    name: milestone(name, BASE, stages).replace("[train]\n", ASKED.lstrip("\n"), 1)
    for name, stages in {"S1": CURRICULUM + CHECK, "S2": CHILD}.items()
}


def committed(folder: Path) -> Path:
    """A clean clone whose runs/ holds both. `taught` asks the first row of A, then of B."""
    made = project(folder / "project", **TEXTS)
    rows = [json.loads(line) for line in (made / "rows.jsonl").read_text().splitlines()]
    asked = [
        {"id": f"t{n}", "prompt": row["prompt"], "expected_answer": row["final_answer"]}
        for n, row in enumerate((rows[0], rows[-1]))
    ]
    asked.append({"id": "t2", "prompt": "What is 999 + 5?", "expected_answer": "1004"})
    text = "".join(json.dumps(row) + "\n" for row in asked)
    (made / "taught.jsonl").write_text(text)
    (made / "idle.jsonl").write_text(text)
    (made / ".gitignore").write_text("runs/\n")
    for words in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        command = ["git", "-c", "user.name=A", "-c", "user.email=a@b.c", *words]
        subprocess.run(command, cwd=made, check=True, capture_output=True)
    for name in ("S1", "S2"):
        ended = run(made, name)
        assert ended.returncode == 0, ended.stderr
    return made
