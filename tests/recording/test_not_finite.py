"""A program whose loss runs away: no number from before stands for the last one."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tests.recording.programs import make_repository, program, record

DIVERGES: Final = """
process()
tell("reported", what="metric", name="val_loss", value=0.5, step=0, unit="")
for num in (1, 2):
    step(num)
for num in (3, 4):
    step(num, loss="nan", losses=["nan"])
tell("reported", what="metric", name="val_loss", value="inf", step=4, unit="")
tell("reported", what="metric", name="other", value=2, step=4, unit="")
"""
ALL: Final = 'process()\nstep(1, loss="nan", losses=["nan"])\n'


def test_of_a_loss_that_ran_away_no_earlier_one_is_the_last(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    ended = record(root, program(root, DIVERGES))
    values = ended.read("results.json")["values"]
    assert values["program.loss_first"]["value"] == 0.5
    for name, why in (
        ("program.loss_last", "it is nan, which is no finite number"),
        ("program.loss_mean", "the loss of step 3 is nan"),
        ("reported.val_loss", "it is inf, which is no finite number"),
    ):
        assert (values[name]["value"], values[name]["unavailable"]) == (None, why)
    assert values["reported.other"]["value"] == 2
    said = "The loss of 2 of 4 steps is no finite number, that of step 3 first."
    assert said in ended.summary()
    assert "| `val_loss` | not measured (it is inf" in ended.summary()
    assert "plots/loss.svg" in ended.summary()
    report = ended.verified()
    assert report.exit_code == 0
    assert said in [one.message for one in report.findings]


def test_without_any_finite_loss_nothing_is_drawn(tmp_path: Path) -> None:
    root = make_repository(tmp_path)
    ended = record(root, program(root, ALL))
    assert ended.read("results.json")["values"]["program.loss_first"]["value"] is None
    assert "plots/loss.svg" not in ended.summary()
    assert ended.verified().exit_code == 0
