"""Programs that only evaluate: which model they called, with which weights, how often."""

from __future__ import annotations

from pathlib import Path

import pytest
from instrument.programs import Event, Run, program

pytestmark = pytest.mark.torch

ONE = """
import torch
from torch import nn
torch.manual_seed(0)
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 3)
    def forward(self, x):
        return self.layer(x)
net = Net()
"""
FILLED = "other = Net(); other.load_state_dict(net.state_dict())\n"
CALLED = """
with torch.no_grad():
    for _ in range(3):
        other(torch.randn(5, 4))
"""
TRAINED = """
optimizer = torch.optim.SGD(other.parameters(), lr=0.1)
other.train()
other(torch.randn(5, 4)).sum().backward(); optimizer.step()
teacher = Net().eval()
with torch.no_grad():
    teacher(torch.randn(2, 4))
"""


def _ran(folder: Path, source: str) -> Run:
    return program(source, folder, spool=folder / "spool")


def _weights(ran: Run, moment: str) -> list[Event]:
    return [event for event in ran.events("weights") if event["moment"] == moment]


@pytest.mark.parametrize(
    "how", [FILLED, "other = net.eval()\n", "other = net; len(list(net.parameters()))\n"]
)
def test_a_model_that_is_only_called_is_known_with_its_weights(tmp_path: Path, how: str) -> None:
    ran = _ran(tmp_path, ONE + how + CALLED)
    (model,) = ran.events("model")
    assert (model["class"], model["num_parameters"]) == ("Net", 15)
    (weights,) = _weights(ran, "evaluated")
    assert len(weights["sha256"]) == 64
    (phase,) = ran.events("evaluated")
    assert (phase["after_step"], phase["num_forwards"], phase["num_rows"]) == (0, 3, 15)


def test_what_is_evaluated_and_then_trained_is_one_model_and_teachers_are_none(
    tmp_path: Path,
) -> None:
    ran = _ran(tmp_path, ONE + FILLED + CALLED + TRAINED)
    assert len(ran.events("model")) == 1
    evaluated, before, after = (
        one["sha256"]
        for moment in ("evaluated", "before", "after")
        for one in _weights(ran, moment)
    )
    assert evaluated == before != after
