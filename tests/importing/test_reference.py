"""The real run beside the project, imported: what its page says by hand, cell by cell.

Runs where the reference material lies beside the project, and is skipped where it does not. Nothing
of it is copied here but single cells that are compared.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Final

import pytest

from evidence import layout
from evidence.importing.import_folder import ImportResult
from evidence.rules import arithmetic
from evidence.verification.verification import verify_pack
from tests.importing.made import imported
from tests.shared import made_once

REFERENCE: Final = Path(__file__).parents[3] / "shared" / "reference"
ONE_UNIT: Final = 1e-15

pytestmark = pytest.mark.skipif(
    not (REFERENCE / "m43_raw").is_dir(), reason="the reference does not lie beside the project"
)


def make(folder: Path) -> ImportResult:
    return imported(folder, name="M43", evidence=REFERENCE / "m43_raw")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> ImportResult:
    return made_once(tmp_path_factory, "reference-imported", make)


def cells(text: str, heading: str) -> list[list[str]]:
    """Rows of the first table below a heading."""
    after = re.split(rf"^#+ {heading}.*$", text, maxsplit=1, flags=re.MULTILINE)[1]
    lines = re.split(r"^#+ ", after, maxsplit=1, flags=re.MULTILINE)[0].splitlines()
    rows = [[one.strip() for one in line.strip("|").split("|")] for line in lines if "|" in line]
    return [row for row in rows if not set("".join(row)) <= set("-")][1:]


def by_hand(heading: str) -> list[list[str]]:
    return cells((REFERENCE / "m43_summary.md").read_text("utf-8"), heading)


def rendered(result: ImportResult, heading: str) -> list[list[str]]:
    return cells(result.summary.read_text("utf-8"), heading)


def differences(result: ImportResult, heading: str) -> dict[str, tuple[str | None, str | None]]:
    """By the name of a row, what the page has and what the pack has, where they differ."""
    page, pack = dict(by_hand(heading)), dict(rendered(result, heading))
    return {name: (page.get(name), pack.get(name)) for name in sorted({*page, *pack})
            if page.get(name) != pack.get(name)}  # fmt: skip


def test_thirteen_rows_at_the_precision_of_the_log(result: ImportResult) -> None:
    lines = (result.pack / layout.LOGGED).read_bytes().splitlines()
    rows = [json.loads(one) for one in lines]
    assert [one["step"] for one in rows] == list(range(10, 131, 10))
    assert {one["is_step_inferred"] for one in rows} == {True}
    assert (rows[0]["shown"], rows[3]["shown"]["loss"], rows[12]["shown"]["epoch"]) == (
        {"loss": "2.2065", "grad_norm": "65.5", "learning_rate": "1.8695652173913045e-05",
         "epoch": "0.07"}, "0.946", "0.95")  # fmt: skip


def test_its_arithmetic_holds(result: ImportResult) -> None:
    found = {one.rule: one for one in result.findings}
    assert {rule for rule, one in found.items() if one.outcome == "holds"} == {
        "steps",
        "epochs",
        "learning-rates",
        "throughput",
        "mean-loss",
        "flops",
        "weights",
    }
    assert found["steps"].message == "550 rows make 138 steps"
    assert "837147977318400 FLOPs" in found["flops"].message
    values = result.results.values
    assert (values["train.samples_per_s"].value, values["train.samples_per_s"].shown) == (
        7.511, "7.511")  # fmt: skip
    assert values["train.total_flos"].value == 837147977318400
    for row in result.results.loss_table:
        rate = arithmetic.learning_rate_used(row.step, 138, 2e-5, "linear")
        assert abs(row.learning_rate - rate) <= ONE_UNIT * rate


def test_the_loss_curve_is_the_one_of_the_page(result: ImportResult) -> None:
    assert rendered(result, "Loss Curve") == by_hand("Loss Curve")


def test_training_results_are_those_of_the_page_but_for_these(result: ImportResult) -> None:
    assert differences(result, "Training Results") == {
        # The page adds the backend's name; no file says what trained but by its own words.
        "Model": ("google/gemma-2b (PyTorch)", "google/gemma-2b"),
        "Training Backend": ("PyTorch/Transformers", None),
        # The page calls the mean over the run final.
        "Final Train Loss": ("1.02", None),
        "Mean Train Loss": (None, "1.02"),
        # The page does not have these.
        "Parameters": (None, "2,506,172,416 (bfloat16)"),
        "Batch": (None, "1 × 4 accumulated"),
        "Optimizer": (None, "adafactor, learning rate 2e-5"),
        "FLOPs": (None, "8.37e14"),
    }


def test_the_hardware_is_that_of_the_page_but_for_these(result: ImportResult) -> None:
    not_known = "not known (no file says it)"
    assert differences(result, "Hardware Configuration") == {
        # Memory is counted in powers of two.
        "VRAM": ("32 GB", "32 GiB"),
        # No file says it.
        "Compute Capability": ("sm_120 (Blackwell)", not_known),
        # What a version says of itself is not said again.
        "PyTorch": ("2.11.0.dev20260102+cu128 (nightly)", "2.11.0.dev20260102+cu128"),
        # The page does not have these.
        "CUDA (driver)": (None, "12.9"),
        "Transformers": (None, "4.57.3"),
        "CPU": (None, not_known),
        "System": (None, not_known),
    }


def test_it_verifies_as_imported_and_says_what_is_not_known(result: ImportResult) -> None:
    report = verify_pack(result.pack)
    assert (report.verdict, report.origin, report.exit_code) == ("INTACT", "imported", 0)
    (one,) = report.findings  # of twenty rows of predictions one field tells nothing
    assert (one.check, one.address) == ("imported-among", "original/predictions.jsonl#L1")
    assert one.message.startswith("'steps' is the same in all 20 rows")
    summary = result.summary.read_text("utf-8")
    assert "no digest of a checkpoint was recorded" in summary
    assert "**Date Completed:** 2026-01-08" in summary
    assert result.results.values["eval.num_examples"].value == 20
    assert result.results.values["train.seed"].value is None  # 42 is the evaluation's
