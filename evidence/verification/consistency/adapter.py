"""Checks on LoRA: what was trained beside a model that stayed as it was. No tensor is loaded.

Responsible for adapter.json, for the adapter's own files, and for both against the milestone and
the shapes of the base. That files are those that the worker saved is `checkpoint`'s, and how far
each tensor moved is `tensors`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, Final

from evidence import layout
from evidence.records.adapter import AdaptedModule, AdapterRecord, num_numbers, shapes
from evidence.records.tensors import WeightsRecord
from evidence.records.training import LoraSpec, saves_adapter
from evidence.stages.stage import stages_of
from evidence.stages.train import ADAPTER, TRAIN, WEIGHTS
from evidence.verification.consistency import registry
from evidence.verification.consistency.decoders import layer_of, num_layers, plain_layers
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    differs,
    need,
)
from evidence.verification.problem import CannotCheckError, Problem, shown

_MAX_NAME_CHARS: Final = 300
_MODULES: Final = f"{ADAPTER.path}#/modules"
_NO_RECORD: Final = "there is no adapter.json"
_AS_MADE: Final[Mapping[str, tuple[Any, ...]]] = {
    "inference_mode": (True,),
    "init_lora_weights": (True,),
    "megatron_core": ("megatron.core", None),
    "qalora_group_size": (16, None),
}
"""Settings of peft that no milestone asks for, and what peft writes unasked. Absent is unasked."""
_HELD_ELSEWHERE: Final = frozenset(
    ("peft_type", "task_type", "base_model_name_or_path", "revision", "r", "lora_alpha",
     "lora_dropout", "use_rslora", "bias", "target_modules", "auto_map"),
)  # fmt: skip
_LEAST_PRODUCT: Final = 1e-6
"""Of a float32 weight below 16 this is half of the last place: less may be lost in adding it."""


def trains_beside(evidence: Evidence) -> bool:
    """Whether a training has LoRA, or a pack an adapter.json."""
    stages = stages_of(evidence.documents.milestone)
    trains = (stage.milestone.given_train for stage in stages if stage.kind is TRAIN)
    if any(one is not None and one.lora is not None for one in trains):
        return True
    return any(layout.without_stage(one) == ADAPTER.path for one in evidence.documents.digests)


check = partial(registry.check, kind=TRAIN.name, asked=trains_beside)


def _asked(evidence: Evidence) -> tuple[LoraSpec, AdapterRecord] | None:
    """What was asked for, and what came of it; None where this training has no LoRA."""
    spec = evidence.plan.train.lora
    record: AdapterRecord | None = evidence.documents.document(ADAPTER)
    if spec is None:
        return None
    return spec, need(record, _NO_RECORD)


@check("adapter-base", "the model beside an adapter is the one that was loaded, and did not move")
def adapter_base(evidence: Evidence) -> Problems:
    """There is adapter.json exactly where [train.lora] is; base_start_sha256 =
    inputs.model.weights_sha256 = base_end_sha256; merged_sha256 exactly where the milestone says
    merge, no digest of the adapter, nor the base's where in float32 a second matrix moved by so
    much that the product, added, is not rounded away; inputs.model.quantised is as the milestone
    says. Exact. None of these digests is computed
    again: verify reads no weights."""
    found = _asked(evidence)
    if found is None:
        if evidence.documents.document(ADAPTER) is not None:
            yield Problem(ADAPTER.path, "the milestone has no [train.lora]")
        return
    spec, record = found
    text, start = "other weights beside the adapter than those before", record.base_start_sha256
    yield from differs(f"{ADAPTER.path}#/base_end_sha256", text, start, record.base_end_sha256)
    text = "is told exactly where the milestone says merge = true"
    merged = record.merged_sha256 is not None
    place = f"{ADAPTER.path}#/merged_sha256" if merged else ADAPTER.path
    if merged != spec.merge:
        yield Problem(place, text)
    yield from _as_before(evidence, spec, record)
    model = need(evidence.documents.inputs.model, "the model is not known")
    text = "not the weights that were loaded"
    loaded = need(model.weights_sha256, "no digest of the loaded weights is recorded")
    yield from differs(f"{ADAPTER.path}#/base_start_sha256", text, loaded, start)
    text, asked = "not the format that the milestone asks for", evidence.plan.train.quantise
    yield from differs(f"{layout.INPUTS}#/model/quantised", text, asked, model.quantised)


def _as_before(evidence: Evidence, spec: LoraSpec, record: AdapterRecord) -> Problems:
    """Merged weights with the digest of other tensors, or of those that nothing was added to."""
    weights, merged = evidence.documents.document(WEIGHTS), record.merged_sha256
    if weights is None or merged is None:
        return
    place = f"{ADAPTER.path}#/merged_sha256"
    if merged in (weights.start_sha256, weights.end_sha256):
        yield Problem(place, "is the adapter's digest, which is of other tensors")
    if merged != record.base_end_sha256 or evidence.plan.train.dtype != "float32":
        return
    rms = {one.name: one.rms_end or 0.0 for one in weights.tensors}
    scale = spec.alpha / (spec.rank**0.5 if spec.use_rslora else spec.rank)
    for one in record.modules:
        first, second = shapes(one, spec.rank)
        if rms.get(first, 0.0) * rms.get(second, 0.0) * scale >= _LEAST_PRODUCT:
            text = f"is the base's digest, though what was added to {shown(one.name)} is not zero"
            yield Problem(place, text)
            return


@check("adapter-tensors", "an adapter has the tensors that its rank and its layers give")
def adapter_tensors(evidence: Evidence) -> Problems:
    """Layers sorted, each once; num_trainable = Σ rank · (in + out) over them; the tensors of
    weights.json, and those of adapter_model.safetensors, are a lora_A of (rank, in) and a lora_B of
    (out, rank) for each, in float32; each lora_B began with zeros, and beside one that never moved
    lora_A did not either, but for weight_decay; merged, each layer's weight has (out, in) or
    (in, out). Exact. Of plain decoders (llama, mistral, gemma, qwen) in and out are those of
    config.json; of any, no layer's number is beyond those that it has."""
    found = _asked(evidence)
    if found is None:
        return
    spec, record = found
    names = [one.name for one in record.modules]
    if names != sorted(set(names)):
        yield Problem(_MODULES, "layers are sorted by name, each there once")
    total, text = (
        sum(num_numbers(one, spec.rank) for one in record.modules),
        "not rank · (in + out)",
    )
    yield from differs(f"{ADAPTER.path}#/num_trainable", text, total, record.num_trainable)
    expected: dict[str, tuple[int, ...]] = {}
    for one in record.modules:
        expected |= shapes(one, spec.rank)
    weights = evidence.documents.document(WEIGHTS)
    if weights is not None:
        moved = {one.name: one.shape for one in weights.tensors}
        yield from _others(f"{WEIGHTS.path}#/tensors", expected, moved)
        yield from _from_zeros(evidence, spec, record, weights)
    yield from _of_base(evidence, record.modules)
    yield from _merged(evidence, record) if spec.merge else _apart(evidence, expected)


