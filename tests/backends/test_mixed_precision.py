"""Laws of a training in mixed precision, in a real worker: what is coarse is the training alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence import layout
from evidence.data.examples import probe_texts
from evidence.data.read import load_data
from evidence.milestone.parse import parse_milestone
from evidence.milestone.plan import plan_attempts
from tests.backends.test_training import MILESTONE, Outcome, make_root, work
from tests.shared import made_once

pytestmark = pytest.mark.torch

NUM_STEPS = 6
FLOAT32 = f"seed = 5\nmax_steps = {NUM_STEPS}"
MIXED = f'{FLOAT32}\nmixed_precision = "bf16"'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "mixed", made)


def made(folder: Path) -> Path:
    make_root(folder)
    return folder


def trained(root: Path, name: str, settings: str, **job: object) -> Outcome:
    found = work(root, name, old="seed = 5", new=settings, **job)
    assert found.status == 0, found.log
    return found


def test_its_losses_are_those_of_bfloat16_and_its_weights_and_probes_those_of_float32(
    root: Path,
) -> None:
    from safetensors.torch import load_file

    plain, mixed = trained(root, "plain", FLOAT32), trained(root, "mixed", MIXED)
    apart = [
        abs(one.loss - two.loss) / one.loss
        for one, two in zip(plain.steps, mixed.steps, strict=True)
    ]
    assert 1e-6 < max(apart) < 1e-2
    tensors = load_file(mixed.output / layout.FINAL_MODEL / "model.safetensors")
    assert {str(one.dtype) for one in tensors.values()} == {"torch.float32"}
    before = [run.of("probe")[0]["loss"] for run in (plain, mixed)]
    assert before[0] == before[1]
    config = f"{layout.FINAL_MODEL}/config.json"
    assert (plain.output / config).read_bytes() == (mixed.output / config).read_bytes()


def test_the_probe_after_training_is_of_the_model_that_is_saved(root: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from evidence.backends.transformers.evaluation import probe_loss

    mixed = trained(root, "probed", MIXED)
    saved = mixed.output / layout.FINAL_MODEL
    model = AutoModelForCausalLM.from_pretrained(saved, dtype=torch.float32)
    plan = plan_attempts(parse_milestone(MILESTONE.encode()))[0]
    texts = probe_texts(plan, load_data(root, "train", plan.data["train"]), root)
    loss = probe_loss(model, AutoTokenizer.from_pretrained(saved), texts)
    assert mixed.of("probe")[1]["loss"] == pytest.approx(loss, rel=1e-6)


def test_the_loss_of_the_first_step_is_the_one_that_was_held_against(root: Path) -> None:
    mixed = trained(root, "held", MIXED)
    (held,) = mixed.of("loss")
    assert held["framework"] == pytest.approx(held["ours"], rel=1e-4)
    assert mixed.steps[0].loss == pytest.approx(held["ours"], rel=1e-3)
    assert not mixed.of("warning")


def test_a_killed_run_goes_on_to_the_same_weights(root: Path) -> None:
    whole = trained(root, "whole", MIXED)
    (checkpoint,) = whole.of("checkpoint")
    resumed = trained(root, "resumed", MIXED, resume=checkpoint["path"], segment=2)
    assert resumed.weights == whole.weights
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole.steps[4:]]
