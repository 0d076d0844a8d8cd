"""Laws of the further settings of [train], in a real worker: each does what it says, and a training
that was killed goes on to the same weights with it."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Any, get_args

import pytest

from evidence.records.training import Schedule
from evidence.rules.arithmetic import POLYNOMIAL_END, learning_rate_used, warm_up
from tests.backends.test_training import Outcome, make_root, work
from tests.shared import made_once

pytestmark = pytest.mark.torch

NUM_STEPS = 6
OPTIONS = {
    "adam": 'optimizer = "adamw_torch_fused"\nadam_beta1 = 0.8\nadam_beta2 = 0.9\n'
    'adam_epsilon = 1e-6\nschedule = "inverse_sqrt"\nwarmup_steps = 0\nwarmup_ratio = 0.25',
    "noise": "label_smoothing = 0.1\nneftune_noise_alpha = 5.0\ngradient_checkpointing = true",
}
"""Settings that are tried together."""
MORE_OPTIONS = {
    "plain": "",
    "adamw": 'optimizer = "adamw_torch"',
    "fused": 'optimizer = "adamw_torch_fused"',
    "polynomial": 'schedule = "polynomial"',
    "smoothed": "label_smoothing = 0.1",
    "neftune": "neftune_noise_alpha = 5.0",
    "checkpointing": "gradient_checkpointing = true",
}
EVERY = OPTIONS | MORE_OPTIONS


def trained(root: Path, name: str, out: str = "", **job: Any) -> Outcome:
    settings = EVERY[name]
    if "warmup_steps" in settings:
        settings = settings.replace("warmup_steps = 0\n", "")
        old, new = "warmup_steps = 2\nseed = 5", f"seed = 5\nmax_steps = {NUM_STEPS}\n{settings}"
    else:
        old, new = "seed = 5", f"seed = 5\nmax_steps = {NUM_STEPS}\n{settings}"
    return work(root, out or name, old=old, new=new, **job)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "options", make_root_in)


def make_root_in(folder: Path) -> Path:
    make_root(folder)
    return folder


def goes_on_to_the_same_weights(root: Path, name: str) -> Outcome:
    whole = trained(root, name)
    assert whole.status == 0, whole.log
    (checkpoint,) = whole.of("checkpoint")
    resumed = trained(root, name, f"{name}-resumed", resume=checkpoint["path"], segment=2)
    assert [row.step for row in resumed.steps] == [5, 6]
    assert resumed.weights == whole.weights
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole.steps[4:]]
    assert [row.stream for row in resumed.steps] == [row.stream for row in whole.steps[4:]]
    return whole


@pytest.mark.parametrize("name", OPTIONS)
def test_a_killed_run_goes_on_to_the_same_weights(root: Path, name: str) -> None:
    goes_on_to_the_same_weights(root, name)


@pytest.mark.full
@pytest.mark.parametrize("name", MORE_OPTIONS)
def test_a_killed_run_goes_on_with_each_option_alone(root: Path, name: str) -> None:
    goes_on_to_the_same_weights(root, name)


def test_every_schedule_is_the_one_of_transformers() -> None:
    import torch
    from transformers import get_scheduler

    for schedule, total, share in product(get_args(Schedule), (1, 7, 50), (0.0, 0.07, 0.5)):
        warmup = warm_up(total, 0, share)
        if schedule == "polynomial" and warmup == total:
            continue  # refused: its formula divides by the steps that are left
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=3e-4)
        scheduler = get_scheduler(schedule, optimizer, warmup, total)
        for step in range(1, total + 1):
            used = learning_rate_used(step, total, 3e-4, schedule, warmup)
            assert used == pytest.approx(scheduler.get_last_lr()[0], rel=1e-12, abs=1e-18)
            optimizer.step()
            scheduler.step()
    assert POLYNOMIAL_END < 3e-4


def test_a_share_of_warm_up_is_rounded_as_transformers_rounds_it() -> None:
    from transformers import TrainingArguments

    for total, share in product((1, 7, 100, 138), (0.0, 0.01, 0.07, 0.1, 0.29, 0.99)):
        asked = TrainingArguments(output_dir="none", warmup_steps=share, use_cpu=True)
        assert asked.get_warmup_steps(total) == warm_up(total, 0, share)


@pytest.mark.full
def test_the_numbers_of_adam_and_its_form_are_used(root: Path) -> None:
    plain, other, fused = (trained(root, name, f"{name}-2") for name in ("adamw", "adam", "fused"))
    assert plain.weights != other.weights
    for one, two in zip(plain.steps, fused.steps, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-3)


def test_a_smoothed_loss_is_the_one_of_transformers() -> None:
    import torch
    from transformers.trainer_pt_utils import LabelSmoother

    from evidence.backends.transformers.loss import token_loss

    drawn = torch.Generator().manual_seed(1)
    logits = torch.randn((2, 5, 11), generator=drawn)
    labels = torch.tensor([[1, 2, -100, 4, 5], [-100, -100, 3, 9, 10]])
    outputs = {"logits": logits}
    for share, count in product((0.0, 0.1, 0.5), (6, 13)):
        ours = token_loss(outputs, labels, count, smoothing=share)
        theirs = LabelSmoother(epsilon=share)(
            outputs, labels, shift_labels=True, num_items_in_batch=count
        )
        assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_smoothing_and_noise_are_in_the_loss_and_not_in_what_it_was_held_against(
    root: Path,
) -> None:
    noisy = trained(root, "noise", "noise-again")
    (held,) = noisy.of("loss")
    first = noisy.steps[0].loss
    assert held["framework"] == pytest.approx(held["ours"], rel=1e-4)
    assert abs(first - held["ours"]) > 1e-3 * first
    assert noisy.of("execution")[0]["accumulation"] == 2  # a merged row would get another noise


@pytest.mark.full
def test_gradient_checkpointing_changes_no_number_and_not_the_model_that_is_saved(
    root: Path,
) -> None:
    plain = trained(root, "plain", "plain-3")
    saving = trained(root, "checkpointing", "checkpointing-3")
    for one, two in zip(plain.steps, saving.steps, strict=True):
        assert one.loss == pytest.approx(two.loss, rel=1e-5)
    config = "training_output/final_model/config.json"
    assert (plain.output / config).read_bytes() == (saving.output / config).read_bytes()
