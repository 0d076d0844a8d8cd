"""The real thing: steps of M43's stand-in replayed to the same losses and the same weights."""

from __future__ import annotations

import pytest

from evidence import layout
from tests.project import Project
from tests.reproduce.test_real_stand_in import (
    CHECKPOINT,
    LIMIT_S,
    NUM_STEPS,
    evidence,
    project,
)

__all__ = ["project"]
pytestmark = [pytest.mark.torch, pytest.mark.full]


def test_steps_of_a_real_model_come_out_the_same_with_the_weights_after_them(
    project: Project,
) -> None:
    first = evidence(project.root, "run", "M43", "--attempt", "stand-in")
    _, printed = first.communicate(timeout=LIMIT_S)
    assert first.returncode == 0, printed
    seal = (project.runs / "M43" / layout.SUMS).read_bytes()
    for last, weights in ((CHECKPOINT, b" and the same weights"), (CHECKPOINT + 1, b"")):
        again = evidence(project.root, "reproduce", "runs/M43", "--steps", f"1:{last}")
        said, printed = again.communicate(timeout=LIMIT_S)
        assert again.returncode == 0, (said, printed)
        verdict = f"REPLAYED  {last} of {NUM_STEPS} steps to the same losses".encode()
        assert verdict + weights + b"\n" in said
        assert f"weights      after step {CHECKPOINT}: the same".encode() in said
    assert (project.runs / "M43" / layout.SUMS).read_bytes() == seal
    assert {one.name for one in project.runs.iterdir() if one.is_dir()} == {"M43", ".work"}
