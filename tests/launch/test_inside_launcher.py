"""Inside torchrun, and under what srun sets, each process trains as a rank of one run."""

from __future__ import annotations

import json
import os
import shutil
import signal
from pathlib import Path

import pytest

from evidence import layout
from tests.command import evidence
from tests.launch import milestone
from tests.launch.launchers import Srun, torchrun, wait_until
from tests.launch.milestone import event, project, steps, weights
from tests.shared import made_once

pytestmark = pytest.mark.torch


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pack of one `evidence run` that starts both processes itself."""
    return made_once(tmp_path_factory, "two-processes", milestone.two)


def in_torchrun(folder: Path) -> Path:
    made = project(folder / "project")
    ended = torchrun(made)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (folder / "said").write_text(ended.stdout + ended.stderr)
    return folder


def test_inside_torchrun_the_weights_are_those_of_a_run_that_starts_its_processes_itself(
    tmp_path_factory: pytest.TempPathFactory, alone: Path
) -> None:
    folder = made_once(tmp_path_factory, "in-torchrun", in_torchrun)
    pack = folder / "project/runs/L2"
    assert evidence("verify", str(pack)).exit == 0
    assert [one["rank"] for one in event(pack, "ranks")["ranks"]] == [0, 1]
    assert [one["stream"] for one in steps(pack)] == [one["stream"] for one in steps(alone)]
    assert weights(pack) == weights(alone)
    assert f"rank 1 of 2: as rank 0: complete: {pack}" in (folder / "said").read_text()
    assert not (pack.parent / layout.WORK / layout.LAUNCHED).exists()


def killed_elsewhere(folder: Path) -> Path:
    """A run on two machines by their names, of which the second loses its process."""
    made = project(folder / "project")
    launch = Srun(made, hosts=("node1", "node2"))
    metrics = made / "runs/.work/L2/attempt-01-tiny" / layout.METRICS
    wait_until(lambda: metrics.exists() and metrics.read_bytes().count(b"\n") >= 3)
    os.kill(launch.tasks[1].pid, signal.SIGKILL)
    (first, said), (second, _) = launch.ended()
    assert (first, second) == (4, -signal.SIGKILL), said
    (folder / "said").write_text(said)
    return folder


@pytest.fixture
def lost(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Path:
    made = made_once(tmp_path_factory, "killed-elsewhere", killed_elsewhere)
    return Path(shutil.copytree(made, tmp_path / "lost"))


def test_a_rank_whose_process_is_killed_is_blamed_and_the_run_goes_on_to_the_same_weights(
    lost: Path, alone: Path
) -> None:
    said = (lost / "said").read_text()
    assert "rank 1 of 2: its `evidence run` on node2, which srun started, is gone" in said
    assert "--resume" in said
    (first, said), (second, other) = Srun(lost / "project", "--resume", hosts=("a", "b")).ended()
    assert (first, second) == (0, 0), said + other
    pack = lost / "project/runs/L2"
    assert weights(pack) == weights(alone)
    ended = evidence("verify", str(pack))
    assert ended.exit == 0
    assert "process 1 has another machine than process 0" in ended.out
    assert [one["host"] for one in event(pack, "ranks")["ranks"]] == ["a", "b"]


def test_a_run_whose_rank_was_lost_is_closed_with_the_blame(lost: Path) -> None:
    milestone.run(lost / "project", "--close")
    closed = lost / "project/runs/L2"
    assert evidence("verify", str(closed)).exit == 4
    outcome = json.loads((closed / "attempts/01-tiny/outcome.json").read_bytes())
    assert outcome["reason"].startswith("rank 1 of 2: its `evidence run` on node2")
