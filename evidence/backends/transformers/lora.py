"""LoRA through peft: what is trained beside a model that stays as it is.

Responsible for putting adapters into a model, for what is recorded of them, and for saving, merging
and loading them. Training itself is `training`'s, and sees a model with few weights that move.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import torch
from peft import LoraConfig, PeftModel, get_peft_model, get_peft_model_state_dict
from peft.tuners.lora import LoraLayer
from safetensors.torch import save_file
from transformers.pytorch_utils import Conv1D

from evidence import layout
from evidence.backends.transformers.weights import named_sha256
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.records.adapter import PREFIX, AdaptedModule, AdapterRecord, num_numbers
from evidence.records.milestone import ModelSpec
from evidence.records.training import LoraSpec
from evidence.worker.failures import INPUT_CHANGED
from evidence.worker.interface import StageFailure

_NAME: Final = "default"
"""What peft calls the only adapter of a model."""
_LINEAR: Final = (torch.nn.Linear, Conv1D)
_MAX_NAMED: Final = 20
_IN_FILES: Final = len(layout.FINAL_MODEL) + 1


def adapted(model: Any, spec: LoraSpec, given: ModelSpec, seed: int) -> Any:
    """The model with two matrices beside each targeted layer: the first drawn from `seed`, the
    second zeros, so that it computes what it did. All else is frozen.

    Raises StageFailure where a target is no linear layer of this model.
    """
    _refuse_targets(model, spec.target_modules)
    asked = spec.target_modules
    config = LoraConfig(
        r=spec.rank,
        lora_alpha=spec.alpha,
        lora_dropout=spec.dropout,
        target_modules=asked if isinstance(asked, str) else list(asked),
        use_rslora=spec.use_rslora,
        bias="none",
        task_type="CAUSAL_LM",
        base_model_name_or_path=given.called,
        revision=given.revision,
    )
    torch.manual_seed(seed)
    made = get_peft_model(model, config)
    config.base_model_name_or_path, config.revision = given.called, given.revision
    # Asked to guess about embeddings, it would ask the hub at each checkpoint.
    made.save_pretrained = partial(made.save_pretrained, save_embedding_layers=False)
    return made


def _refuse_targets(model: Any, targets: Sequence[str] | str) -> None:
    """Each target names linear layers, and no table that the output head shares."""
    linear = {name for name, one in model.named_modules() if isinstance(one, _LINEAR)}
    if isinstance(targets, str):
        return
    head = model.get_output_embeddings()
    table = model.get_input_embeddings()
    is_tied = head is not None and head.weight is table.weight
    for target in targets:
        found = [name for name, _ in model.named_modules() if _is_meant(name, target)]
        if not found or not linear.issuperset(found):
            there = sorted({name.rpartition(".")[2] for name in linear})
            named = ", ".join(there[:_MAX_NAMED]) + (", …" if len(there) > _MAX_NAMED else "")
            what = "is no linear layer" if found else "is in no name of a layer"
            raise StageFailure(
                "requirement-not-met",
                f"train.lora.target_modules: {target!r} {what} of {type(model).__name__}; "
                f"its linear layers are: {named}",
            )
        if is_tied and any(model.get_submodule(name) is head for name in found):
            raise StageFailure(
                "requirement-not-met",
                f"train.lora.target_modules: {target!r} is the output head, which shares its "
                "weights with the embedding here: an adapter beside one would change both",
            )


def _is_meant(name: str, target: str) -> bool:
    return name == target or name.endswith(f".{target}")


def adapted_modules(model: Any) -> tuple[AdaptedModule, ...]:
    """The layers that have matrices beside them, sorted by name."""
    return tuple(
        AdaptedModule(_base_name(name), one.in_features, one.out_features)
        for name, one in sorted(model.named_modules(), key=lambda pair: _base_name(pair[0]))
        if isinstance(one, LoraLayer)
    )


def adapter_record(
    model: Any, spec: LoraSpec, start_sha256: str, merged_sha256: str | None = None
) -> AdapterRecord:
    """adapter.json, at the end of training and before anything is merged."""
    modules = adapted_modules(model)
    num_trainable = sum(one.numel() for one in model.parameters() if one.requires_grad)
    if num_trainable != sum(num_numbers(one, spec.rank) for one in modules):
        raise StageFailure("exception", "other numbers are trained than those of the adapter")
    return AdapterRecord(
        schema="adapter.v1",
        modules=modules,
        num_trainable=num_trainable,
        base_start_sha256=start_sha256,
        base_end_sha256=base_sha256(model),
        merged_sha256=merged_sha256,
    )


def base_sha256(model: Any) -> str:
    """Digest of the frozen parameters by the names that they have without an adapter."""
    return named_sha256(_base_parameters(model))


def adapter_sha256(model: Any) -> str:
    """Digest of the adapter by the names that it is saved under."""
    return named_sha256(
        (saved_name(name), one) for name, one in model.named_parameters() if one.requires_grad
    )


def saved_name(name: str) -> str:
    """The name that peft saves a parameter of its adapter under."""
    return name.replace(f".{_NAME}.", ".")


def _base_parameters(model: Any) -> Iterator[tuple[str, Any]]:
    for name, one in model.named_parameters():
        if not one.requires_grad:
            yield _base_name(name), one


def _base_name(name: str) -> str:
    return name.removeprefix(PREFIX).replace(".base_layer.", ".")


def save_adapter(model: Any, folder: Path) -> None:
    """The adapter as peft saves it, and the configuration of its base in a folder of its own.

    Written here, since peft adds a model card full of blanks, and lists what it targets in no
    order.
    """
    folder.mkdir(parents=True, exist_ok=True)
    state = get_peft_model_state_dict(model, save_embedding_layers=False)
    tensors = {name: one.detach().cpu().contiguous() for name, one in state.items()}
    save_file(tensors, folder / layout.ADAPTER_WEIGHTS[_IN_FILES:], metadata={"format": "pt"})
    config = copy.copy(model.peft_config[_NAME])
    config.inference_mode = True
    if not isinstance(config.target_modules, str):
        config.target_modules = sorted(config.target_modules)
    config.save_pretrained(str(folder))
    base = folder / layout.BASE_CONFIG[_IN_FILES:]
    model.get_base_model().config.save_pretrained(base.parent)


def with_adapter(base: Any, output: Path) -> Any:
    """The model of a training as it was saved: its base, with the adapter beside it.

    Raises StageFailure where the base is not the one that was trained on.
    """
    record = decode(AdapterRecord, jsonio.load_document((output / layout.ADAPTER).read_bytes()))
    if named_sha256(base.named_parameters()) != record.base_end_sha256:
        raise StageFailure(
            INPUT_CHANGED,
            "the model that the adapter is for has other weights than it was trained beside: put "
            "back what was there",
        )
    model = PeftModel.from_pretrained(base, str(output / layout.FINAL_MODEL), is_trainable=False)
    return model.get_base_model()
