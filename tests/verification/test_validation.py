"""The losses on validation rows, as the journal tells them: agreed with, or found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lies import milestone
from toy import toy, write
from toy_jax import weights
from toy_parts import MAX_LENGTH
from toy_validated import (
    LOSSES,
    NUM_ROWS,
    STEPS,
    behind,
    ended_early,
    facts_of,
    validated,
)

from evidence import layout
from evidence.encoding import jsonio
from evidence.self_test.forger import ForgedPack
from evidence.verification.report import Report
from evidence.verification.verification import verify_pack


def judged(made: ForgedPack, folder: Path) -> Report:
    return verify_pack(write(folder / "M90", made.seal().all_bytes()))


def outcomes(made: ForgedPack, folder: Path) -> dict[str, str]:
    return {one.id: one.outcome for one in judged(made, folder).checks}


def test_an_honest_pack_passes_and_its_summary_shows_the_losses(tmp_path: Path) -> None:
    made = validated()
    found = outcomes(made, tmp_path)
    assert found["validation"] == "pass"
    assert "fail" not in found.values()
    summary = (tmp_path / "M90/m90_summary.md").read_text("utf-8")
    assert "### Validation Loss" in summary
    assert "Smallest validation loss: 1.50, after step 18; last validation loss: 1.62." in summary
    values = jsonio.load_document((tmp_path / "M90/results.json").read_bytes())["values"]
    assert values["validation.loss_best"]["value"] == min(LOSSES)
    assert values["validation.step_best"]["value"] == STEPS[2]
    assert values["validation.num_evaluations"]["value"] == len(STEPS)


def test_a_pack_without_validation_is_not_asked_for_it(tmp_path: Path) -> None:
    assert "validation" not in outcomes(toy(), tmp_path)


def _set(event: str, key: str, value: Any, index: int = 0) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        facts_of(made, event)[index][key] = value

    return lie


def _without(name: str, index: int = 0) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        events = made.docs[layout.JOURNAL]
        places = [place for place, one in enumerate(events) if one["event"] == name]
        del events[places[index]]

    return lie


def _measured_twice(made: ForgedPack) -> None:
    behind(made, "validation", "validation", facts_of(made, "validation")[-1])


def _told_twice(made: ForgedPack) -> None:
    behind(made, "validation-set", "validation-set", facts_of(made, "validation-set")[0])


def _told_backwards(made: ForgedPack) -> None:
    told = facts_of(made, "validation")
    told[0]["step"], told[1]["step"] = told[1]["step"], told[0]["step"]
    told[0]["loss"], told[1]["loss"] = told[1]["loss"], told[0]["loss"]


def _of_what_is_trained_on(made: ForgedPack) -> None:
    """The rows of training, under the name of the others; the text is the same already."""
    data = made.docs[layout.INPUTS]["data"]
    for key in ("sha256", "sha256_lf"):
        data["validation"][key] = data["train"][key]


@pytest.mark.parametrize(
    "lie",
    [
        _without("validation-set"),
        _without("validation", 1),
        _without("validation", -1),
        _measured_twice,
        _told_twice,
        _set("validation", "step", 7),
        _set("validation", "step", 21, -1),
        _set("validation", "loss", -0.5),
        _set("validation", "num_target_tokens", 11, 2),
        _set("validation", "segment", 2),
        _set("validation-set", "data", "eval"),
        _set("validation-set", "num_rows", NUM_ROWS + 1),
        _set("validation-set", "num_tokens", NUM_ROWS * MAX_LENGTH + 1),
        _set("validation-set", "num_target_tokens", 13),
        _set("validation-set", "num_target_tokens", 10**6),
        _set("validation-set", "num_rows_cut", NUM_ROWS + 1),
        _set("validation-set", "num_rows_cut", NUM_ROWS // 2 + 1),
        _told_backwards,
        _of_what_is_trained_on,
        _set("validation-set", "num_rows_trained_on", NUM_ROWS + 1),
        milestone("validate_every_steps = 6", "validate_every_steps = 5"),
        milestone("validate_every_steps = 6", "validate_every_steps = 0"),
    ],
)
def test_what_disagrees_is_found(lie: Callable[[ForgedPack], None], tmp_path: Path) -> None:
    made = validated()
    lie(made)
    assert outcomes(made, tmp_path)["validation"] == "fail"


def test_rows_that_are_trained_on_too_are_warned_of(tmp_path: Path) -> None:
    made = validated()
    facts_of(made, "validation-set")[0]["num_rows_trained_on"] = 3
    report = judged(made, tmp_path)
    assert [one.severity for one in report.findings if one.code == "validation-seen"] == ["warning"]
    summary = (tmp_path / "M90/m90_summary.md").read_text("utf-8")
    assert "Of these rows 3 are trained on, too" in summary


def test_the_loss_itself_only_a_signature_holds(tmp_path: Path) -> None:
    made = validated()
    facts_of(made, "validation")[1]["loss"] = 0.001
    assert "fail" not in outcomes(made, tmp_path).values()


def test_a_run_that_its_losses_ended_is_complete_and_says_so(tmp_path: Path) -> None:
    found = outcomes(ended_early(), tmp_path)
    assert [one for one, outcome in found.items() if outcome == "fail"] == []
    summary = (tmp_path / "M90/m90_summary.md").read_text("utf-8")
    assert "Training ended early: 2 losses in a row came that were not better; 40 steps" in summary
    values = jsonio.load_document((tmp_path / "M90/results.json").read_bytes())["values"]
    assert values["validation.ended_early"]["value"] is True


def _loss(step: int, loss: float) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        (one,) = [one for one in facts_of(made, "validation") if one["step"] == step]
        one["loss"] = loss

    return lie


@pytest.mark.parametrize(
    "lie",
    [
        _loss(15, 1.25),  # better: it would have gone on
        _loss(10, 2.75),  # it would have ended before
        milestone("early_stopping_patience = 2", "early_stopping_patience = 3"),
        milestone("early_stopping_patience = 2", "early_stopping_patience = 0"),
        milestone(
            "early_stopping_patience = 2",
            "early_stopping_patience = 2\nearly_stopping_threshold = 1.0",
        ),
    ],
)
def test_a_run_that_ended_elsewhere_than_its_losses_say_is_found(
    lie: Callable[[ForgedPack], None], tmp_path: Path
) -> None:
    made = ended_early()
    lie(made)
    assert outcomes(made, tmp_path)["training-steps"] == "fail"


def kept_best() -> ForgedPack:
    made = validated("keep_best = true\n")
    for index, event in enumerate(facts_of(made, "validation")[:3]):
        event["weights_sha256"] = str(index) * 64
    made.docs[layout.WEIGHTS] = weights() | {"end_sha256": "2" * 64}
    return made


def _weights_of(index: int, sha256: str | None) -> Callable[[ForgedPack], None]:
    def lie(made: ForgedPack) -> None:
        event = facts_of(made, "validation")[index]
        del event["weights_sha256"]
        if sha256 is not None:
            event["weights_sha256"] = sha256

    return lie


def _one_digest(made: ForgedPack) -> None:
    for event in facts_of(made, "validation")[:3]:
        event["weights_sha256"] = "2" * 64


def _last_weights(made: ForgedPack) -> None:
    made.docs[layout.WEIGHTS]["end_sha256"] = "3" * 64


def test_the_best_weights_are_those_that_were_kept(tmp_path: Path) -> None:
    assert outcomes(kept_best(), tmp_path)["validation"] == "pass"
    summary = (tmp_path / "M90/m90_summary.md").read_text("utf-8")
    assert "The final model has the weights after step 18, the best ones." in summary


@pytest.mark.parametrize(
    "lie",
    [
        _last_weights,
        _one_digest,
        _weights_of(2, "7" * 64),
        _weights_of(1, None),
        _set("validation", "loss", 1.25, -1),
        milestone("keep_best = true", "keep_best = false"),
    ],
)
def test_other_weights_than_the_best_are_found(
    lie: Callable[[ForgedPack], None], tmp_path: Path
) -> None:
    made = kept_best()
    lie(made)
    assert outcomes(made, tmp_path)["validation"] == "fail"


def test_losses_without_steps_are_not_checked(tmp_path: Path) -> None:
    made = validated()
    made.docs[layout.METRICS] = []
    assert outcomes(made, tmp_path)["validation"] == "not_checked"
