"""The real thing in two frameworks: M43's stand-in trained by PyTorch, reproduced by JAX."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from evidence.compare.compare import compare_packs
from evidence.records.comparison import LogitsComparison
from evidence.results.other_framework import NAME
from evidence.rules.closeness import ACROSS_FRAMEWORKS
from evidence.verification.verification import open_verified
from tests.other_python import JAX_PYTHON
from tests.project import Project
from tests.reproduce.rerun import rerun

MILESTONES = Path(__file__).parents[2] / "milestones"
NUM_STEPS = 16
ALIKE = {"rounding"}
"""All that may be said of two honest runs of two frameworks."""

pytestmark = [pytest.mark.jax, pytest.mark.torch]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "project")
    shutil.copytree(MILESTONES, made.root / "milestones")
    path = made.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    for old, new in (
        ("epochs = 1\n", f"epochs = 1\nmax_steps = {NUM_STEPS}\n"),
        ("limit = 20", "limit = 4"),
        ("value = 138", f"value = {NUM_STEPS}"),
        ("value = 0.5", "value = 1"),
        ("value = 20", "value = 4"),
        ('paths = ["evidence/**/*.py", "templates/**/*", "schemas/*.json"]',
         'paths = ["milestones/models/*/*"]'),
    ):  # fmt: skip
        assert old in text
        text = text.replace(old, new)
    path.write_text(text, "utf-8")
    made.git("init", "-q", "-b", "main")
    made.git("add", "-A")
    made.git("commit", "-q", "-m", "project")
    return made


def test_what_pytorch_trained_is_reproduced_by_jax_from_the_same_start(project: Project) -> None:
    assert project.run("M43", attempt="stand-in").status == "complete"
    pack = project.runs / "M43"
    result = rerun(project, pack, attempt="jax-stand-in", interpreter=str(JAX_PYTHON))
    tiers = {tier.name: tier for tier in result.record.tiers}
    assert (result.asked, result.record.verdict) == (NAME, NAME), tiers
    assert result.reached

    found = compare_packs([open_verified(pack), open_verified(result.pack)])
    (pair,) = found.pairs
    conditions = {one.name: one for one in pair.conditions}
    assert conditions["framework"].outcome == "differs"
    assert conditions["start-weights"].outcome == "same"
    assert conditions["rows"].outcome == "same"
    assert pair.trajectory.first_step_beyond is None
    assert pair.steps[0].loss_difference is not None
    assert pair.steps[0].loss_difference <= ACROSS_FRAMEWORKS.first_step
    assert isinstance(pair.logits, LogitsComparison)
    assert len(pair.logits.prompts) == 4
    assert {one.kind for one in pair.reasons} == ALIKE
