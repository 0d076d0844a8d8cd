"""Laws of the optimizer in 8 bit, in a real worker: its states are small, and a training that was
killed goes on to the same weights with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace
from render.sample import complete_pack

from evidence.backends.registry import SHIPPED
from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import RequirementSpec
from evidence.records.training import IN_8_BIT
from evidence.worker import devices, requirements
from tests.backends.test_training import make_root, work

pytestmark = pytest.mark.torch

LEAST: Final = 4096
"""Numbers of a tensor from which on its states are kept in 8 bit."""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("quantised")
    make_root(folder)
    config = folder / "model/config.json"
    wide = {**json.loads(config.read_text()), "intermediate_size": LEAST // 32}
    config.write_text(json.dumps(wide))
    return folder


@pytest.mark.parametrize("dtype", ["float32", pytest.param("bfloat16", marks=pytest.mark.full)])
def test_a_killed_run_goes_on_to_the_same_weights(root: Path, dtype: str) -> None:
    pytest.importorskip("bitsandbytes", reason="of the extra `quantised`")
    import torch

    settings = f'seed = 5\nmax_steps = 6\noptimizer = "{IN_8_BIT}"\nadam_beta2 = 0.95'
    name = f"8bit-{dtype}"
    asked = {"old": "seed = 5", "new": settings}
    whole = work(root, name, **asked)
    assert whole.status == 0, whole.log
    (checkpoint,) = whole.of("checkpoint")
    states = torch.load(Path(checkpoint["path"]) / "optimizer.pt", weights_only=True)["state"]
    kept = [part for one in states.values() for part in one.values() if isinstance(part, dict)]
    assert torch.uint8 in {part["state1"].dtype for part in kept}
    resumed = work(root, f"{name}-resumed", **asked, resume=checkpoint["path"], segment=2)
    assert [row.step for row in resumed.steps] == [5, 6]
    assert resumed.weights == whole.weights
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole.steps[4:]]


def test_without_its_package_the_attempt_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pack = complete_pack()
    plan = plan_attempts(pack.milestone)[0]
    plan = replace(plan, requires=RequirementSpec())
    asked = replace(plan, given_train=replace(plan.train, optimizer=IN_8_BIT))
    monkeypatch.setattr("evidence.worker.interpreter.find_spec", lambda _: None)
    backend = SHIPPED["transformers"]
    more = {*requirements.unmet(asked, backend, pack.hardware)}
    more -= {*requirements.unmet(plan, backend, pack.hardware)}
    ((said, remedy),) = more
    assert said == "the Python package bitsandbytes is not installed"
    assert 'pip install "evidence-pack[quantised]' in remedy
    assert any("8 bit" in said for said, _ in devices.unmet_apple(asked, backend))
