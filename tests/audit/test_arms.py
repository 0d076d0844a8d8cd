"""Laws of the audit of a pack with arms: a number of one arm is no number of the other, and nobody
is accused who names both."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.audit.audit import audit_folder
from evidence.audit.mentions import Stages
from evidence.audit.report import ClaimRecord

RATES = {"check_control": 0.2, "check_self-correct": 0.35, "check_M45_C": 0.125}
ENDS = {"control": 2.4911, "self-correct": 3.8717}
ACCUSED = {"contradicted", "mislabelled"}
Claims = Callable[[str], dict[str, ClaimRecord]]


def _value(address: str, value: float) -> dict[str, object]:
    return {"address": address, "level": "observed", "rule": "rate", "unavailable": None,
            "unit": "nats", "value": value}  # fmt: skip


@pytest.fixture
def claims(tmp_path: Path) -> Claims:
    """Two arms and the checkpoint that they began from, each evaluated."""
    root, values = tmp_path / "run", {}
    for name, end in ENDS.items():
        (root / f"stages/{name}/training_output").mkdir(parents=True)
        rows = [{"step": step, "loss": loss} for step, loss in enumerate((7.25, 5.5, end), 1)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / f"stages/{name}/{layout.METRICS}").write_text(text)
        place = f"stages/{name}/{layout.METRICS}#L3/loss"
        values[f"{name}.train.loss_end"] = _value(place, end)
    for name, rate in RATES.items():
        place = f"stages/{name}/predictions.jsonl"
        values[f"{name}.eval.corrects.rate"] = _value(place, rate) | {"unit": ""}
    (root / layout.RESULTS).write_text(json.dumps({"schema": "results.v1", "values": values}))
    page = tmp_path / "page.md"

    def of(text: str) -> dict[str, ClaimRecord]:
        page.write_text(text + "\n")
        return {one.value: one for one in audit_folder([page], [], root).claims}

    return of


LIES = [
    ("The control arm reached a final loss of 3.87.", "3.87"),
    ("Control reached a final loss of 3.87.", "3.87"),
    ("Control's final loss was 3.87 and self-correct's 2.49.", "3.87"),
    ("The loss at the end of self-correct was 2.49.", "2.49"),
    ("- **Control**: final loss 3.87", "3.87"),
    ("## Control\n\nThe final loss was 3.87.", "3.87"),
    ("The control arm:\n\n- final loss: 3.87", "3.87"),
    ("The accuracy was 0.35 (control) and 0.20 (self-correct).", "0.35"),
    ("The accuracy was 0.35 (control) and 0.20 (self-correct).", "0.20"),
    ("Accuracy: 0.35 (control), 0.20 (self-correct)", "0.35"),
    ("An accuracy of 0.35 for control, 0.20 for self-correct.", "0.20"),
    ("M45 C had an accuracy of 0.20, and control 0.125.", "0.20"),
    ("The corrects rate of the self-correct arm was 0.20.", "0.20"),
    ("Control answered with a ratio of 0.350.", "0.350"),
    ("In stage control the mean loss is 5.54.", "5.54"),
    ("Mean loss: 5.54 (control)", "5.54"),
    ("## Self-correct\n\nThe mean loss is 5.08.", "5.08"),
    ("- control\n  - final loss: 3.87\n- self-correct\n  - final loss: 2.49", "3.87"),
    ("- control\n  - final loss: 3.87\n- self-correct\n  - final loss: 2.49", "2.49"),
    ("## control\n\n- final loss: 3.87", "3.87"),
    ("The control arm was trained for 2 epochs and reached an accuracy of 0.35.", "0.35"),
]


@pytest.mark.parametrize(("text", "value"), LIES)
def test_the_number_of_the_other_arm_is_not_supported(
    claims: Claims, text: str, value: str
) -> None:
    assert claims(text)[value].verdict in (*ACCUSED, "unsupported")


@pytest.mark.parametrize("text", [text for text, _ in LIES[:2]])
def test_whose_number_it_is_is_said(claims: Claims, text: str) -> None:
    (claim,) = (one for one in claims(text).values() if one.value == "3.87")
    assert claim.verdict == "mislabelled"
    assert "of stage self-correct" in claim.message


ROWS = """\
| Arm | Corrects rate | Final loss |
|---|---|---|
| Control | {} | {} |
| Self-correct | {} | {} |
"""
COLUMNS = """\
| Metric | Control | Self-correct |
|---|---|---|
| Corrects rate | {} | {} |
| Final loss | {} | {} |
"""


@pytest.mark.parametrize(
    ("table", "own", "swapped"),
    [
        (ROWS, ("0.20", "2.49", "0.35", "3.87"), ("0.35", "3.87", "0.20", "2.49")),
        (COLUMNS, ("0.20", "0.35", "2.49", "3.87"), ("0.35", "0.20", "3.87", "2.49")),
    ],
)
def test_the_row_or_the_column_says_which_arm_a_cell_is_of(
    claims: Claims, table: str, own: tuple[str, ...], swapped: tuple[str, ...]
) -> None:
    assert {one.verdict for one in claims(table.format(*own)).values()} == {"supported"}
    found = claims(table.format(*swapped))
    assert all(found[value].verdict in ACCUSED for value in swapped)


@pytest.mark.parametrize(
    "text",
    [
        "The accuracy was 0.20 (control) and 0.35 (self-correct).",
        "Accuracy: 0.20 (control), 0.35 (self-correct)",
        "An accuracy of 0.20 for control, 0.35 for self-correct.",
        "The accuracy of self-correct rose from control's accuracy of 0.20 to 0.35.",
        "Control and self-correct reached an accuracy of 0.20 and 0.35.",
        "The self-correct arm improved the accuracy from 0.20 to 0.35.",
        "M45 C had an accuracy of 0.125, and control one of 0.20.",
        "## Self-correct\n\nThe accuracy rose from 0.20 to 0.35.",
        "The control arm:\n\n- final loss: 2.49\n- accuracy: 0.20",
        "The final loss was 2.49.",
        "Loss went from 2.49 (control) to 3.87 (self-correct).",
        "Loss went from 2.49 in stage control to 3.87 in stage self-correct.",
        "In stage control the mean loss is 5.08.",
        "- control\n  - final loss: 2.49\n- self-correct\n  - final loss: 3.87",
        "Stage control ended with a loss of 2.49, that of arm D was 3.87.",
    ],
)
def test_who_names_both_arms_or_none_is_not_accused(claims: Claims, text: str) -> None:
    assert {one.verdict for one in claims(text).values() if "." in one.value} == {"supported"}


@pytest.mark.parametrize(
    "text",
    [
        "With everything under control the final loss was 3.87.",
        "Self-correct outperformed control (a final loss of 3.87 and 2.49).",
        "Self-correct beats the control arm with a final loss of 3.87.",
        "The control arm did not reach a final loss of 3.87.",
        "The control of the final loss came to 3.87.",
    ],
)
def test_where_a_sentence_may_be_of_the_other_it_is_not_accused(claims: Claims, text: str) -> None:
    assert claims(text)["3.87"].verdict not in ACCUSED


def test_that_it_may_be_of_any_is_said(claims: Claims) -> None:
    found = claims("Control and self-correct reached an accuracy of 0.20 and 0.35.")
    assert {one.message for one in found.values()} == {
        "its words name several stages, or compare: it may be of any"
    }


def test_the_mean_of_both_arms_is_of_neither(claims: Claims) -> None:
    assert claims("The control arm reached a final loss of 3.18.")["3.18"].verdict != "supported"


def test_a_common_word_is_a_name_only_where_it_is_marked() -> None:
    stages = Stages(["A", "B", "correct", "check_correct", "check_M45_C"])

    def named(text: str) -> list[str]:
        return [one.name for one in stages.mentions(text)]

    assert named("A correct answer in 3 cases") == []
    assert named("the correct arm; arm `correct`; **correct**") == ["correct"] * 3
    assert named("stages A and B, and A") == ["A", "B", "A"]
    assert named("M45#C, m45 c, check_correct") == ["M45_C", "M45_C", "check_correct"]
    assert named("stage D") == ["?"]
