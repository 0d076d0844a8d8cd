"""Laws of a model in 4 bit beside an adapter (QLoRA), in a real worker."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.encoding import jsonio
from tests.backends.test_training import Outcome, make_root, work

pytestmark = pytest.mark.torch

OLD = "seed = 5\n\n[eval]"
NEW = """seed = 5
max_steps = 6
quantise = "{form}"

[train.lora]
rank = 4
alpha = 8

[eval]"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("bitsandbytes", reason="of the extra `quantised`")
    pytest.importorskip("peft", reason="of the extra `lora`")
    folder = tmp_path_factory.mktemp("quantised")
    make_root(folder)
    return folder


def qlora(root: Path, name: str, form: str, stage: str = "train", **job: Any) -> Outcome:
    return work(root, name, stage, old=OLD, new=NEW.format(form=form), **job)


def adapter_of(outcome: Outcome) -> bytes:
    return (outcome.output / layout.ADAPTER_WEIGHTS).read_bytes()


@pytest.mark.parametrize("form", ["nf4", pytest.param("nf4-double", marks=pytest.mark.full)])
def test_a_killed_run_goes_on_to_the_same_adapter_beside_the_same_numbers(
    root: Path, form: str
) -> None:
    whole = qlora(root, form, form)
    assert whole.status == 0, whole.log
    (checkpoint,) = whole.of("checkpoint")
    again = {"resume": checkpoint["path"], "segment": 2}
    resumed = qlora(root, f"{form}-resumed", form, **again)
    assert [row.step for row in resumed.steps] == [5, 6]
    assert [row.loss for row in resumed.steps] == [row.loss for row in whole.steps[4:]]
    assert adapter_of(resumed) == adapter_of(whole)
    told, record = whole.of("inputs")[0]["model"], whole.of("adapter")[0]["record"]
    assert told["quantised"] == form
    assert record["base_start_sha256"] == record["base_end_sha256"] == told["weights_sha256"]
    assert resumed.of("inputs")[0]["model"]["weights_sha256"] == told["weights_sha256"]
    assert told["num_parameters"] == num_numbers(root / "model")
    (root / form / layout.ADAPTER).write_bytes(jsonio.dump_document(record))
    evaluated = qlora(root, form, form, "eval")
    assert evaluated.status == 0, evaluated.log
    base = json.loads((root / form / layout.BASE_CONFIG).read_text())
    assert "quantization_config" not in base


def num_numbers(folder: Path) -> int:
    """Of the model without any quantisation."""
    from transformers import AutoConfig, AutoModelForCausalLM

    model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(folder))
    return sum(one.numel() for one in model.parameters())
