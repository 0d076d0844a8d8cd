"""Laws of what trackers are told, of packs with several stages and with seeds."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence.export.tracked import curves, numbers, unmeasured
from tests.export.packs import account, exported, lacking, said, values
from tests.fields import staged
from tests.project import make_project
from tests.shared import made_once

SEEDS = """\
[[stage]]
name = "low"
kind = "train"
seeds = [5, 6]

[[stage]]
name = "check"
kind = "eval"
of = ["low"]
eval = { limit = 4 }

[[attempt]]
name = "stub\""""


def with_seeds(folder: Path) -> Path:
    """A run of the stub whose training is run with two seeds."""
    project = make_project(folder / "project")
    project.edit('[[attempt]]\nname = "stub"', SEEDS)
    project.edit("\nseed = 7\n", "\n")
    project.edit('metric = "train.loss_ratio"', 'metric = "seeds.low.train.loss_end.mean"')
    project.edit("{{ train.num_steps }}", "{{ seeds.low.train.loss_end.mean }}")
    project.git("commit", "-qam", "seeds")
    project.run()
    return project.pack


SEVERAL = {"staged": staged.make, "seeds": with_seeds}
TRACKERS = ("mlflow", "tensorboard", "trackio")


@pytest.fixture(params=sorted(SEVERAL))
def several(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack with more than one training."""
    name = request.param
    return made_once(tmp_path_factory, f"export-{name}", SEVERAL[name])


def test_each_training_has_a_curve_of_its_own_steps(several: Path) -> None:
    found = {one.name: one for one in curves(account(several))}
    of_loss = [name for name in found if name.endswith("train.by_step.loss")]
    assert len(of_loss) > 1
    for name in of_loss:
        path, _, lines = found[name].address.partition("#")
        rows = (several / path).read_bytes().splitlines()
        assert lines == f"L1-L{len(rows)}/loss"
        steps = [json.loads(row) for row in rows]
        assert [(one.step, one.value) for one in found[name].points] == [
            (row["step"], row["loss"]) for row in steps
        ]


def test_a_number_or_a_reason_and_never_both(several: Path) -> None:
    given = account(several)
    assert not numbers(given).keys() & unmeasured(given).keys()
    assert unmeasured(given).keys() == {
        name for name, one in values(several).items() if one["value"] is None
    }


@pytest.mark.parametrize("name", TRACKERS)
def test_every_tracker_is_told_of_every_stage(name: str, several: Path) -> None:
    if lacking(name):
        pytest.skip(lacking(name))
    files = exported(name, several)
    text = " ".join([*files, *said(files).values()])
    for curve in curves(account(several)):
        assert curve.name in text
        assert curve.address in text.replace("\\", "")
