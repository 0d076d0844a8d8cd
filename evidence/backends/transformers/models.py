"""Models: loaded from the hub, a folder, or made with seeded random weights.

Responsible for what starts training and for saying exactly what it is. PyTorch and transformers
live here and in the modules beside it; only the worker imports them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig, AutoModelForCausalLM, GenerationConfig

from evidence.backends import identity
from evidence.backends.transformers.devices import device_of, name_of, uuid_of, without_cuda
from evidence.backends.transformers.quantised import in_4_bit, in_4_bit_of, num_numbers
from evidence.backends.transformers.weights import (
    embedding_tables,
    num_kept_in_float32,
    parameters_sha256,
    saved_buffers,
)
from evidence.records.availability import Unavailable
from evidence.records.capture import TorchRecord
from evidence.records.inputs import ModelRecord
from evidence.records.milestone import ModelSpec
from evidence.records.run import AttemptPlan
from evidence.records.training import Quantised
from evidence.worker.interface import StageFailure
from evidence.worker.model_folders import causal_types, why_not_causal


def make_repeatable(plan: AttemptPlan) -> None:
    """Fix threads, seeds and kernels before anything is computed."""
    if plan.threads is not None:
        torch.set_num_threads(plan.threads)
    torch.set_num_interop_threads(1)
    transformers.set_seed(plan.numerics.seed)
    if plan.numerics.deterministic:
        torch.use_deterministic_algorithms(True)
        torch.backends.cudnn.benchmark = False
        torch.backends.cuda.matmul.allow_tf32 = False
        torch.backends.cudnn.allow_tf32 = False


def framework_record(plan: AttemptPlan) -> TorchRecord:
    """The framework as this worker sees it."""
    device = device_of(plan)
    cudnn: int | None = None
    if torch.cuda.is_available():
        cudnn = torch.backends.cudnn.version()  # type: ignore[no-untyped-call]  # torch leaves it so
    return TorchRecord(
        torch_version=str(torch.__version__),
        transformers_version=str(transformers.__version__),
        cuda_version=torch.version.cuda or without_cuda(),
        cudnn_version=str(cudnn) if cudnn else Unavailable("no CUDA device in use"),
        device=str(device),
        device_name=name_of(device),
        num_threads=torch.get_num_threads(),
        num_interop_threads=torch.get_num_interop_threads(),
        deterministic_algorithms=torch.are_deterministic_algorithms_enabled(),
        matmul_precision=torch.get_float32_matmul_precision(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        device_uuid=uuid_of(device),
    )


def load_model(
    spec: ModelSpec,
    root: Path,
    dtype: torch.dtype,
    device: torch.device,
    declared: GenerationConfig | None = None,
    quantise: Quantised | None = None,
) -> Any:
    """The model before training, on its device. Hub access uses the user's own cache and token.

    `declared` is what its folder declares of generation; without it transformers looks by itself.
    `quantise`: the format that its linear layers are kept in.
    """
    if spec.config is not None:
        config = AutoConfig.from_pretrained(root / spec.config)
        torch.manual_seed(spec.init_seed or 0)
        _refuse_class(config)
        with torch.device(device):  # made where it is used: no float32 copy of 2B weights first
            model = AutoModelForCausalLM.from_config(config, dtype=dtype)
        if quantise is not None:
            model = in_4_bit_of(model, quantise, dtype, device)
        model.generation_config = declared or model.generation_config
        return refuse_other_class(model)
    source = str(root / spec.path) if spec.path is not None else spec.id
    revision = spec.revision or "main"
    _refuse_class(AutoConfig.from_pretrained(source, revision=revision))
    if quantise is not None:
        loading = {"revision": revision, "use_safetensors": True, "generation_config": declared}
        return refuse_other_class(in_4_bit(source, quantise, dtype, device, **loading))
    model = AutoModelForCausalLM.from_pretrained(
        source, revision=revision, dtype=dtype, use_safetensors=True, generation_config=declared
    )
    return refuse_other_class(model).to(device)


def refuse_other_class(model: Any) -> Any:
    """The model. What is saved has its own configuration, which may be a part of the one that was
    read (the text model of mllama), and must be one that evaluation can load. transformers loads an
    adapter of the hub with a base that nobody named, where peft is installed."""
    _refuse_class(model.config)
    if getattr(model, "_hf_peft_config_loaded", False):
        text = "the model is an adapter: name the model that it is for, and train a new one"
        raise StageFailure("requirement-not-met", text)
    return model


def _refuse_class(config: Any) -> None:
    """One sentence in place of the names of 200 classes."""
    reason = why_not_causal(config.to_dict(), causal_types())
    if reason:
        raise StageFailure("requirement-not-met", f"the model cannot be trained on: {reason}")


def model_record(
    spec: ModelSpec, root: Path, model: Any, dtype: str, quantise: Quantised | None = None
) -> ModelRecord:
    """What the model is, for inputs.json."""
    counted = identity.Counted(
        num_parameters=sum(map(num_numbers, model.parameters())),
        dtype=dtype,
        embedding_tables=embedding_tables(model),
        buffers=saved_buffers(model),
        num_kept_in_float32=num_kept_in_float32(model, dtype),
        weights_sha256=parameters_sha256(model),
        quantised=quantise,
    )
    return identity.model_record(spec, root, model.config, counted)
