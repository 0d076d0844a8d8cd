"""Every form of the first Gemma says in Tunix what it says in transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.backends.tunix.pair import under_jax

pytestmark = [pytest.mark.jax, pytest.mark.torch]

SMALL = {"vocab_size": 300, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2}
FORMS: dict[str, dict[str, Any]] = {
    "one key and value head": {"num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 16},
    "groups of heads": {"num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 24},
    "as many as there are": {"num_attention_heads": 4, "num_key_value_heads": 4, "head_dim": 16},
}
GEMMA_2B = {
    "vocab_size": 256000, "hidden_size": 64, "intermediate_size": 512, "num_hidden_layers": 18,
    "num_attention_heads": 8, "num_key_value_heads": 1, "head_dim": 256,
}  # fmt: skip


def difference(folder: Path, settings: dict[str, Any]) -> tuple[float, float]:
    """The largest between the two, and the largest number."""
    import numpy as np
    import torch
    from transformers import GemmaConfig, GemmaForCausalLM

    torch.manual_seed(0)
    model = GemmaForCausalLM(GemmaConfig(**settings)).eval()
    ids = torch.randint(0, settings["vocab_size"], (3, 24))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "norm" in name:  # all are zero otherwise, and it is all one which is which
                parameter.normal_(0, 0.5)
        wanted = model(ids).logits.numpy()
    model.save_pretrained(folder)
    np.save(folder / "ids.npy", ids.numpy().astype(np.int32))
    under_jax(Path(__file__).with_name("logits_of.py"), str(folder))
    found = np.load(folder / "found.npy")
    return float(np.abs(found - wanted).max()), float(np.abs(wanted).max())


@pytest.mark.parametrize("form", FORMS)
def test_logits_differ_by_rounding(form: str, tmp_path: Path) -> None:
    differ, largest = difference(tmp_path, SMALL | FORMS[form])
    assert differ < 5e-6 * largest


@pytest.mark.full
def test_the_layout_of_gemma_2b_is_the_same_in_both(tmp_path: Path) -> None:
    """Its layers, heads and vocabulary, and nothing but the width made smaller."""
    differ, largest = difference(tmp_path, GEMMA_2B)
    assert differ < 1e-5 * largest


def test_two_norms_exchanged_are_seen(tmp_path: Path) -> None:
    """The law above would fail where Tunix's own loader is right: it can fail."""
    import numpy as np

    settings = SMALL | FORMS["one key and value head"]
    differ, _ = difference(tmp_path, settings)
    from safetensors.torch import load_file, save_file

    names = [f"model.layers.0.{one}_layernorm.weight" for one in ("input", "post_attention")]
    tensors = load_file(tmp_path / "model.safetensors")
    exchanged = dict(zip(names, (tensors[names[1]], tensors[names[0]]), strict=True))
    save_file(tensors | exchanged, tmp_path / "model.safetensors", {"format": "pt"})
    before = np.load(tmp_path / "found.npy")
    under_jax(Path(__file__).with_name("logits_of.py"), str(tmp_path))
    assert np.abs(np.load(tmp_path / "found.npy") - before).max() > 1000 * differ
