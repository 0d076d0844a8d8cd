"""Laws of QLoRA from a milestone to a pack: the format of the model is said, held, made again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evidence import layout
from evidence.verification.verification import verify_pack
from tests.chat.talking import document, say
from tests.lora.tuning import MILESTONE, TARGETS, project
from tests.packs.sealing import reseal
from tests.shared import made_once

pytestmark = pytest.mark.torch
pytest.importorskip("peft", reason='pip install "evidence-pack[lora]"')
pytest.importorskip("bitsandbytes", reason='pip install "evidence-pack[quantised]"')


def made(folder: Path) -> Path:
    root = project(folder / "mine")
    text = MILESTONE.format(id="Q1", lora=TARGETS).replace(
        'optimizer = "adamw_torch"', 'optimizer = "adamw_8bit"\nquantise = "nf4"'
    )
    (root / "milestones/Q1.toml").write_text(text, "utf-8")
    say(root, "run", "Q1")
    return root


@pytest.fixture
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found: Path = made_once(tmp_path_factory, "quantised", made)
    return found


def test_it_is_verified_and_its_format_is_said(root: Path) -> None:
    report = verify_pack(root / "runs/Q1")
    assert report.verdict == "INTACT", report.findings
    outcomes = {one.id: one.outcome for one in report.checks}
    for check in ("adapter-base", "adapter-tensors", "adapter-settings", "model-size", "logits"):
        assert outcomes[check] == "pass", check
    summary = (root / "runs/Q1/q1_summary.md").read_text("utf-8")
    assert "its model in 4 bit, `nf4` |" in summary
    assert "adamw_8bit" in summary


def test_what_was_loaded_has_a_digest_of_its_own(root: Path) -> None:
    model = document(root / "runs/Q1", layout.INPUTS)["model"]
    adapter = document(root / "runs/Q1", layout.ADAPTER)
    assert model["quantised"] == "nf4"
    assert model["weights_sha256"] == adapter["base_start_sha256"] == adapter["base_end_sha256"]
    assert model["weights_sha256"] != whole_sha256(root / "model")


def whole_sha256(folder: Path) -> str:
    import torch
    from transformers import AutoModelForCausalLM

    from evidence.backends.transformers.weights import parameters_sha256

    return parameters_sha256(AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32))


@pytest.mark.parametrize("form", [None, "nf4-double"])
def test_another_format_than_the_milestone_asks_for_is_found(
    root: Path, tmp_path: Path, form: str | None
) -> None:
    pack = Path(shutil.copytree(root / "runs/Q1", tmp_path / "Q1"))
    path = pack / layout.INPUTS
    told = json.loads(path.read_bytes())
    told["model"]["quantised"] = form
    path.write_text(json.dumps(told))
    reseal(pack, [])
    report = verify_pack(pack)
    assert "adapter-base" in {one.code for one in report.findings if one.severity == "error"}


def test_it_is_made_again_bit_for_bit(root: Path) -> None:
    assert "✓ bitwise" in say(root, "reproduce", "runs/Q1")
