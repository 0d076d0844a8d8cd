"""Our optimizers of optax's parts take the steps of PyTorch's own, in either number format."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evidence.encoding.codec import encode
from evidence.records.training import TrainSpec
from tests.backends.tunix.pair import under_jax

pytestmark = [pytest.mark.jax, pytest.mark.torch]

NUM_STEPS = 25
SHAPES = {
    "model.embed_tokens.weight": (40, 16),
    "model.layers.0.self_attn.q_proj.weight": (16, 16),
    "model.layers.0.self_attn.k_proj.weight": (4, 16),
    "model.layers.0.input_layernorm.weight": (16,),
}
CASES = {
    f"{name}-{dtype}-{decay}-{norm}": TrainSpec(
        optimizer=name, dtype=dtype, weight_decay=decay, max_grad_norm=norm, learning_rate=1e-2
    )
    for name in ("adafactor", "adamw_torch", "sgd")
    for dtype in ("float32", "bfloat16")
    for decay, norm in ((0.0, 1.0), (0.1, 0.05), (0.01, 0.0))
}
RATES = [1e-2 * (NUM_STEPS - step) / NUM_STEPS for step in range(NUM_STEPS)]


def taken_by_pytorch(spec: TrainSpec) -> dict[str, Any]:
    """Start, gradients, norms and end of 25 steps of the optimizer that the Trainer would make."""
    import torch
    from transformers.optimization import Adafactor

    drawn = torch.Generator().manual_seed(1)
    dtype = getattr(torch, spec.dtype)
    tensors = {
        name: torch.nn.Parameter((torch.randn(shape, generator=drawn) * 0.1).to(dtype))
        for name, shape in SHAPES.items()
    }
    groups = [
        {"params": [one for name, one in tensors.items() if "norm" not in name],
         "weight_decay": spec.weight_decay},
        {"params": [one for name, one in tensors.items() if "norm" in name], "weight_decay": 0.0},
    ]  # fmt: skip
    rate = spec.learning_rate
    made: Any = {
        "adafactor": lambda: Adafactor(groups, lr=rate, scale_parameter=False, relative_step=False),
        "adamw_torch": lambda: torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.999), eps=1e-8),
        "sgd": lambda: torch.optim.SGD(groups, lr=rate),
    }[spec.optimizer]()

    def kept(tensor: Any) -> Any:
        return tensor.detach().float().numpy().copy()

    found = {f"start/{name}": kept(one) for name, one in tensors.items()}
    norms = []
    for step, now in enumerate(RATES):
        for group in made.param_groups:
            group["lr"] = now
        for name, one in tensors.items():
            gradient = torch.randn(one.shape, generator=drawn) * 0.1 * (1 + step % 3)
            one.grad = gradient.to(dtype)
            found[f"{step}/{name}"] = kept(one.grad)
        limit = spec.max_grad_norm or float("inf")
        norms.append(float(torch.nn.utils.clip_grad_norm_(list(tensors.values()), limit)))
        made.step()
    found |= {f"end/{name}": kept(one) for name, one in tensors.items()}
    return found | {"norms": norms}


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    import numpy as np

    folder = tmp_path_factory.mktemp("optimizers")
    theirs = {
        f"{case}/{key}": one
        for case, spec in CASES.items()
        for key, one in taken_by_pytorch(spec).items()
    }
    np.savez(folder / "given.npz", **theirs)
    said = {
        case: {"train": encode(spec), "names": list(SHAPES), "rates": RATES}
        for case, spec in CASES.items()
    }
    (folder / "given.json").write_text(json.dumps(said))
    script = Path(__file__).with_name("steps_of.py")
    under_jax(script, str(folder / "given.npz"), str(folder / "found.npz"))
    with np.load(folder / "found.npz") as found:
        return theirs, dict(found)


@pytest.mark.parametrize("case", CASES)
def test_25_steps_lead_to_the_same_place(case: str, both: tuple[Any, Any]) -> None:
    """In single precision to 1e-5 of the way; in bfloat16 to the bit, but for a rare tie."""
    import numpy as np

    theirs, ours = both
    exact, num_others = CASES[case].dtype == "bfloat16", 0
    for name in SHAPES:
        start, end = (theirs[f"{case}/{moment}/{name}"] for moment in ("start", "end"))
        found = ours[f"{case}/{name}"]
        unit = 2.0**-8 if exact else 2.0**-23
        num_others += int((found != end).sum())
        room = 1e-5 * np.abs(end - start).max() + unit * np.abs(end).max()
        assert np.abs(found - end).max() <= room, name
    assert not exact or num_others <= 3
    relative = np.abs(ours[f"{case}/norms"] / np.array(theirs[f"{case}/norms"]) - 1)
    assert relative.max() <= (0.0 if exact else 1e-6)


def test_another_decay_would_be_seen(both: tuple[Any, Any]) -> None:
    """The law above can fail."""
    import numpy as np

    theirs, _ = both
    name = "model.embed_tokens.weight"
    ends = [theirs[f"adafactor-float32-{case}/end/{name}"] for case in ("0.0-1.0", "0.01-0.0")]
    assert np.abs(ends[0] - ends[1]).max() > 1e-4
