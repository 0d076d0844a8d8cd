"""A recorded program with a launcher of its own: both ranks are shown, and a killed one is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.recording.programs import PYTHON, Recorded, make_repository, program, record

pytestmark = pytest.mark.torch

RANKS = """
import os, signal, sys, torch, torch.distributed as dist
dist.init_process_group("gloo")
rank, world = dist.get_rank(), dist.get_world_size()
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
every = torch.arange(96.0).reshape(6, 4, 4) / 96
for number, whole in enumerate(every):
    if "killed" in sys.argv and rank == 1 and number == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    optimizer.zero_grad()
    loss = model(whole[rank::world]).pow(2).mean()
    loss.backward()
    optimizer.step()
dist.destroy_process_group()
"""


def launched(root: Path, processes: int, *words: str) -> Recorded:
    script = program(root, RANKS, telling=False)[1]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return record(root, [PYTHON, *launcher, script, *words], name=f"R{processes}")


def losses(made: Recorded) -> dict[int, list[float]]:
    """Of each rank, in order."""
    processes = made.read("program/program.json")["processes"]
    found: dict[int, list[float]] = {}
    for row in made.steps:
        rank = processes[row["process"]]["rank"]
        found.setdefault(rank, []).append(row["loss"])
    return found


def test_two_ranks_are_shown_with_the_arithmetic_of_the_global_batch(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "project")
    both, alone = launched(root, 2), launched(root, 1)
    for made in (both, alone):
        assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
        values = made.read("results.json")["values"]
        assert values["program.num_steps"]["value"] == 6
        assert values["program.num_rows"]["value"] == 6 * 4
    each, (one,) = losses(both), losses(alone).values()
    assert set(each) == {0, 1}
    means = [sum(pair) / 2 for pair in zip(each[0], each[1], strict=True)]
    assert means == pytest.approx(one, rel=1e-6)
    rows = [line.split(" | ") for line in both.summary().splitlines() if "train.py" in line]
    assert {cells[1] for cells in rows if len(cells) > 2} >= {"0", "1"}


def test_a_killed_rank_leaves_an_honest_failed_attempt(tmp_path: Path) -> None:
    root = make_repository(tmp_path / "project")
    made = launched(root, 2, "killed")
    report = made.verified()
    assert (made.result.status, report.exit_code) == ("failed", 4), report.findings
    assert "local_rank: 1" in made.log
    assert "exitcode  : -9" in made.log
    (outcome,) = made.result.outcomes
    assert outcome.outcome == "exception"
