"""The real thing: a real model goes on from a kept checkpoint to the same losses and weights."""

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


def test_a_real_model_goes_on_from_a_kept_checkpoint_to_the_same_weights(project: Project) -> None:
    last = NUM_STEPS - CHECKPOINT
    path = project.root / "milestones/M43.toml"
    text = path.read_text("utf-8")
    assert "\n[publish]\n" in text
    keep = f"\n[publish]\nkeep_checkpoints = [{CHECKPOINT}, {last}]\n"
    path.write_text(text.replace("\n[publish]\n", keep), "utf-8")
    project.git("commit", "-qam", "checkpoints are kept")
    first = evidence(project.root, "run", "M43", "--attempt", "stand-in")
    _, printed = first.communicate(timeout=LIMIT_S)
    assert first.returncode == 0, printed.decode()[-1500:]
    found = list((project.runs / layout.CHECKPOINTS_KEPT / "M43").iterdir())
    assert {one.name.rpartition("-")[0] for one in found} == {f"step-{CHECKPOINT}", f"step-{last}"}
    assert all((one / "optimizer.pt").is_file() for one in found)
    for begin, end, weights in (
        (CHECKPOINT, CHECKPOINT + 2, b""),
        (CHECKPOINT, 2 * CHECKPOINT, b" and the same weights"),
        (last, NUM_STEPS, b" and the same weights"),
    ):
        again = evidence(project.root, "reproduce", "runs/M43", "--steps", f"{begin}:{end}")
        said, printed = again.communicate(timeout=LIMIT_S)
        assert again.returncode == 0, (said, printed)
        count = f"{end - begin} of {NUM_STEPS} steps ({begin + 1} to {end})"
        assert f"REPLAYED  {count} to the same losses".encode() + weights + b"\n" in said
    assert b"the final model: the same" in said
