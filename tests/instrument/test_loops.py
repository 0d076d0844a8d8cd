"""Loops of every kind: scaled, accumulated, with several optimizers, compiled, distributed.

One process runs several of them one after the other, because importing PyTorch takes the time.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from instrument.programs import Event, Run, program, run

pytestmark = pytest.mark.torch

MODEL = """
import json, torch
from torch import nn
from torch.nn import functional as F
torch.manual_seed(0)
class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.head = nn.Embedding(20, 8), nn.Linear(8, 20)
    def forward(self, idx, targets):
        scores = self.head(self.tokens(idx))
        return F.cross_entropy(scores.flatten(0, 1), targets.flatten(), ignore_index=-1)
def batch():
    ids = torch.randint(0, 20, (2, 6))
    return ids[:, :-1], ids[:, 1:].clone()
def say(**values):
    print(json.dumps(values))
"""

SCALED = """
model = Model()
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
for step in range(4):
    loss = model(*batch())
    loss = loss * float("inf") if step == 2 else loss
    optimizer.zero_grad(); scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()
    say(kind="scaled", loss=loss.item())
"""
ACCUMULATED = """
model = Model()
optimizer = torch.optim.Adam(model.parameters(), lr=torch.tensor(0.01), foreach=False)
for step in range(2):
    losses = []
    for _ in range(4):
        ids, targets = batch()
        targets[:, :2] = -1
        loss = model(ids, targets); (loss / 4).backward(); losses.append(loss.item())
    optimizer.step(); optimizer.zero_grad(); say(kind="accumulated", loss=sum(losses) / 4)
"""
SEVERAL = """
model = Model()
one = torch.optim.SGD(model.tokens.parameters(), lr=0.1)
two = torch.optim.AdamW(model.head.parameters(), lr=0.02, fused=True)
for step in range(2):
    loss = model(*batch()); loss.backward()
    for optimizer in (one, two):
        optimizer.step(); optimizer.zero_grad()
    say(kind="several", loss=loss.item())
"""
CHILDREN = """
class Box(nn.Module):
    def __init__(self):
        super().__init__()
        self.tokens, self.head = nn.Embedding(20, 8), nn.Linear(8, 20)
box = Box()
optimizer = torch.optim.SGD(box.parameters(), lr=0.1)
for step in range(3):
    ids, targets = batch()
    loss = F.cross_entropy(box.head(box.tokens(ids)).flatten(0, 1), targets.flatten())
    loss.backward(); optimizer.step(); optimizer.zero_grad(); say(kind="children", loss=loss.item())
"""
NEVER_STEPS = """
class Still(torch.optim.SGD):
    def step(self, closure=None):
        return None
model = Model()
optimizer = Still(model.parameters(), lr=0.1)
for step in range(3):
    model(*batch()).backward(); optimizer.step()
F.cross_entropy = lambda scores, targets, **more: scores.mean()
"""
DISTRIBUTED = """
import torch.distributed as dist
dist.init_process_group("gloo")
model = nn.parallel.DistributedDataParallel(Model())
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
torch.manual_seed(dist.get_rank())
for step in range(2):
    loss = model(*batch()); loss.backward(); optimizer.step(); optimizer.zero_grad()
    open(f"rank{dist.get_rank()}.txt", "a").write(f"{loss.item()!r}\\n")
dist.destroy_process_group()
"""
COMPILED = """
def explained(function, *given):
    torch._dynamo.reset()
    found = torch._dynamo.explain(function)(*given)
    say(graphs=found.graph_count, breaks=found.graph_break_count, operations=found.op_count)
model = Model()
optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
def train(ids, targets):
    loss = model(ids, targets); loss.backward(); optimizer.step(); optimizer.zero_grad()
    return loss
explained(model, *batch())
explained(train, *batch())
model(*batch()).backward()
explained(lambda: optimizer.step())
torch._dynamo.reset()
whole = torch.compile(model, backend="eager", fullgraph=True)
stepped = torch.compile(lambda: optimizer.step(), backend="eager")
for step in range(3):
    loss = whole(*batch()); loss.backward(); stepped(); optimizer.zero_grad()
    say(loss=loss.item())
