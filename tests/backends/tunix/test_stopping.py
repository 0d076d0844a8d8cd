"""A training on JAX that is killed goes on to the same weights; what ends it has a name."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.backends.tunix.pair import MILESTONE, Heard, Outcome, make_root, under_jax, work
from tests.shared import made_once

pytestmark = [pytest.mark.jax, pytest.mark.torch]

LONGER = {"epochs = 2": "max_steps = 7"}


def at_step(step: int, number: signal.Signals) -> Heard:
    def heard(event: dict[str, Any], process: subprocess.Popen[bytes]) -> None:
        if event["event"] == "step" and event["row"]["step"] == step:
            process.send_signal(number)

    return heard


def gone_on(root: Path, name: str, before: Outcome) -> Outcome:
    last = before.of("checkpoint")[-1]["path"]
    return work(root, "tunix", name, edits=LONGER, resume=last, segment=2)


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    def trained(folder: Path) -> Outcome:
        return work(make_root(folder / "root"), "tunix", "whole", edits=LONGER)

    found = made_once(tmp_path_factory, "uninterrupted", trained)
    assert found.status == 0, found.log
    return found


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_training_that_ended_early_goes_on_to_the_same_weights(
    number: signal.Signals, whole: Outcome
) -> None:
    root = whole.output.parent
    name = f"cut-by-{number.name}"
    cut = work(root, "tunix", name, edits=LONGER, heard=at_step(3, number))
    assert next(one["step"] for one in cut.of("checkpoint")) == 2
    if number == signal.SIGTERM:
        assert cut.status == 3
        assert cut.one("stopped")["step"] == cut.of("checkpoint")[-1]["step"] == len(cut.steps)
    else:
        assert cut.status == -signal.SIGKILL
    again = gone_on(root, name, cut)
    assert again.status == 0, again.log
    assert again.weights == whole.weights
    first = again.steps[0].step
    assert again.one("schedule")["resumed_from_step"] == first - 1 > 0
    for ours, theirs in zip(again.steps, whole.steps[first - 1 :], strict=True):
        assert (ours.loss, ours.grad_norm, ours.stream) == (
            theirs.loss,
            theirs.grad_norm,
            theirs.stream,
        )
    assert again.one("weights") == whole.one("weights")
    assert again.one("seen") == whole.one("seen")


def test_a_loss_that_is_no_number_ends_the_training_by_its_name(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    edits = {'"adafactor"': '"sgd"', "1e-3": "10.0", "[eval]": "max_grad_norm = 0\n\n[eval]",
             "weight_decay = 0.01": "weight_decay = 10.0", "warmup_steps = 2": "warmup_steps = 0",
             "epochs = 2": "max_steps = 40"}  # fmt: skip
    found = work(root, "tunix", "diverged", edits=edits)
    assert found.status == 1
    assert found.one("failed")["kind"] == "diverged", found.log
    assert len(found.steps) < 40


def test_another_model_ends_before_anything_is_drawn(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root", rope_theta=1e6)
    found = work(root, "tunix", "refused")
    assert found.one("failed")["kind"] == "requirement-not-met"
    assert "rope_theta" in found.one("failed")["message"]


def test_weights_that_nobody_here_can_draw_are_asked_for(tmp_path: Path) -> None:
    root = make_root(tmp_path / "root")
    found = work(root, "tunix", "undrawn", supervisor="")
    failed = found.one("failed")
    assert failed["kind"] == "requirement-not-met"
    assert "pip install torch" in failed["message"]
    assert "path" in failed["message"]


def test_memory_of_the_machine_that_runs_out_is_not_called_a_gpus() -> None:
    said = under_jax(Path(__file__).with_name("memory_of.py"), MILESTONE)
    assert said.startswith("out-of-memory the machine ran out of memory: ")
    assert 'set execution = "as-written" in [train]' in said
