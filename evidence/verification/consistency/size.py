"""Checks on size: a model as large as it is said to be needs room, time and shapes.

The weights themselves are `checkpoint`'s; these hold where a copy lacks them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.capture import FrameworkRecord
from evidence.records.inputs import ModelRecord
from evidence.records.training import saves_adapter
from evidence.results.computed import GPU_DEVICES
from evidence.results.context import journal_at
from evidence.stages.train import TRAIN
from evidence.verification.consistency import registry
from evidence.verification.consistency.decoders import is_count, plain_parameters
from evidence.verification.consistency.memory import BYTES, too_little_memory
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    config_path,
    differs,
    need,
)
from evidence.verification.problem import CannotCheckError, Problem, shown

check = partial(registry.check, kind=TRAIN.name)

_FLOPS_PER_CORE: Final = 5e12
"""Of one logical processor, matrix units in low precision included; none does more today."""
_FLOPS_PER_GPU: Final = 2e16
_ROOM: Final = 4.0
"""Shapes that are not in the count below, such as gates and projections of their own."""
_OTHER_SHAPES: Final = (
    "expert",
    "vision",
    "audio",
    "text_config",
    "encoder",
    "decoder",
    "per_layer",
)


@check("model-size", "memory, time and config.json have room for so many parameters")
def model_size(evidence: Evidence) -> Problems:
    """peak_memory_bytes of training, over all devices, is at least half of what the parameters
    take in their number format; FLOPs a second of the loop are at most 5e12 a logical processor,
    2e16 a GPU; parameters are at least vocab_size × hidden_size of config.json, and at most four
    times what a plain transformer of its shapes has (not looked at where it has other parts). Of a
    plain decoder (llama, mistral, gemma, qwen) beside an adapter, whose tensors no pack has: the
    embedding exactly, and all parameters but for norms and biases."""
    model = need(evidence.documents.inputs.model, "the model is not known")
    yield from _rate(evidence)
    yield from _shapes(evidence, model)
    if model.dtype not in BYTES:
        raise CannotCheckError(f"{shown(model.dtype)} is no number format that is known here")
    yield from too_little_memory(evidence, model, TRAIN.name)


def _rate(evidence: Evidence) -> Problems:
    framework, hardware = evidence.documents.environment.framework, evidence.documents.hardware
    cores = hardware.cpu.num_logical_cores
    if not isinstance(framework, FrameworkRecord) or isinstance(cores, Unavailable):
        return
    on_gpu = framework.device.startswith((*GPU_DEVICES, "mps"))
    gpus = 1 if isinstance(hardware.gpus, Unavailable) else max(1, len(hardware.gpus))
    most = _FLOPS_PER_GPU * gpus if on_gpu else _FLOPS_PER_CORE * max(1, cores)
    for event in evidence.events("stage-finished", "train"):
        flops, runtime_s = event.data["total_flos"], event.data["runtime_s"]
        if flops is None or not runtime_s or event.data["segment"] > 1:
            continue  # of a resumed run the FLOPs are of all segments, the time of the last
        if flops / runtime_s > most:
            text = "more operations a second than this machine can do"
            place = journal_at(event, "data", "total_flos")
            yield Problem(place, text, f"at most {most * runtime_s:.3g}", f"{flops:.3g}")


def _shapes(evidence: Evidence, model: ModelRecord) -> Problems:
    path = config_path(evidence)
    config = evidence.json(path)
    if not isinstance(config, dict) or any(mark in key for key in config for mark in _OTHER_SHAPES):
        return
    vocabulary, width = config.get("vocab_size"), config.get("hidden_size")
    if not is_count(vocabulary) or not is_count(width):
        return
    place = f"{layout.INPUTS}#/model/num_parameters"
    narrow = any("embed" in key and is_count(value) for key, value in config.items())
    if not narrow and model.num_parameters < vocabulary * width:
        text = f"fewer than the embedding of {path} has"
        yield Problem(place, text, f"at least {vocabulary * width}", model.num_parameters)
    yield from _beside_an_adapter(evidence, model, config)
    most = _most(config, vocabulary, width)
    if most is not None and model.num_parameters > most:
        text = f"more than a model of the shapes in {path} can have"
        yield Problem(place, text, f"at most {most}", model.num_parameters)


def _beside_an_adapter(
    evidence: Evidence, model: ModelRecord, config: Mapping[str, Any]
) -> Problems:
    """A model whose tensors are not in the pack: of a plain decoder config.json counts them."""
    known = plain_parameters(config) if saves_adapter(evidence.plan.train) else None
    if known is None:
        return
    embedding, ranges = known
    place, path = f"{layout.INPUTS}#/model", config_path(evidence)
    text = f"another number than the embedding of {path} has"
    found = model.num_embedding_parameters
    yield from differs(f"{place}/num_embedding_parameters", text, embedding, found)
    sizes = [one.num_elements for one in model.embedding_tables]
    yield from differs(f"{place}/embedding_tables", text, [embedding], sizes) if sizes else ()
    if not any(least <= model.num_parameters <= most for least, most in ranges):
        text = f"not what a model of the layers in {path} has"
        limits = " or ".join(f"{least} to {most}" for least, most in ranges)
        yield Problem(f"{place}/num_parameters", text, limits, model.num_parameters)


def _most(config: Mapping[str, Any], vocabulary: int, width: int) -> int | None:
    """Parameters of a plain transformer of these shapes, with room; None for other models."""
    layers, inner = config.get("num_hidden_layers"), config.get("intermediate_size")
    heads, head = config.get("num_attention_heads"), config.get("head_dim")
    if not is_count(layers) or not is_count(inner):
        return None
    across = max(width, heads * head) if is_count(heads) and is_count(head) else width
    positions = config.get("max_position_embeddings")
    rows = 2 * vocabulary + (positions if is_count(positions) else 0)
    layer = 4 * width * across + 3 * width * inner + 16 * (width + inner + across)
    return int(_ROOM * (layers * layer + rows * width))