def _from_zeros(
    evidence: Evidence, spec: LoraSpec, record: AdapterRecord, weights: WeightsRecord
) -> Problems:
    """A second matrix begins with zeros, and while it is zero the first one has no gradient."""
    places = {one.name: index for index, one in enumerate(weights.tensors)}
    for one in record.modules:
        first, second = (places.get(name) for name in shapes(one, spec.rank))
        if first is None or second is None:
            continue
        place = f"{WEIGHTS.path}#/tensors"
        start, moved = weights.tensors[second].rms_start, weights.tensors[first].rms_moved
        if start:
            yield Problem(f"{place}/{second}/rms_start", "it begins with zeros", "0", start)
        is_zero = weights.compared_every == 1 and not weights.tensors[second].rms_moved
        if is_zero and moved and not evidence.plan.train.weight_decay:
            text = f"moved, though its gradient is 0 where {shown(one.name)} has no second matrix"
            yield Problem(f"{place}/{first}/rms_moved", text, "0", moved)


def _others(
    place: str, expected: Mapping[str, tuple[int, ...]], found: Mapping[str, tuple[int, ...]]
) -> Problems:
    """The first tensor that is missing, one too many, or of another shape."""
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            text = f"not the adapter's tensors: {shown(name)}"
            has = "is not there" if name not in found else repr(list(found[name]))
            wants = "none" if name not in expected else repr(list(expected[name]))
            yield Problem(place, text, wants, has)
            return


