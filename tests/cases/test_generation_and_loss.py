"""Where a generation ends, and which loss is recorded: cases made from faults seen in public."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evidence import layout
from evidence.verification.verification import verify_pack
from tests.cases import project_of
from tests.project import rows

pytestmark = [pytest.mark.torch, pytest.mark.full]


@pytest.mark.parametrize("case", ["r02-turn-markers", "r02c-control-same-end-in-tokenizer"])
def test_a_generation_ends_at_each_end_that_is_declared(case: str, tmp_path: Path) -> None:
    project, name = project_of(case, tmp_path)
    pack = project.run(name).pack
    found = rows(pack / "predictions.jsonl")
    assert [row["finish_reason"] for row in found] == ["eos"] * 4
    assert all(row["scores"]["exact"] for row in found)
    assert verify_pack(pack).verdict == "INTACT"


@pytest.mark.parametrize(
    "case",
    ["r05-own-loss-as-written", "r05b-own-loss-fast", "r05d-own-loss-default-execution"],
)
def test_a_class_that_repeats_what_it_read_is_refused(case: str, tmp_path: Path) -> None:
    project, name = project_of(case, tmp_path)
    result = project.run(name)
    assert not (result.pack / layout.METRICS).exists(), "no step of such a loss"
    (outcome,) = result.outcomes
    assert (result.status, outcome.outcome) == ("failed", "requirement-not-met")
    assert "not against the next one" in outcome.reason


@pytest.mark.parametrize("case", ["r09-throughput-of-short-epochs", "r09b-half-an-epoch"])
def test_the_throughput_is_of_the_rows_that_were_fed(case: str, tmp_path: Path) -> None:
    project, name = project_of(case, tmp_path)
    pack = project.run(name).pack
    values = json.loads((pack / "results.json").read_bytes())["values"]
    assert values["train.num_samples"]["value"] == (4 if case.startswith("r09b") else 50)
    expected = values["train.num_samples"]["value"] / values["train.runtime_s"]["value"]
    assert values["train.samples_per_s"]["value"] == expected
