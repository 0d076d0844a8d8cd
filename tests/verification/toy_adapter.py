"""The toy with LoRA: an adapter beside it in place of its weights, or added to them."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from random import Random
from typing import Any, Final

from toy import CONFIG, MODEL, toy
from toy_parts import HIDDEN, LAYERS, NUM_PARAMETERS, VOCAB

from evidence import layout
from evidence.records.adapter import AdaptedModule, num_numbers, shapes
from evidence.rules import arithmetic
from evidence.self_test.forger import ForgedPack

RANK: Final = 2
BASE: Final = "5" * 64
_FEW: Final = HIDDEN // 2
"""Numbers that come out of v_proj: two heads share one of keys and values."""
_ACROSS: Final = HIDDEN * (2 * HIDDEN + 2 * _FEW)
_INNER: Final = 3 * HIDDEN
OF_LLAMA: Final = VOCAB * HIDDEN + LAYERS * (_ACROSS + 3 * HIDDEN * _INNER + 2 * HIDDEN) + HIDDEN
"""Parameters of the model that `_LLAMA` configures, whose head is its embedding."""
_ASKED: Final = """\
[train.lora]
rank = 2
alpha = 4
dropout = 0.25
use_rslora = false
"""
_LLAMA: Final = {
    "model_type": "llama",
    "vocab_size": VOCAB,
    "hidden_size": HIDDEN,
    "intermediate_size": _INNER,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def _modules() -> tuple[AdaptedModule, ...]:
    return tuple(
        AdaptedModule(f"model.layers.{layer}.self_attn.{name}", HIDDEN, num_out)
        for layer in range(LAYERS)
        for name, num_out in (("q_proj", HIDDEN), ("v_proj", _FEW))
    )


def _in_the_toy() -> tuple[AdaptedModule, ...]:
    return tuple(AdaptedModule(f"model.layers.{n}.mlp", HIDDEN, HIDDEN) for n in range(LAYERS))


def tensors_of(modules: tuple[AdaptedModule, ...]) -> dict[str, tuple[int, ...]]:
    """Name and shape of each matrix."""
    return {name: shape for one in modules for name, shape in shapes(one, RANK).items()}


def adapter_file(found: Mapping[str, tuple[int, ...]], dtype: str = "F32") -> bytes:
    """A safetensors file of such tensors."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    position = 0
    for name, shape in sorted(found.items()):
        size = 4 * math.prod(shape)
        offsets = [position, position + size]
        header[name] = {"dtype": dtype, "shape": list(shape), "data_offsets": offsets}
        position += size
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    return struct.pack("<Q", len(encoded)) + encoded + Random(2).randbytes(position)


def adapter_toy() -> ForgedPack:
    """An adapter beside two layers of attention. Not sealed yet."""
    made = _beside(_modules(), 'target_modules = ["q_proj", "v_proj"]\n', OF_LLAMA)
    del made.files[MODEL], made.files[CONFIG]
    made.files[layout.ADAPTER_WEIGHTS] = adapter_file(tensors_of(_modules()))
    made.files[layout.BASE_CONFIG] = json.dumps(_LLAMA).encode()
    made.files[layout.ADAPTER_CONFIG] = json.dumps(
        {
            "peft_type": "LORA",
            "task_type": "CAUSAL_LM",
            "base_model_name_or_path": "models/toy",
            "revision": None,
            "r": RANK,
            "lora_alpha": 4,
            "lora_dropout": 0.25,
            "use_rslora": False,
            "bias": "none",
            "target_modules": ["q_proj", "v_proj"],
            "modules_to_save": None,
        }
    ).encode()
    size = len(made.files[layout.ADAPTER_WEIGHTS] or b"")
    made.docs[layout.WITHHELD]["files"] = [
        {"path": layout.ADAPTER_WEIGHTS, "size_bytes": size, "reason": "weights"}
    ]
    return made


def merged_toy() -> ForgedPack:
    """The same added to the layers that the toy has. Not sealed yet."""
    made = _beside(_in_the_toy(), "merge = true\n")
    made.docs[layout.ADAPTER]["merged_sha256"] = "6" * 64
    return made


def _beside(
    modules: tuple[AdaptedModule, ...], more: str, num_parameters: int = NUM_PARAMETERS
) -> ForgedPack:
    made = toy()
    made.docs[layout.INPUTS]["model"]["num_parameters"] = num_parameters
    text = (made.files[layout.MILESTONE] or b"").decode()
    text = text.replace("\n[eval]\n", f"\n{_ASKED}{more}\n[eval]\n", 1)
    made.files[layout.MILESTONE] = text.encode()
    num_trainable = sum(num_numbers(one, RANK) for one in modules)
    made.docs[layout.ADAPTER] = {
        "schema": "adapter.v1",
        "modules": [
            {"name": one.name, "num_in": one.num_in, "num_out": one.num_out} for one in modules
        ],
        "num_trainable": num_trainable,
        "base_start_sha256": BASE,
        "base_end_sha256": BASE,
    }
    moved = {
        True: {"rms_start": 0.0, "rms_end": 0.01, "rms_moved": 0.01},
        False: {"rms_start": 0.02, "rms_end": 0.025, "rms_moved": 0.01},
    }
    made.docs[layout.WEIGHTS] = {
        "schema": "weights.v1",
        "start_sha256": "1" * 64,
        "end_sha256": "2" * 64,
        "compared_every": 1,
        "tensors": [
            {"name": name, "shape": list(shape), "num_compared": math.prod(shape)}
            | moved["lora_B" in name]
            for name, shape in sorted(tensors_of(modules).items())
        ],
    }
    made.docs[layout.INPUTS]["model"]["weights_sha256"] = BASE
    fed = sum(row["num_fed_tokens"] for row in made.docs[layout.METRICS])
    flos = arithmetic.training_flops(num_parameters + num_trainable, VOCAB * HIDDEN, fed)
    ended = made.event("stage-finished", stage="train")["data"]
    ended["total_flos"] = flos
    ended["weights"] = {
        "num_compared": num_trainable,
        "num_changed": num_trainable,
        "num_compared_in_embeddings": 0,
        "num_changed_in_embeddings": 0,
        "compared_every": 1,
        "num_optimizer_steps": 20,
    }
    made.journal_milestone()
    return made
