"""The losses on validation rows, as the journal tells them: agreed with, or found."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from lies import milestone
from toy import toy, write
from toy_parts import MAX_LENGTH
from toy_validated import LOSSES, NUM_ROWS, STEPS, behind, facts_of, validated

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
    assert "Smallest: 1.50, after step 18; last: 1.62." in summary
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
