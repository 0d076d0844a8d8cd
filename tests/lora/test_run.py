"""An adapter from a milestone to a verified pack, with a real tiny model."""

from __future__ import annotations

import json
import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from evidence import layout
from evidence.records.milestone import ModelSpec
from evidence.records.training import LoraSpec
from evidence.self_test.self_test import self_test
from evidence.verification.options import VerifyOptions
from evidence.verification.origin.clone import repository_checks
from evidence.verification.verification import verify_pack
from evidence.worker.interface import StageFailure
from tests.chat.talking import document, say
from tests.lora.tuning import make
from tests.packs.sealing import reseal
from tests.shared import made_once

pytestmark = pytest.mark.torch
pytest.importorskip("peft", reason='pip install "evidence-pack[lora]"')


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made: Path = made_once(tmp_path_factory, "adapters", make)
    return made


@pytest.mark.parametrize("name", ["A1", "A2"])
def test_an_adapter_is_trained_evaluated_and_verified(root: Path, name: str) -> None:
    report = verify_pack(root / "runs" / name)
    assert report.verdict == "INTACT", report.findings
    outcomes = {one.id: one.outcome for one in report.checks}
    for check in (
        *("adapter-base", "adapter-tensors", "adapter-settings", "weights-known"),
        *("checkpoint-parameters", "checkpoint-config", "training-flos", "model-size", "logits"),
    ):
        assert outcomes[check] == "pass", check


def test_the_summary_says_what_was_trained_and_how_much_that_is(root: Path) -> None:
    values = document(root / "runs/A1", "results.json")["values"]
    count = values["train.lora.num_trainable"]["value"]
    assert count == 4 * 2 * (2 * 32 + 32 + 16)  # rank · layers · (in + out of q_proj and v_proj)
    share = values["train.lora.trainable_share"]["value"]
    assert share == count / (count + values["model.num_parameters"]["value"])
    summary = (root / "runs/A1/a1_summary.md").read_text("utf-8")
    assert "| LoRA | rank 4, alpha 8, `q_proj`, `v_proj` |" in summary
    assert f"| Trained | {count} parameters, {100 * share:.1f} % of all" in summary
    assert "Saved adapter, and the configuration of its model" in summary
    merged = (root / "runs/A2/a2_summary.md").read_text("utf-8")
    assert "dropout 0.1, `all-linear`; scaled by the root of the rank |" in merged
    assert "they were then added to it" in merged


@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")  # peft asks so
def test_peft_loads_the_adapter_beside_its_base(root: Path) -> None:
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    pack = root / "runs/A1"
    base = AutoModelForCausalLM.from_pretrained(root / "model", dtype=torch.float32)
    model = PeftModel.from_pretrained(base, str(pack / layout.FINAL_MODEL)).eval()
    row = document(pack, "logits.json")["rows"][0]
    tokenizer = json.loads((pack / "predictions.jsonl").read_text("utf-8").splitlines()[0])
    from transformers import AutoTokenizer

    ids = AutoTokenizer.from_pretrained(root / "model")(tokenizer["prompt"])["input_ids"]
    with torch.inference_mode():
        found = model(input_ids=torch.tensor([ids])).logits[0, -1]
    assert found[row["ids"]].tolist() == pytest.approx(row["logits"], abs=1e-5)


def test_compare_names_the_settings_that_differ(root: Path) -> None:
    said = say(root, "compare", "runs/A1", "runs/A2")
    assert "| LoRA | `rank 4, alpha 8, dropout 0.0, target_modules q_proj v_proj" in said


def test_a_run_that_was_made_again_has_the_same_adapter(root: Path) -> None:
    assert "✓ bitwise" in say(root, "reproduce", "runs/A1")


def test_the_milestone_says_where_each_value_stands(root: Path) -> None:
    assert "milestone.toml#/train/lora/rank" in say(root, "explain", "runs/A1", "train.lora.rank")
    asked = tomllib.loads((root / "milestones/A1.toml").read_text("utf-8"))
    assert "dropout" not in asked["train"]["lora"]
    assert "default" in say(root, "explain", "runs/A1", "train.lora.dropout")


@pytest.mark.full
def test_every_lie_about_an_adapter_is_caught(root: Path) -> None:
    trials = {one.id: one.outcome for one in self_test(root / "runs/A1").trials}
    for lie in ("weights-start", "adapter-base", "adapter-layer", "adapter-rank", "parameters"):
        assert trials[lie] == "caught"


def test_an_adapter_is_no_model_to_begin_from(root: Path) -> None:
    text = (root / "milestones/A2.toml").read_text("utf-8")
    for key, place in (("pack", "runs/A1"), ("path", f"runs/A1/{layout.FINAL_MODEL}")):
        asked = text.replace('path = "model"', f'{key} = "{place}"').replace('"A2"', '"A3"')
        (root / "milestones/A3.toml").write_text(asked, "utf-8")
        said = say(root, "run", "A3", status=2)
        assert "is an adapter (adapter_config.json), which is no model without its base" in said
        assert "merge = true" in said


def test_a_target_that_no_layer_has_is_refused_with_the_names_that_there_are(root: Path) -> None:
    text = (root / "milestones/A1.toml").read_text("utf-8").replace('"A1"', '"A4"')
    (root / "milestones/A4.toml").write_text(text.replace("q_proj", "query"), "utf-8")
    said = say(root, "run", "A4", status=2)
    assert "train.lora: target_modules: 'query' is in no name of a linear layer of llama" in said
    assert "down_proj, gate_proj, k_proj, lm_head, o_proj, q_proj, up_proj, v_proj" in said


def test_a_worker_refuses_a_target_of_a_model_that_it_alone_knows(root: Path) -> None:
    from transformers import AutoModelForCausalLM

    from evidence.backends.transformers.lora import adapted

    model = AutoModelForCausalLM.from_pretrained(root / "model")
    with pytest.raises(StageFailure) as refused:
        adapted(model, LoraSpec(rank=2, target_modules=("query",)), ModelSpec(path="model"), 1)
    assert "'query' is in no name of a layer of LlamaForCausalLM" in str(refused.value)
    assert "down_proj, gate_proj, k_proj, lm_head" in str(refused.value)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({}, []),
        ({"model_type": "odd"}, ["model_type"]),
        ({"model_type": "odd", "num_hidden_layers": 9}, ["model_type", "num_hidden_layers"]),
        ({"use_cache": True}, []),
    ],
)
def test_the_configuration_beside_an_adapter_is_the_clones(
    root: Path, changes: dict[str, Any], found: list[str], tmp_path: Path
) -> None:
    pack = Path(shutil.copytree(root / "runs/A1", tmp_path / "A1"))
    path = pack / layout.BASE_CONFIG
    path.write_text(json.dumps(json.loads(path.read_bytes()) | changes))
    reseal(pack, [])
    options = VerifyOptions(further=repository_checks(root))
    findings = verify_pack(pack, options).findings
    said = [str(one.address) for one in findings if one.code == "repo-model"]
    assert said == [f"{layout.BASE_CONFIG}#/{key}" for key in found]
