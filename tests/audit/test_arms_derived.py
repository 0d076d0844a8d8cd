"""Laws of the audit of a pack with arms: what follows from one arm's values is of that arm, a
from–to between arms accuses nobody, and a part's rate is not that of the whole."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.audit.audit import audit_folder
from evidence.audit.report import ClaimRecord
from evidence.text.arms import title

ENDS = {"control": 2.4911, "correct": 3.8717}
TOKENS = {"control": (256, 264), "correct": (510, 524)}
ROWS_FED = {"control": 8, "correct": 12}
ACCUSED = {"contradicted", "mislabelled"}
Claims = Callable[[str], list[ClaimRecord]]


def _value(address: str, value: float, unit: str) -> dict[str, object]:
    return {"address": address, "level": "observed", "rule": "rate", "unavailable": None,
            "unit": unit, "value": value}  # fmt: skip


@pytest.fixture
def claims(tmp_path: Path) -> Claims:
    """Two arms, of which results.json has the losses in one table."""
    root, page = tmp_path / "run", tmp_path / "page.md"
    values, table = {}, []
    for name, end in ENDS.items():
        (root / f"stages/{name}/training_output").mkdir(parents=True)
        rows = [{"step": step, "loss": loss} for step, loss in enumerate((7.25, 5.5, end), 1)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        place = f"stages/{name}/{layout.METRICS}"
        (root / place).write_text(text)
        table += [{"stage": name, "address": place} | row for row in rows]
        values[f"{name}.train.loss_end"] = _value(f"{place}#L3/loss", end, "nats")
        for key, number in zip(("num_tokens", "num_fed_tokens"), TOKENS[name], strict=True):
            values[f"{name}.train.{key}"] = _value(f"{place}#L1-L3/{key}", number, "tokens")
        seen = {"num_rows": ROWS_FED[name]}
        (root / f"stages/{name}/seen.json").write_text(json.dumps(seen))
        predictions = f"stages/check_{name}/predictions.jsonl"
        at = f"check_{name}.eval"
        values[f"{at}.contains.rate"] = _value(f"{predictions}#L1-L9/scores", 0.1, "")
        by = f"{predictions}#L1-L9/groups/category + {predictions}#L1-L9/scores"
        values[f"{at}.by.category.shopping.contains.rate"] = _value(by, 0.35, "")
    results = {"schema": "results.v1", "values": values, "loss_table": table}
    (root / layout.RESULTS).write_text(json.dumps(results))

    def of(text: str) -> list[ClaimRecord]:
        page.write_text(text + "\n")
        found = audit_folder([page], [], root).claims
        return [one for one in found if any(letter.isdigit() for letter in one.value)]

    return of


def _verdicts(found: list[ClaimRecord]) -> set[str]:
    return {one.verdict for one in found}


OF_BOTH = """\
| Arm | Mean loss |
|---|---|
| control | {} |
| correct | {} |
"""
MEANS = [
    "In stage {} the mean loss is {}.",
    "## Stage {}\n\nMean loss: {}",
    "- {}\n  - mean loss: {}",
    "## {}\n\nThe mean loss was {}.",
    "| What | {} |\n|---|---|\n| mean loss | {} |",
]


@pytest.mark.parametrize("text", MEANS)
def test_a_mean_is_of_the_stage_whose_losses_it_is_the_mean_of(claims: Claims, text: str) -> None:
    assert _verdicts(claims(text.format("control", "5.08"))) == {"supported"}
    assert _verdicts(claims(text.format("correct", "5.54"))) == {"supported"}
    assert "supported" not in _verdicts(claims(text.format("correct", "5.08")))
    assert "supported" not in _verdicts(claims(text.format("control", "5.54")))


def test_so_it_is_in_a_table(claims: Claims) -> None:
    assert _verdicts(claims(OF_BOTH.format("5.08", "5.54"))) == {"supported"}
    assert "supported" not in _verdicts(claims(OF_BOTH.format("5.54", "5.08")))


def test_a_sum_over_stages_is_of_none_of_them(claims: Claims) -> None:
    assert _verdicts(claims("The control arm was trained on 8 rows.")) == {"supported"}
    assert "supported" not in _verdicts(claims("The control arm was trained on 20 rows."))


def test_tokens_fed_are_those_with_padding_and_those_without(claims: Claims) -> None:
    table = "| What | control | correct |\n|---|---|---|\n| tokens fed | {} | {} |\n"
    for both in zip(*TOKENS.values(), strict=True):
        assert _verdicts(claims(table.format(*both))) == {"supported"}
    assert "supported" not in _verdicts(claims(table.format(510, 256)))
    assert title("budget.tokens") == "tokens, without padding"


@pytest.mark.parametrize(
    "text",
    [
        "Loss went from {} (control) to {} (correct).",
        "Loss went from {} in stage control to {} in stage correct.",
        "The final loss went from {} (control) to {} (correct).",
    ],
)
def test_from_one_arm_to_another_is_no_start_and_end(claims: Claims, text: str) -> None:
    assert _verdicts(claims(text.format("2.49", "3.87"))) == {"supported"}
    assert not _verdicts(claims(text.format("3.87", "2.49"))) & ACCUSED


@pytest.mark.parametrize(
    "text",
    [
        "- control\n  - final loss: {}\n- correct\n  - final loss: {}",
        "## control\n\nThe final loss was {}.\n\n## correct\n\nThe final loss was {}.",
    ],
)
def test_below_the_name_of_an_arm_stand_its_values(claims: Claims, text: str) -> None:
    assert _verdicts(claims(text.format("2.49", "3.87"))) == {"supported"}
    assert _verdicts(claims(text.format("3.87", "2.49"))) <= ACCUSED


def test_the_rate_of_a_part_is_not_that_of_the_whole(claims: Claims) -> None:
    table = "| | control | correct |\n|---|---|---|\n| {} | {} | {} |\n"
    assert _verdicts(claims(table.format("contains", "10.0 %", "10.0 %"))) == {"supported"}
    assert "supported" not in _verdicts(claims(table.format("contains", "35.0 %", "35.0 %")))
    named = table.format("contains, shopping", "35.0 %", "35.0 %")
    assert _verdicts(claims(named)) == {"supported"}


def test_no_message_says_a_thing_twice(claims: Claims) -> None:
    for text in ("The control arm was trained on 12 rows.", "Control: 3.8717 of something."):
        for one in claims(text):
            assert one.message.count("no file says it of control") <= 1
