"""The toy as a backend on JAX would have left it: padding, compiling, weights by tensor, logits."""

from __future__ import annotations

import math
from copy import deepcopy
from typing import Any, Final

from toy import toy
from toy_parts import HIDDEN, LAYERS, NUM_PARAMETERS, VOCAB

from evidence import layout
from evidence.rules import arithmetic
from evidence.rules.logits import kept_ids
from evidence.self_test.forger import ForgedPack

START: Final = "1" * 64
END: Final = "2" * 64
WIDTH: Final = 10
"""Of every row: the longest of the toy has so many tokens."""
_FRAMEWORK: Final = {
    "jax_version": "0.10.2",
    "jaxlib_version": "0.10.2",
    "flax_version": "0.12.0",
    "optax_version": "0.2.6",
    "tunix_version": "0.1.7",
    "transformers_version": "5.1.0",
    "platform": "cpu",
    "device": "cpu",
    "device_name": {"unavailable": "no accelerator is in use"},
    "num_devices": 1,
    "num_threads": 2,
    "matmul_precision": "highest",
    "x64": False,
    "deterministic_ops": False,
    "xla_flags": "",
}
_STAGE: Final = {"stage": "train", "segment": 1}
EXECUTION: Final = {
    **_STAGE,
    "execution": "fast",
    "rows_per_forward": 1,
    "accumulation": 2,
    "device": "cpu",
    "num_devices": 1,
    "widths": [WIDTH],
}
COMPILATION: Final = {
    **_STAGE,
    "num_programs": 3,
    "num_from_cache": 1,
    "duration_s": 1.5,
    "persistent_cache": True,
}


def weights() -> dict[str, Any]:
    """The toy's parameters, each of which moved."""
    shapes = {"model.embed_tokens.weight": [VOCAB, HIDDEN]}
    shapes |= {f"model.layers.{i}.mlp.weight": [HIDDEN, HIDDEN] for i in range(LAYERS)}
    moved = {"rms_start": 0.02, "rms_end": 0.025, "rms_moved": 0.01}
    return {
        "schema": "weights.v1",
        "start_sha256": START,
        "end_sha256": END,
        "compared_every": 1,
        "tensors": [
            {"name": name, "shape": shape, "num_compared": math.prod(shape), **moved}
            for name, shape in shapes.items()
        ],
    }


def logits() -> dict[str, Any]:
    """Of a model to which all tokens are alike."""
    ids = list(kept_ids(VOCAB, [3, 5]))
    row = {
        "num_prompt_tokens": 4,
        "log_sum_exp": math.log(VOCAB) + 0.1,
        "ids": ids,
        "logits": [0.1] * len(ids),
    }
    rows = [{"index": index, **row} for index in range(5)]
    return {"schema": "logits.v1", "vocab_size": VOCAB, "rows": rows}


def jax_toy() -> ForgedPack:
    """Not sealed yet, so that a test may change it."""
    made = toy()
    made.docs[layout.ENVIRONMENT]["framework"] = deepcopy(_FRAMEWORK)
    made.docs[layout.WEIGHTS], made.docs[layout.LOGITS] = weights(), logits()
    made.docs[layout.INPUTS]["model"]["weights_sha256"] = START
    rows = made.docs[layout.METRICS]
    for number, row in enumerate(rows):
        row["num_fed_tokens"] = WIDTH * row["num_rows"]
        row["compile_s"] = 0.01 if number == 0 else 0.0
    fed = sum(row["num_fed_tokens"] for row in rows)
    made.docs[layout.SEEN]["num_fed_tokens"] = fed
    flos = arithmetic.training_flops(NUM_PARAMETERS, VOCAB * HIDDEN, fed)
    made.event("stage-finished", stage="train")["data"]["total_flos"] = flos
    journal = made.docs[layout.JOURNAL]
    place = next(i for i, one in enumerate(journal) if one["event"] == "probe")
    for name, data in (("compilation", COMPILATION), ("execution", EXECUTION)):
        journal.insert(place, {**journal[place], "event": name, "data": deepcopy(data)})
    return made
