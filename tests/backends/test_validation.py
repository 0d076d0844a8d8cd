"""Laws of measuring between the steps, in a real worker: it leaves no trace in the training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from tests.backends import test_training
from tests.backends.test_training import Outcome, make_root, work
from tests.shared import made_once

pytestmark = pytest.mark.torch

NUM_STEPS = 6
TABLE = """[data.validation]
path = "validation.jsonl"
answer = ["steps", "final_answer"]
text = "{{ prompt }}\\n{% for s in steps %}{{ s.content }}\\n{% endfor %}{{ final_answer }}"

[train]
"""
PLAIN = f"[train]\nmax_steps = {NUM_STEPS}\n"
VALIDATED = f"{TABLE}max_steps = {NUM_STEPS}\nvalidate_every_steps = 2\n"
OFTEN = VALIDATED.replace("validate_every_steps = 2", "validate_every_steps = 4")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "validation", made)


def made(folder: Path) -> Path:
    make_root(folder)
    rows = (folder / "train.jsonl").read_text("utf-8").splitlines(keepends=True)
    (folder / "validation.jsonl").write_text("".join(rows[:5]), "utf-8")
    return folder


def trained(root: Path, name: str, settings: str, **job: Any) -> Outcome:
    return work(root, name, old="[train]\n", new=settings, **job)


@pytest.fixture(scope="module")
def validated(root: Path) -> Outcome:
    found = trained(root, "validated", VALIDATED)
    assert found.status == 0, found.log
    return found


def test_it_measures_after_the_steps_that_are_asked_for_and_trains_the_same(
    root: Path, validated: Outcome
) -> None:
    plain = trained(root, "plain", PLAIN)
    assert [one["step"] for one in validated.of("validation")] == [2, 4, 6]
    (told,) = validated.of("validation-set")
    assert (told["data"], told["num_rows"]) == ("validation", 5)
    assert {one["num_target_tokens"] for one in validated.of("validation")} == {
        told["num_target_tokens"]
    }
    assert validated.weights == plain.weights
    assert [row.loss for row in validated.steps] == [row.loss for row in plain.steps]
    assert [row.stream for row in validated.steps] == [row.stream for row in plain.steps]


def test_the_last_loss_is_the_one_of_the_model_that_is_saved(
    root: Path, validated: Outcome
) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from evidence.backends.tokenizer import coder
    from evidence.data.validation import validation_set
    from evidence.milestone.parse import parse_milestone
    from evidence.milestone.plan import plan_attempts
    from tests.backends.test_training import MILESTONE

    text = MILESTONE.replace("[train]\n", VALIDATED, 1)
    plan = plan_attempts(parse_milestone(text.encode()))[0]
    saved = validated.output / layout.FINAL_MODEL
    model = AutoModelForCausalLM.from_pretrained(saved, dtype=torch.float32)
    plain = coder(AutoTokenizer.from_pretrained(saved), plan.model)
    total, count = 0.0, 0
    for one in validation_set(plan, root, plain).examples:
        labels = torch.tensor([one.labels])
        with torch.no_grad():
            own = float(model(input_ids=torch.tensor([one.ids]), labels=labels).loss)
        targets = int((labels[:, 1:] != -100).sum())
        total, count = total + own * targets, count + targets
    last = validated.of("validation")[-1]
    assert last["num_target_tokens"] == count
    assert last["loss"] == pytest.approx(total / count, rel=1e-5)


def test_a_killed_run_measures_the_same_from_where_it_goes_on(
    root: Path, validated: Outcome
) -> None:
    (checkpoint,) = validated.of("checkpoint")
    resumed = trained(root, "resumed", VALIDATED, resume=checkpoint["path"], segment=2)
    assert resumed.status == 0, resumed.log
    assert resumed.of("validation") == validated.of("validation")[2:]
    assert resumed.weights == validated.weights


def test_a_loss_comes_before_the_checkpoint_of_its_step(root: Path, validated: Outcome) -> None:
    names = [
        one["event"] for one in validated.events if one["event"] in ("validation", "checkpoint")
    ]
    assert names == ["validation", "validation", "checkpoint", "validation"]
    often = trained(root, "often", OFTEN)
    assert [one["step"] for one in often.of("validation")] == [4, 6]


def test_rows_that_are_trained_on_are_counted(root: Path, validated: Outcome) -> None:
    assert validated.of("validation-set")[0]["num_rows_trained_on"] == 0  # another text
    same = VALIDATED.replace("{{ final_answer }}", "Answer: {{ final_answer }}")
    seen = trained(root, "seen", same)
    assert seen.status == 0, seen.log
    assert seen.of("validation-set")[0]["num_rows_trained_on"] == 5


def test_rows_without_a_target_are_refused_before_the_training(root: Path) -> None:
    row = {"prompt": "Why? " * 100, "steps": [{"content": "So."}], "final_answer": "So."}
    (root / "empty.jsonl").write_text(json.dumps(row) + "\n", "utf-8")
    found = trained(root, "refused", VALIDATED.replace("validation.jsonl", "empty.jsonl"))
    (failed,) = found.of("failed")
    assert "in none of the 1 rows of [data.validation] does a token carry loss" in failed["message"]
    assert not found.steps


ENDS = "validate_every_steps = 1\nearly_stopping_patience = 2\nearly_stopping_threshold = 0.5\n"
"""Two losses after the first that are not better by half a nat: after step 3 at the earliest."""
BEST = 'validate_every_steps = 1\nkeep_best = true\nschedule = "constant"\n'


def test_losses_that_do_not_get_better_end_it_and_a_killed_run_ends_there_too(root: Path) -> None:
    from evidence.rules.validating import ends_after

    settings = VALIDATED.replace("validate_every_steps = 2\n", ENDS)
    settings = settings.replace(f"max_steps = {NUM_STEPS}", "max_steps = 30")
    whole = trained(root, "ended", settings)
    assert whole.status == 0, whole.log
    losses = [(one["step"], one["loss"]) for one in whole.of("validation")]
    assert ends_after(losses, 2, 0.5) == losses[-1][0] == whole.steps[-1].step < 30
    assert whole.of("model")
    assert not whole.of("stopped")
    if checkpoints := whole.of("checkpoint"):
        again = trained(root, "ended-2", settings, resume=checkpoints[-1]["path"], segment=2)
        assert again.weights == whole.weights
        assert again.steps[-1].step == whole.steps[-1].step
    assert all(one["step"] < whole.steps[-1].step for one in checkpoints)


def test_the_best_weights_are_saved_and_a_killed_run_saves_the_same(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch
    from transformers import AutoModelForCausalLM

    from evidence.backends.transformers.weights import parameters_sha256

    settings = VALIDATED.replace("validate_every_steps = 2\n", BEST)
    settings = settings.replace(f"max_steps = {NUM_STEPS}", "max_steps = 10")
    plain = test_training.MILESTONE
    for rate in ("0.2", "0.4", "0.3", "0.15"):  # too fast: which way it runs away is rounding's
        too_fast = plain.replace("learning_rate = 0.01", f"learning_rate = {rate}")
        monkeypatch.setattr(test_training, "MILESTONE", too_fast)
        whole = trained(root, f"best-at-{rate}", settings)
        assert whole.status == 0, whole.log
        events = whole.of("validation")
        best = min(events, key=lambda one: one["loss"])
        if best["step"] < events[-1]["step"]:
            break
    assert best["step"] < events[-1]["step"], "else this would show nothing"
    saved = AutoModelForCausalLM.from_pretrained(
        whole.output / layout.FINAL_MODEL, dtype=torch.float32
    )
    assert parameters_sha256(saved) == best["weights_sha256"]
    (record,) = whole.of("weights")
    assert record["record"]["end_sha256"] == best["weights_sha256"]
    for number, checkpoint in enumerate(whole.of("checkpoint")):
        name = f"best-{number}"
        again = trained(root, name, settings, resume=checkpoint["path"], segment=2)
        assert again.weights == whole.weights
