"""Laws of LoRA in a real worker: little is trained, the model stays as it is, and a training that
was killed goes on to the same adapter."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex
from evidence.records.adapter import AdapterRecord, num_numbers, shapes
from evidence.records.tensors import WeightsRecord
from tests.backends.test_training import Outcome, make_root, work
from tests.shared import made_once

pytestmark = pytest.mark.torch
pytest.importorskip("peft", reason="LoRA needs peft: pip install 'evidence-pack[lora]'")

LORA = """
[train.lora]
rank = 2
alpha = 8
target_modules = ["q_proj", "v_proj"]
"""
ALL = """
[train.lora]
rank = 3
dropout = 0.1
use_rslora = true
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_once(tmp_path_factory, "lora", make_root_in)


def make_root_in(folder: Path) -> Path:
    make_root(folder)
    return folder


def trained(root: Path, name: str, lora: str = LORA, more: str = "", **job: Any) -> Outcome:
    new = f"seed = 5\nmax_steps = 6\n{more}\n{lora}"
    return work(root, name, old="seed = 5", new=new, **job)


def adapter_of(outcome: Outcome) -> AdapterRecord:
    return decode(AdapterRecord, outcome.of("adapter")[0]["record"])


def weights_of(outcome: Outcome) -> WeightsRecord:
    return decode(WeightsRecord, outcome.of("weights")[0]["record"])


def saved(outcome: Outcome, path: str = layout.ADAPTER_WEIGHTS) -> str:
    return sha256_hex((outcome.output / path).read_bytes())


def keep_documents(outcome: Outcome, **other: object) -> None:
    """As the supervisor does, before the next stage."""
    record = json.dumps(outcome.of("adapter")[0]["record"] | other)
    (outcome.output / layout.ADAPTER).write_text(record, "utf-8")


@pytest.mark.parametrize("lora", [LORA, ALL], ids=["two-targets", "all-linear"])
def test_a_killed_run_goes_on_to_the_same_adapter(root: Path, lora: str) -> None:
    name = f"whole-{len(lora)}"
    whole = trained(root, name, lora)
    assert whole.status == 0, whole.log
    (checkpoint,) = whole.of("checkpoint")
    resumed = trained(root, f"{name}-on", lora, resume=checkpoint["path"], segment=2)
    assert resumed.status == 0, resumed.log
    assert [row.step for row in resumed.steps] == [5, 6]
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole.steps[4:]]
    assert saved(resumed) == saved(whole)
    assert weights_of(resumed).start_sha256 == weights_of(whole).start_sha256
    record = adapter_of(whole)
    model = whole.of("inputs")[0]["model"]
    assert record.base_start_sha256 == record.base_end_sha256 == model["weights_sha256"]
    rank = 2 if lora is LORA else 3
    assert record.num_trainable == sum(num_numbers(one, rank) for one in record.modules)
    expected = {name: shape for one in record.modules for name, shape in shapes(one, rank).items()}
    assert {one.name: one.shape for one in weights_of(whole).tensors} == expected
    assert all(one.rms_moved for one in weights_of(whole).tensors)


def test_an_adapter_is_evaluated_beside_its_base_and_merged_it_says_the_same(root: Path) -> None:
    apart, merged = trained(root, "apart"), trained(root, "merged", f"{LORA}merge = true\n")
    assert merged.status == 0, merged.log
    assert [one["loss"] for one in merged.of("probe")] == pytest.approx(
        [one["loss"] for one in apart.of("probe")], rel=1e-5
    )
    assert saved(merged, f"{layout.FINAL_MODEL}/model.safetensors")
    keep_documents(apart)
    answers = []
    for outcome, lora in ((apart, LORA), (merged, f"{LORA}merge = true\n")):
        asked = trained(root, outcome.output.name, lora, stage="eval")
        assert asked.status == 0, asked.log
        answers.append([one["row"]["output"] for one in asked.of("prediction")])
    assert answers[0] == answers[1]
    assert answers[0]
    keep_documents(apart, base_end_sha256="7" * 64)
    refused = trained(root, "apart", stage="eval")
    assert refused.of("failed")[0]["kind"] == "input-changed"
    assert "the model that the adapter is for has other weights" in refused.log