def _apart(evidence: Evidence, expected: Mapping[str, tuple[int, ...]]) -> Problems:
    path = layout.ADAPTER_WEIGHTS
    if path not in evidence.headers:
        raise CannotCheckError(f"{path} is not in this copy")
    tensors = evidence.safetensors(path).tensors
    yield from _others(path, expected, {name: one.shape for name, one in tensors.items()})
    other = next((name for name, one in sorted(tensors.items()) if one.dtype != "F32"), None)
    if other is not None:
        text = f"the tensor {shown(other)} is not float32, as an adapter is"
        yield Problem(path, text, "F32", tensors[other].dtype)


def _merged(evidence: Evidence, record: AdapterRecord) -> Problems:
    saved = {
        name: one.shape
        for path in evidence.headers
        if path.startswith(f"{layout.FINAL_MODEL}/")
        for name, one in evidence.safetensors(path).tensors.items()
    }
    if not saved:
        raise CannotCheckError("the weights of the final model are not in this copy")
    renamed = ""
    for index, one in enumerate(record.modules):
        shape, plain = saved.get(f"{one.name}.weight"), (one.num_out, one.num_in)
        if shape is None:
            renamed = renamed or one.name
        elif shape not in (plain, plain[::-1]):
            text = f"the weight of {shown(one.name)} has another shape in the final model"
            yield Problem(f"{_MODULES}/{index}", text, list(shape), list(plain))
    if renamed:
        raise CannotCheckError(f"the final model has no tensor by the name of {shown(renamed)}")


def _of_base(evidence: Evidence, modules: Sequence[AdaptedModule]) -> Problems:
    known, layers = plain_layers(evidence), num_layers(evidence)
    for index, one in enumerate(modules):
        number = layer_of(one.name)
        if layers is not None and number is not None and number >= layers:
            text = f"{shown(one.name)} is of a layer that config.json does not give the model"
            yield Problem(f"{_MODULES}/{index}", text, f"below {layers}", number)
        if one.name in known and known[one.name] != (one.num_in, one.num_out):
            text = f"{shown(one.name)} has other numbers in and out by config.json"
            place = f"{_MODULES}/{index}"
            yield Problem(place, text, list(known[one.name]), [one.num_in, one.num_out])


@check("adapter-settings", "an adapter was made as the milestone asks, for the model that it names")
def adapter_settings(evidence: Evidence) -> Problems:
    """Each layer is one of target_modules, and each of these names a layer; of plain decoders
    (llama, mistral, gemma, qwen) all such layers are there. adapter_config.json has the rank,
    alpha, dropout, form and targets of the milestone, the model of inputs.json as its base, and
    nothing that a milestone cannot ask for. Exact."""
    found = _asked(evidence)
    if found is None:
        return
    spec, record = found
    yield from _targets(evidence, spec, record)
    if saves_adapter(evidence.plan.train):
        yield from _config(evidence, spec, record)


def _ends(name: str) -> Iterator[str]:
    """The last parts of a name: all of it, without the first, and so on. None of a name that is
    longer than any: a stranger's would take its square of memory."""
    while name and len(name) <= _MAX_NAME_CHARS:
        yield name
        name = name.partition(".")[2]


