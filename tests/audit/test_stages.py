"""Laws of the audit of a pack with several stages: what is true of one stage is no lie."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from evidence import layout
from evidence.audit.audit import audit_folder, audit_pack
from evidence.audit.report import ClaimRecord
from tests.parents.family import CURRICULUM
from tests.shared import made_once
from tests.stages.test_several import MILESTONE, project, run

ACCUSED = {"contradicted", "mislabelled"}
ENDS = {"A": 2.4911874532699585, "B": 3.871767282485962}
TOML = """
id = "X"

[train]
batch_size = 2
learning_rate = 0.001
max_length = 64
warmup_steps = 5

[[stage]]
name = "A"
kind = "train"
train = { warmup_steps = 3 }

[[stage]]
name = "B"
kind = "train"
train = { learning_rate = 0.0005, warmup_steps = 4 }

[[attempt]]
name = "tiny"
train = { batch_size = 8 }
"""
SET = {"key": "train.max_length", "origin": "command line", "value": 48, "was": 64}
TABLE = """\
## Stages

| Stage | Loss at the end |
|-------|-----------------|
| A | {A} |
| B | {B} |
"""
SECTION = """\
## Stage {name}: Training Results

| Metric | Value |
|--------|-------|
| Loss (end) | {loss} |
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Files of a run of two stages. In each the last interval of the log is not the last row."""
    root = tmp_path / "run"
    values = {}
    for name, end in ENDS.items():
        (root / f"stages/{name}/training_output").mkdir(parents=True)
        losses = (7.25, end, end - 0.375)
        rows = [{"step": step, "loss": loss} for step, loss in enumerate(losses, 1)]
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (root / f"stages/{name}/{layout.METRICS}").write_text(text)
        values[f"{name}.train.loss_end"] = {
            "address": f"stages/{name}/{layout.METRICS}#L2/loss",
            "level": "observed",
            "rule": "interval-loss",
            "unavailable": None,
            "unit": "nats",
            "value": end,
        }
    (root / layout.RESULTS).write_text(json.dumps({"schema": "results.v1", "values": values}))
    (root / layout.MILESTONE).write_text(TOML)
    overrides = {"overrides": [SET], "schema": "overrides.v1"}
    (root / layout.OVERRIDES).write_text(json.dumps(overrides))
    return root


@pytest.fixture
def verdict(folder: Path, tmp_path: Path) -> Callable[[str], dict[str, str]]:
    def of(text: str) -> dict[str, str]:
        page = tmp_path / "page.md"
        page.write_text(text)
        return {one.value: one.verdict for one in audit_folder([page], [], folder).claims}

    return of


Verdict = Callable[[str], dict[str, str]]


def test_a_row_of_each_stage_is_supported_by_the_value_of_results(verdict: Verdict) -> None:
    assert verdict(TABLE.format(A="2.49", B="3.87")) == {"2.49": "supported", "3.87": "supported"}


def test_a_number_of_no_stage_is_accused(verdict: Verdict) -> None:
    found = verdict(TABLE.format(A="1.11", B="1.23"))
    assert set(found.values()) == {"contradicted"}


def test_a_row_that_names_a_stage_may_not_have_anothers_value(verdict: Verdict) -> None:
    assert set(verdict(TABLE.format(A="3.87", B="2.49")).values()) == {"mislabelled"}


@pytest.mark.parametrize("name", ENDS)
def test_below_a_heading_that_names_a_stage_stand_its_values_alone(
    verdict: Verdict, name: str
) -> None:
    own, other = ("2.49", "3.87") if name == "A" else ("3.87", "2.49")
    assert verdict(SECTION.format(name=name, loss=own)) == {own: "supported"}
    assert verdict(SECTION.format(name=name, loss=other)) == {other: "mislabelled"}
    assert verdict(SECTION.format(name=name, loss="1.11")) == {"1.11": "contradicted"}


@pytest.mark.parametrize("loss", ["2.49", "3.87"])
def test_a_sentence_that_names_no_stage_may_be_of_any(verdict: Verdict, loss: str) -> None:
    assert set(verdict(f"The loss at the end was {loss}.\n").values()) == {"supported"}


def test_what_was_set_on_the_command_line_holds_and_not_the_file(verdict: Verdict) -> None:
    setting = "| Setting | Value |\n|---|---|\n| Max length | {} |\n"
    assert verdict(setting.format(48)) == {"48": "supported"}
    assert verdict(setting.format(64)) == {"64": "contradicted"}


def test_what_every_attempt_or_every_stage_sets_anew_holds_for_nobody(verdict: Verdict) -> None:
    setting = "| Setting | Value |\n|---|---|\n| {} | {} |\n"
    for name, values, unused in (("Batch size", (8,), 2), ("Warmup steps", (3, 4), 5)):
        for value in values:
            assert verdict(setting.format(name, value)) == {str(value): "supported"}
        assert verdict(setting.format(name, unused))[str(unused)] != "supported"


def test_what_one_stage_sets_anew_holds_beside_the_milestones(verdict: Verdict) -> None:
    setting = "| Setting | Value |\n|---|---|\n| Learning rate | {} |\n"
    assert verdict(setting.format("0.001")) == {"0.001": "supported"}
    assert verdict(setting.format("5e-4")) == {"5e-4": "supported"}
    assert verdict(setting.format("0.007")) == {"0.007": "contradicted"}


def test_a_pack_may_lie_deeper_in_the_folder(folder: Path, tmp_path: Path) -> None:
    shutil.move(folder, tmp_path / "runs/X")
    page = tmp_path / "page.md"
    page.write_text(TABLE.format(A="2.49", B="1.11"))
    (one, other) = audit_folder([page], [], tmp_path / "runs").claims
    assert (one.verdict, other.verdict) == ("supported", "contradicted")
    assert {place.file for place in one.evidence} <= {f"X/stages/A/{layout.METRICS}"}


def test_the_id_of_a_token_is_no_value_of_the_word_that_it_is(
    folder: Path, verdict: Verdict
) -> None:
    tokens = {"model": {"vocab": {"b": 38, "brier": 70}}}
    (folder / "stages/B/tokenizer.json").write_text(json.dumps(tokens))
    table = "| Run | Brier |\n|---|---|\n| B | 0.25 |\n| A | 0.5 |\n"
    assert set(verdict(table).values()) == {"unsupported"}


OF_ALL_KINDS = """\
train = { learning_rate = 0.0005 }

