"""Small inputs made from faults seen in public, each with what is right, beside the project.

A case is a folder with a milestone, data and a tiny model. Tests run where the cases are there and
are skipped where they are not: the project passes without them.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

import pytest

from tests.project import Project

CASES: Final = Path(__file__).parents[3] / "shared" / "cases"


def project_of(name: str, folder: Path) -> tuple[Project, str]:
    """A fresh repository made of a case, and the id of its milestone. Skips without the case."""
    if not (CASES / name).is_dir():
        pytest.skip("the cases do not lie beside the project")
    root = folder / name
    shutil.copytree(CASES / name, root)
    subprocess.run(["chmod", "-R", "u+w", str(root)], check=True)
    project = Project(root)
    project.git("init", "-q", "-b", "main")
    project.git("add", "-A")
    project.git("commit", "-qm", "the case")
    (milestone,) = (root / "milestones").glob("*.toml")
    return project, milestone.stem
