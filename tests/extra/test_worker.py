"""Laws of [train.extra] in a real worker: it reaches the Trainer, and what is not taken ends the
stage before its first step; a training that was killed goes on to the same weights with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evidence.encoding.digest import sha256_hex
from tests.backends.test_training import Outcome, make_root, work
from tests.shared import made_once

pytestmark = pytest.mark.torch

SETTINGS = 'seed = 5\nmax_steps = 6\nschedule = "cosine"\n'
CYCLES = "extra = { lr_scheduler_kwargs = { num_cycles = 2 }, dataloader_num_workers = 1 }\n"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    def made(folder: Path) -> Path:
        make_root(folder)
        return folder

    return made_once(tmp_path_factory, "extra", made)


def trained(root: Path, name: str, extra: str, **job: object) -> Outcome:
    return work(root, name, old="seed = 5\n", new=f"{SETTINGS}{extra}", **job)


def test_it_reaches_the_trainer_and_is_told(root: Path) -> None:
    plain, other = trained(root, "plain", ""), trained(root, "cycles", CYCLES)
    assert other.status == 0, other.log
    rates = [[row.learning_rate for row in one.steps] for one in (plain, other)]
    assert rates[0] != rates[1]
    assert [row.stream for row in plain.steps] == [row.stream for row in other.steps]
    wanted = {"lr_scheduler_kwargs": {"num_cycles": 2}, "dataloader_num_workers": 1}
    assert other.of("execution")[0]["extra"] == wanted
    assert "extra" not in plain.of("execution")[0]


def test_a_killed_run_goes_on_to_the_same_weights(root: Path) -> None:
    whole = trained(root, "whole", CYCLES)
    (checkpoint,) = whole.of("checkpoint")
    resumed = trained(root, "resumed", CYCLES, resume=checkpoint["path"], segment=2)
    assert [row.step for row in resumed.steps] == [5, 6]
    assert resumed.weights == whole.weights
    assert [row.stream for row in resumed.steps] == [row.stream for row in whole.steps[4:]]


@pytest.mark.parametrize(
    ("extra", "said"),
    [
        (
            "of_tomorrow = 1",
            "train.extra.of_tomorrow: TrainingArguments has no of_tomorrow",
        ),
        (
            'lr_scheduler_kwargs = "x"',
            "transformers does not take train.extra.lr_scheduler_kwargs = 'x': TypeError: ",
        ),
        (
            "lr_scheduler_kwargs = { num_cycle = 1 }",
            "transformers does not take train.extra.lr_scheduler_kwargs = {'num_cycle': 1}: ",
        ),
        ('optim_args = "x"', "transformers does not take train.extra.optim_args = 'x': ValueError"),
        ("tf32 = true", "TrainingArguments does not take what [train.extra] gives: --tf32"),
    ],
)
def test_what_is_not_taken_ends_the_stage_before_its_first_step(
    extra: str, said: str, root: Path
) -> None:
    ended = trained(root, sha256_hex(extra.encode())[:8], f"extra = {{ {extra} }}\n")
    (failure,) = ended.of("failed")
    assert failure["kind"] == "requirement-not-met"
    assert failure["message"].startswith(said)
    assert ended.steps == []