[[stage]]
name = "C"
kind = "train"
init = "stage:A"
where = { half = 2 }
seeds = [1, 2]

[[stage]]
name = "check"
kind = "eval"
of = ["A", "B", "C"]

[[arms]]
stages = ["A", "B"]
varies = ["data", "train.learning_rate"]

[[attempt]]
name = "tiny"
backend = "transformers"
threads = 1
train = { log_every_steps = 3 }
"""


def _staged(folder: Path) -> Path:
    made = project(folder / "project")
    toml = MILESTONE[: MILESTONE.index("[[stage]]")] + CURRICULUM + OF_ALL_KINDS
    (made / "milestones/T5.toml").write_text(toml)
    ended = run(made, "--set", "train.max_length=48")
    assert ended.returncode == 0, ended.stderr
    return made / "runs/T5"


@pytest.mark.torch
def test_a_staged_packs_own_summary_is_accused_of_nothing(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path
) -> None:
    pack = made_once(tmp_path_factory, "audited-stages", _staged)
    (page,) = pack.glob("*_summary.md")
    assert {one.verdict for one in audit_pack([page], [], pack).claims} == {"supported"}
    copy = tmp_path / "copy.md"  # of which nobody knows that it was rendered
    shutil.copyfile(page, copy)
    for claims in (audit_pack([copy], [], pack).claims, audit_folder([page], [], pack).claims):
        assert [one for one in claims if one.verdict in ACCUSED] == []
        assert _of(claims, "Loss at the end")


def _of(claims: tuple[ClaimRecord, ...], name: str) -> list[ClaimRecord]:
    return [one for one in claims if name in one.text and one.verdict == "supported"]
