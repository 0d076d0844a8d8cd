"""A run of the stub with stages: arms, a curriculum, what is under test, pairs of evaluations.

Responsible for a pack that has the fields that stages alone have.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.project import Project, make_project

_STAGES: Final = """\
[[stage]]
name = "low"
kind = "train"
where = { prompt = ["p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7", "p8", "p9"] }
train = { learning_rate = 0.005 }

[[stage]]
name = "high"
kind = "train"

[[stage]]
name = "more"
kind = "train"
init = "stage:high"

[[stage]]
name = "check"
kind = "eval"
of = ["low", "high", "more"]
eval = { limit = 4 }

[[arms]]
stages = ["low", "high"]
varies = ["train.learning_rate"]

[[attempt]]
name = "stub\""""


def make(folder: Path) -> Path:
    """Run it."""
    project: Project = make_project(folder / "project")
    project.edit('[[attempt]]\nname = "stub"', _STAGES)
    project.edit('path = "data/eval.jsonl"', 'path = "data/eval.jsonl"\nunder_test = "prompt"')
    project.edit('metric = "train.loss_ratio"', 'metric = "low.train.loss_ratio"')
    project.edit("{{ train.num_steps }}", "{{ low.train.num_steps }}")
    project.git("commit", "-qam", "stages")
    project.run()
    return project.pack
