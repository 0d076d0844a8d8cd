"""M43's stand-in on JAX, cut to a few steps: killed, resumed, verified, and its Python named."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.encoding import jsonio
from tests.other_python import JAX_PYTHON, ROOT
from tests.project import Project, rows
from tests.reproduce.test_real_stand_in import evidence, kill_at

NUM_STEPS, CHECKPOINT = 20, 4
LIMIT_S = 300

pytestmark = [pytest.mark.jax, pytest.mark.torch]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """M43 in a repository of its own, with the path that `make jax` gives its Python."""
    made = Project(tmp_path / "project")
    shutil.copytree(ROOT / "milestones", made.root / "milestones")
    path = made.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    for old, new in (
        ("checkpoint_every_steps = 50", f"checkpoint_every_steps = {CHECKPOINT}"),
        ("epochs = 1\n", f"epochs = 1\nmax_steps = {NUM_STEPS}\n"),
        ("value = 0.5", "value = 9"),  # so few steps need not lower the loss
        ("value = 138", f"value = {NUM_STEPS}"),
        ('paths = ["evidence/**/*.py", "templates/**/*", "schemas/*.json"]', 'paths = ["*.md"]'),
    ):
        assert old in text, old
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    (made.root / "README.md").write_text("A project.\n")
    (made.root / ".gitignore").write_text("/.venv-jax\n/runs/\n")
    assert JAX_PYTHON is not None
    (made.root / ".venv-jax").symlink_to(JAX_PYTHON.parents[1])
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "project")
    return made


def test_it_is_killed_resumed_and_verified_and_says_which_python_ran(project: Project) -> None:
    work, pack = layout.work_dir(project.runs, "M43"), project.runs / "M43"
    kill_at(evidence(project.root, "run", "M43", "--attempt", "jax-stand-in"), work, CHECKPOINT + 2)
    resumed = evidence(project.root, "run", "M43", "--resume")
    said, printed = resumed.communicate(timeout=LIMIT_S)
    assert resumed.returncode == 0, said.decode()[-2000:] + printed.decode()[-500:]
    assert b"verified     INTACT" in said
    assert {row["segment"] for row in rows(pack / layout.METRICS)} == {1, 2}
    worker = jsonio.load_document((pack / layout.WORKER).read_bytes())
    assert worker["interpreter"] == ".venv-jax/bin/python"
    names = {one["name"] for one in worker["packages"]}
    assert {"jax", "google-tunix", "flax", "optax"} <= names
    assert "torch" not in names
    framework = jsonio.load_document((pack / layout.ENVIRONMENT).read_bytes())["framework"]
    assert framework["jax_version"] in {
        one["version"] for one in worker["packages"] if one["name"] == "jax"
    }
