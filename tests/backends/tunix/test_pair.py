"""The same milestone in both frameworks: the same rows, and numbers that differ by rounding."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from evidence.encoding.codec import decode
from evidence.records.capture import JaxRecord
from evidence.records.execution import CompilationRecord, ExecutionRecord
from evidence.records.tensors import LogitsRecord, WeightsRecord
from tests.backends.tunix.pair import ROOT, Outcome, make_root, work
from tests.shared import made_once

pytestmark = [pytest.mark.jax, pytest.mark.torch]

BOTH = ("transformers", "tunix")
WAYS = {
    "merged": {"[eval]": 'execution = "fast"\n\n[eval]'},
    "added-up": {"[eval]": 'execution = "as-written"\n\n[eval]'},
    "adamw": {'"adafactor"': '"adamw_torch"', "weight_decay = 0.01": "weight_decay = 0.1"},
    "sgd": {'"adafactor"': '"sgd"', "1e-3": "0.5", "[eval]": "max_grad_norm = 0.5\n\n[eval]"},
    "capped": {"epochs = 2": "max_steps = 4", "batch_size = 2": "batch_size = 3"},
}

Pair = Mapping[str, Outcome]


def trained(root: Path, way: str, **config: Any) -> Pair:
    make_root(root, **config)
    found = {one: work(root, one, one, edits=WAYS[way]) for one in BOTH}
    for one in BOTH:
        assert found[one].status == 0, found[one].log
    return found


@pytest.fixture(scope="session", params=["added-up"])
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Pair:
    way = request.param
    return made_once(tmp_path_factory, f"pair-{way}", lambda folder: trained(folder / "root", way))


def near(one: float, other: float, relative: float) -> bool:
    return abs(one - other) <= relative * abs(other)


def same_steps(pair: Pair) -> None:
    torch, jax = (pair[one].steps for one in BOTH)
    assert len(torch) == len(jax) > 0
    for ours, theirs in zip(jax, torch, strict=True):
        same = ("step", "epoch", "learning_rate", "num_rows", "num_tokens", "num_target_tokens")
        for key in (*same, "stream"):
            assert getattr(ours, key) == getattr(theirs, key), (ours.step, key)
        assert near(ours.loss, theirs.loss, 1e-5), (ours, theirs)
        assert ours.grad_norm is not None
        assert theirs.grad_norm is not None
        assert near(ours.grad_norm, theirs.grad_norm, 1e-4), (ours, theirs)


def test_both_are_fed_the_same_rows_and_learn_the_same(pair: Pair) -> None:
    """Two epochs of 11 rows: the last group of each is short, and so is its last forward pass."""
    same_steps(pair)
    torch, jax = (pair[one].one("weights")["record"] for one in BOTH)
    start, end = decode(WeightsRecord, torch), decode(WeightsRecord, jax)
    assert start.start_sha256 == end.start_sha256
    for theirs, ours in zip(start.tensors, end.tensors, strict=True):
        assert (theirs.name, theirs.shape) == (ours.name, ours.shape)
        assert near(ours.rms_moved, theirs.rms_moved, 1e-3), (ours, theirs)


@pytest.mark.full
@pytest.mark.parametrize("way", WAYS)
def test_they_do_so_however_the_optimizer_is_set(way: str, tmp_path: Path) -> None:
    same_steps(trained(tmp_path / "root", way))


def test_a_pad_token_inside_a_text_is_learned_in_both_as_an_output_alone(tmp_path: Path) -> None:
    """PyTorch leaves it out of the gradient of what is looked up."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(ROOT / "milestones/models/tiny-gemma")
    (common,) = tokenizer("\n", add_special_tokens=False)["input_ids"]
    found = trained(tmp_path / "root", "merged", pad_token_id=common)
    rows = [
        row for batch in found["tunix"].one("seen")["record"]["batches"] for row in batch["rows"]
    ]
    assert sum(row["ids"].count(common) for row in rows) > len(rows)
    same_steps(found)


def test_both_start_from_the_same_and_say_so_alike(pair: Pair) -> None:
    torch, jax = (pair[one].one("inputs") for one in BOTH)
    assert jax == torch
    kinds = [[event["event"] for event in pair[one].events] for one in BOTH]
    others = [kind for kind in kinds[1] if kind != "compilation"]
    assert others == kinds[0]
    probes = [[event["loss"] for event in pair[one].of("probe")] for one in BOTH]
    assert all(near(*both, 1e-5) for both in zip(*probes, strict=True)), probes


def test_what_was_compiled_and_padded_is_said(pair: Pair) -> None:
    found = pair["tunix"]
    execution = decode(ExecutionRecord, facts(found.one("execution")))
    assert execution.widths == (64,)
    assert execution.device == "cpu"
    assert (execution.rows_per_forward, execution.accumulation) == (2, 2)
    compiled = decode(CompilationRecord, facts(found.one("compilation")))
    assert compiled.num_programs >= 2
    assert compiled.persistent_cache
    spent = [step.compile_s for step in found.steps if step.compile_s is not None]
    assert len(spent) == len(found.steps)
    assert 0 < sum(spent) <= compiled.duration_s
    assert 0.0 in spent, "what is compiled is compiled once"
    ready = decode(JaxRecord, found.one("ready")["framework"])
    assert (ready.platform, ready.device, ready.num_threads) == ("cpu", "cpu", 1)


def facts(event: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in event.items() if key != "event"}


def test_what_was_trained_on_jax_is_evaluated_by_both_alike(pair: Pair) -> None:
    """Each loads the weights that JAX saved: transformers gives the logits that JAX gave."""
    root = pair["tunix"].output.parent
    jax = work(root, "tunix", "tunix", "eval")
    torch = work(root, "transformers", "tunix", "eval")
    assert (jax.status, torch.status) == (0, 0), jax.log + torch.log
    ours, theirs = (decode(LogitsRecord, one.one("logits")["record"]) for one in (jax, torch))
    assert ours.vocab_size == theirs.vocab_size
    for mine, other in zip(ours.rows, theirs.rows, strict=True):
        assert mine.ids == other.ids
        assert mine.num_prompt_tokens == other.num_prompt_tokens
        assert near(mine.log_sum_exp, other.log_sum_exp, 1e-6)
        differ = (abs(a - b) for a, b in zip(mine.logits, other.logits, strict=True))
        assert max(differ) < 1e-5
    assert jax.of("prediction") == torch.of("prediction")
    assert len(jax.of("prediction")) == 6
    assert jax.one("generation") == torch.one("generation")


def test_the_saved_folder_is_that_of_transformers(pair: Pair) -> None:
    folders = [pair[one].model for one in BOTH]
    names = [sorted(path.name for path in folder.iterdir()) for folder in folders]
    assert names[0] == names[1]
    configs = [json.loads((folder / "config.json").read_bytes()) for folder in folders]
    for config in configs:
        del config["transformers_version"]
        del config["use_cache"]  # the Trainer turns it off
    assert configs[0] == configs[1]