def _is_meant(name: str, targets: Collection[str]) -> bool:
    return any(one in targets for one in _ends(name))


def _targets(evidence: Evidence, spec: LoraSpec, record: AdapterRecord) -> Problems:
    names, known = {one.name for one in record.modules}, plain_layers(evidence)
    targets = spec.target_modules
    if not isinstance(targets, str):
        for index, one in enumerate(record.modules):
            if not _is_meant(one.name, targets):
                yield Problem(
                    f"{_MODULES}/{index}", f"{shown(one.name)} is no target of the milestone"
                )
        ends = {end for name in names for end in _ends(name)}
        for target in targets:
            if target not in ends:
                yield Problem(_MODULES, f"no layer is {shown(target)}, a target of the milestone")
    meant = {one for one in known if isinstance(targets, str) or _is_meant(one, targets)}
    for name in sorted(meant - names)[:1]:
        yield Problem(_MODULES, f"{shown(name)} is a target of the milestone, and is not there")
    for name in sorted(names - meant)[:1] if known and isinstance(targets, str) else ():
        yield Problem(_MODULES, f"config.json gives no linear layer {shown(name)}")


def _config(evidence: Evidence, spec: LoraSpec, record: AdapterRecord) -> Problems:
    path = layout.ADAPTER_CONFIG
    config = evidence.json(path)
    if not isinstance(config, dict):
        yield Problem(path, "holds no JSON object")
        return
    model = need(evidence.documents.inputs.model, "the model is not known")
    for key, expected in (
        ("peft_type", "LORA"),
        ("task_type", "CAUSAL_LM"),
        ("base_model_name_or_path", model.id),
        ("revision", model.revision_requested),
        ("r", spec.rank),
        ("lora_alpha", spec.alpha),
        ("lora_dropout", spec.dropout),
        ("use_rslora", spec.use_rslora),
        ("bias", "none"),
    ):
        text = "not as milestone and inputs.json have it"
        place = f"{path}#/{key}" if key in config else path
        yield from differs(place, text, expected, config.get(key))
    yield from _unasked(path, config, is_plain=bool(plain_layers(evidence)))
    key = "target_modules"
    place = f"{path}#/{key}" if key in config else path
    yield from _listed(place, config.get(key), spec, record)


def _unasked(path: str, config: Mapping[str, Any], *, is_plain: bool) -> Problems:
    """Whatever else stands there is null, false or empty, or what peft writes by itself:
    fan_in_fan_out is true of layers that keep (in, out), which plain decoders have none of."""
    for key, value in config.items():
        if key in _HELD_ELSEWHERE:
            continue
        if key == "peft_version":
            as_made = isinstance(value, str)
        elif key == "fan_in_fan_out":
            as_made = value is None or value is False or (value is True and not is_plain)
        elif key in _AS_MADE:
            as_made = any(value is one or value == one for one in _AS_MADE[key])
            as_made = as_made and isinstance(value, bool) == isinstance(_AS_MADE[key][0], bool)
        else:
            as_made = not value
        if not as_made:
            yield Problem(f"{path}#/{key}", "no milestone asks for it")


def _listed(place: str, found: Any, spec: LoraSpec, record: AdapterRecord) -> Problems:
    """The targets that peft listed lead to the very layers of adapter.json."""
    if not isinstance(found, list) or not all(isinstance(one, str) for one in found):
        yield Problem(place, "no list of names")
        return
    if not isinstance(spec.target_modules, str):
        text = "other targets than the milestone has"
        yield from differs(place, text, sorted(spec.target_modules), sorted(found))
        return
    listed = frozenset(found)
    for one in record.modules:
        if not _is_meant(one.name, listed):
            yield Problem(place, f"does not lead to {shown(one.name)}")
            return
    ends = {end for one in record.modules for end in _ends(one.name)}
    for name in found:
        if name not in ends:
            yield Problem(place, f"leads to no layer of {ADAPTER.path}: {shown(name)}")
            return
