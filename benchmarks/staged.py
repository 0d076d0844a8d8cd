"""Packs of many stages: a curriculum in which every checkpoint is evaluated, run with the stub.

Responsible for a real run of so many trainings, each of which begins where the one before ended.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/verification")]
os.environ["PYTHONPATH"] = os.pathsep.join(map(str, (ROOT, ROOT / "tests")))  # of the workers

from tests.project import make_project  # noqa: E402

_ATTEMPT = '[[attempt]]\nname = "stub"'


def pack_with_stages(folder: Path, num_trained: int) -> Path:
    """As many evaluations as trainings: each has a folder, with two documents of rows."""
    os.environ["EVIDENCE_STUB"] = "{}"
    project = make_project(folder.parent / "project")
    trained = [f"s{number}" for number in range(num_trained)]
    stages = [
        f'[[stage]]\nname = "{name}"\nkind = "train"\n'
        + (f'init = "stage:{trained[number - 1]}"\n' if number else "")
        for number, name in enumerate(trained)
    ]
    stages.append(f'[[stage]]\nname = "check"\nkind = "eval"\nof = {trained}\n')
    project.edit(_ATTEMPT, "\n".join([*stages, _ATTEMPT]))
    project.edit('metric = "train.loss_ratio"', 'metric = "s0.train.loss_ratio"')
    project.edit("{{ train.num_steps }}", "{{ s0.train.num_steps }}")
    project.git("commit", "-qam", "stages")
    project.run()
    return project.pack
