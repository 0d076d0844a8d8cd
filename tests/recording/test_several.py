"""Several processes of one program: loader workers, children that come and go, ranks."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.recording.programs import PYTHON, make_repository, program, record

LOADER = """
import sys, torch
class Rows(torch.utils.data.Dataset):
    def __len__(self): return 8
    def __getitem__(self, index): return torch.ones(4) * index
if __name__ == "__main__":
    torch.manual_seed(0)
    model = torch.nn.Linear(4, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    loader = torch.utils.data.DataLoader(Rows(), batch_size=4, num_workers=1,
                                         multiprocessing_context=sys.argv[1])
    for batch in loader:
        optimizer.zero_grad()
        loss = model(batch).pow(2).mean()
        loss.backward()
        optimizer.step()
        print(repr(loss.item()), flush=True)
"""
RANKS = """
import torch, torch.distributed as dist
dist.init_process_group("gloo")
rank = dist.get_rank()
torch.manual_seed(0)
model = torch.nn.parallel.DistributedDataParallel(torch.nn.Linear(4, 1))
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
for number in range(3):
    optimizer.zero_grad()
    loss = model(torch.ones(2 + rank, 4) * (rank + 1)).pow(2).mean()
    loss.backward()
    optimizer.step()
    print(rank, repr(loss.item()), flush=True)
dist.destroy_process_group()
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "project")


@pytest.mark.torch
@pytest.mark.full
@pytest.mark.parametrize("context", ["fork", "spawn"])
def test_loader_workers_step_nothing_and_disturb_nothing(root: Path, context: str) -> None:
    made = record(root, [*program(root, LOADER, telling=False), context])
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    assert [repr(one["loss"]) for one in made.steps] == made.log.splitlines()
    processes = made.read("program/program.json")["processes"]
    assert [one["num_steps"] for one in processes] == [2, *[0] * (len(processes) - 1)]
    assert len(processes) > 1


@pytest.mark.torch
@pytest.mark.full
def test_ranks_are_told_apart_and_merged_as_is_stated(root: Path) -> None:
    script = program(root, RANKS, telling=False)[1]
    words = [PYTHON, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", script]
    made = record(root, words)
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    printed = [line.split() for line in made.log.splitlines() if line[:2] in ("0 ", "1 ")]
    processes = made.read("program/program.json")["processes"]
    ranks = {n: one["rank"] for n, one in enumerate(processes) if one["num_steps"]}
    for index, rank in ranks.items():
        own = [repr(one["loss"]) for one in made.steps if one["process"] == index]
        assert own == [loss for number, loss in printed if int(number) == rank]
    assert sorted(ranks.values()) == [0, 1]
    values = made.read("results.json")["values"]
    assert values["program.num_steps"]["value"] == 3  # of the one that stepped most
    assert values["program.num_rows"]["value"] == 3 * (2 + 3)  # of all


@pytest.mark.skipif(sys.platform == "win32", reason="forks")
def test_a_child_that_outlives_its_parent_still_counts(root: Path) -> None:
    source = "if os.fork() == 0:\n    time.sleep(0.3)\n"
    source += "    place = place[:-6] + '-child.jsonl'\n"
    source += "    process(forked=True); step(1); os._exit(0)\nprocess()\nstep(1)\n"
    made = record(root, [PYTHON, "-I", program(root, source)[1]])
    assert (made.result.status, made.verified().verdict) == ("complete", "INTACT")
    assert len(made.steps) == 2