"""


def _rows(run: Run, *optimizers: int) -> list[Event]:
    return [row for row in run.events("step") if row["optimizer"] in optimizers]


def _printed(run: Run, kind: str) -> list[Any]:
    said = [json.loads(line) for line in run.printed.splitlines()]
    return [line["loss"] for line in said if line["kind"] == kind]


@pytest.fixture(scope="module")
def loops(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("loops")
    ended = program(MODEL + SCALED + ACCUMULATED + SEVERAL + CHILDREN, folder, folder / "spool")
    assert (ended.code, ended.errors) == (0, "")
    assert ended.events("hook-failed", "patched") == []
    return ended


def test_a_step_that_the_scaler_skips_is_a_row_that_says_so(loops: Run) -> None:
    rows = _rows(loops, 0)
    assert [row["skipped"] for row in rows] == [False, False, True, False]
    assert [row["num"] for row in rows] == [1, 2, 3, 4]
    printed = _printed(loops, "scaled")
    assert [row["loss"] for row in rows if row["num"] != 3] == [*printed[:2], printed[3]]
    assert rows[2]["loss"] == "inf"
    assert loops.one("end")["skipped"] == 1


def test_losses_that_a_loop_divides_are_multiplied_back(loops: Run) -> None:
    rows = _rows(loops, 1)
    assert [row["loss"] for row in rows] == pytest.approx(_printed(loops, "accumulated"), rel=1e-15)
    assert {row["num_losses"] for row in rows} == {4}
    assert [row["learning_rates"] for row in rows] == [[pytest.approx(0.01)]] * 2
    assert {(row["num_fed_tokens"], row["num_target_tokens"]) for row in rows} == {(40, 24)}


def test_two_optimizers_of_one_loss_share_it(loops: Run) -> None:
    one, two = _rows(loops, 2), _rows(loops, 3)
    printed = _printed(loops, "several")
    assert [row["loss"] for row in one] == [row["loss"] for row in two] == printed
    assert {row["shared_with"] for row in one} == {None}
    assert {row["shared_with"] for row in two} == {2}
    assert {row["name"] for row in two} == {"AdamW"}


def test_a_model_that_is_called_by_its_parts_is_seen_after_its_first_step(loops: Run) -> None:
    rows = _rows(loops, 4)
    assert [row["loss"] for row in rows] == _printed(loops, "children")
    assert [row["num_fed_tokens"] for row in rows] == [None, 10, 10]


def test_an_optimizer_that_never_steps_changes_nothing_and_a_replaced_function_is_named(
    tmp_path: Path,
) -> None:
    ended = program(MODEL + NEVER_STEPS, tmp_path, tmp_path / "spool")
    before, after = ended.events("weights")
    assert ended.one("end")["steps"] == 3
    assert before["sha256"] == after["sha256"]
    assert (after["num_changed"], after["num_compared"]) == (0, 340)
    (patched,) = ended.events("patched")
    assert patched["what"] == "torch.nn.functional.cross_entropy"
    assert patched["by"] == "__main__.<lambda>"


@pytest.mark.full
def test_each_rank_has_its_own_rows(tmp_path: Path) -> None:
    script = tmp_path / "program.py"
    script.write_text(MODEL + DISTRIBUTED, encoding="utf-8")
    launcher = (sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", script)
    ended = run(*launcher, cwd=tmp_path, spool=tmp_path / "spool")
    assert ended.code == 0, ended.errors
    ranks = {file[0]["rank"]: file for file in ended.files if file[0]["rank"] is not None}
    assert set(ranks) == {0, 1}
    for rank, file in ranks.items():
        printed = (tmp_path / f"rank{rank}.txt").read_text("utf-8").split()
        assert [repr(event["loss"]) for event in file if event["event"] == "step"] == printed


@pytest.mark.full
def test_compiling_has_no_further_break_and_steps_are_seen(tmp_path: Path) -> None:
    alone = program(MODEL + COMPILED, tmp_path)
    recorded = program(MODEL + COMPILED, tmp_path, tmp_path / "spool")
    assert (recorded.code, recorded.printed) == (0, alone.printed)
    assert recorded.events("hook-failed") == []
    losses = [json.loads(line)["loss"] for line in recorded.printed.splitlines()[3:]]
    assert [row["loss"] for row in recorded.events("step")][-3:] == losses
