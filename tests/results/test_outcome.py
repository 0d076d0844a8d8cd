"""The outcome digest names what was computed, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace
from render.sample import MILESTONE, complete_pack, failed_pack, losses, predictions, steps

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.training import OPTIONS
from evidence.results.outcome_digest import outcome_content, outcome_digest
from tests.documents import replaced


def changed_pack(**changes: Any) -> Documents:
    return replaced(complete_pack(), **changes)


def with_model(**changes: Any) -> Documents:
    inputs = complete_pack().inputs
    model: Any = replace(inputs.model, **changes)  # type: ignore[type-var]
    return changed_pack(inputs=replace(inputs, model=model))


def one_loss_changed() -> Documents:
    changed = losses()
    changed[77] += 1e-12
    return changed_pack(steps=steps(changed))


def other_weights() -> Documents:
    journal = []
    for event in complete_pack().journal:
        if event.event == "final-model":
            files = [file | {"sha256": "3" * 64} for file in event.data["files"]]
            event = replace(event, data={"files": files})
        journal.append(event)
    return changed_pack(journal=tuple(journal))


def other_data() -> Documents:
    inputs = complete_pack().inputs
    train = replace(inputs.data["train"], sha256="4" * 64)
    return changed_pack(inputs=replace(inputs, data=inputs.data | {"train": train}))


def with_setting(line: str) -> Documents:
    return complete_pack(MILESTONE.replace("[train]\n", f"[train]\n{line}\n", 1))


def test_it_is_a_digest_and_stable() -> None:
    digest = outcome_digest(complete_pack())
    assert isinstance(digest, str)
    assert len(digest) == 64
    assert outcome_digest(complete_pack()) == digest


@pytest.mark.parametrize(
    "other",
    [
        one_loss_changed,
        other_weights,
        other_data,
        lambda: with_model(config_sha256="6" * 64),
        lambda: changed_pack(predictions=predictions("42")),
        lambda: changed_pack(steps=steps()[:-1]),
        lambda: complete_pack(MILESTONE.replace("learning_rate = 3e-3", "learning_rate = 4e-3")),
        lambda: complete_pack(MILESTONE.replace("init_seed = 42", "init_seed = 43")),
        lambda: with_setting("label_smoothing = 0.1"),
        lambda: with_setting("gradient_checkpointing = true"),
        lambda: with_setting("warmup_ratio = 0.1"),
    ],
)
def test_what_was_computed_changes_it(other: Any) -> None:
    assert outcome_digest(other()) != outcome_digest(complete_pack())


@pytest.mark.parametrize(
    "other",
    [
        lambda: complete_pack(MILESTONE.replace("Run M44.", "Rest.")),
        lambda: complete_pack(MILESTONE.replace("value = 138", "value = 139")),
        lambda: complete_pack(MILESTONE.replace("data/traces.jsonl", "elsewhere/rows.jsonl")),
        lambda: complete_pack(MILESTONE.replace("models/tiny", "elsewhere/tiny")),
        lambda: complete_pack(
            MILESTONE.replace("stand_in = true", "stand_in = true\ntimeout_s = 60")
        ),
        lambda: changed_pack(hardware=replace(complete_pack().hardware, os="another")),
        lambda: changed_pack(telemetry=()),
        lambda: changed_pack(steps=tuple(replace(r, elapsed_s=9.0) for r in steps())),
        lambda: changed_pack(steps=tuple(replace(r, segment=2) for r in steps())),
    ],
)
def test_times_places_and_words_do_not_change_it(other: Any) -> None:
    assert outcome_digest(other()) == outcome_digest(complete_pack())


def test_a_setting_that_came_later_is_left_out_at_its_default() -> None:
    """A pack from before it has the digest that it was sealed with."""
    content = outcome_content(complete_pack())
    assert isinstance(content, dict)
    assert not {*OPTIONS} & content["plan"]["train"].keys()
    stated = with_setting(
        "warmup_ratio = 0\nadam_beta1 = 0.9\nadam_beta2 = 0.999\nadam_epsilon = 1e-8\n"
        "label_smoothing = 0\nneftune_noise_alpha = 0\ngradient_checkpointing = false\n"
        'mixed_precision = "no"\nvalidate_every_steps = 0'
    )
    assert outcome_digest(stated) == outcome_digest(complete_pack())


def test_a_run_that_did_not_complete_has_none() -> None:
    assert outcome_digest(failed_pack()) == Unavailable("no attempt completed")
    assert isinstance(outcome_digest(changed_pack(steps=())), Unavailable)
