"""Models whose linear layers are kept in 4 bit, through bitsandbytes (QLoRA, Dettmers et al. 2023).

Responsible for loading them, and for what they are: how many numbers they stand for, and the parts
that those are computed from. What is trained beside them is `lora`'s.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from transformers import AutoModelForCausalLM, BitsAndBytesConfig

from evidence.records.training import Quantised
from evidence.worker.interface import StageFailure

NO_PACKAGE = 'train.quantise needs the Python package bitsandbytes: pip install "evidence-pack'


def in_4_bit(
    source: Path | str | None,
    form: Quantised,
    dtype: torch.dtype,
    device: torch.device,
    **loading: Any,
) -> Any:
    """The model of a folder or of the hub, its linear layers but the output head in 4 bit.

    Its configuration says nothing of it, so that it is the one that was read. Raises StageFailure
    without bitsandbytes.
    """
    how = BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=form == "nf4-double",
        bnb_4bit_compute_dtype=dtype,
    )
    try:
        model = AutoModelForCausalLM.from_pretrained(
            source, dtype=dtype, quantization_config=how, device_map={"": device}, **loading
        )
    except ImportError as error:
        raise StageFailure("requirement-not-met", f'{NO_PACKAGE}[quantised]"') from error
    for one in model.modules():
        if hasattr(one, "support_avx512bf16_for_cpu"):
            # Else evaluation would lay the weights out anew, and they had another digest after it.
            one.support_avx512bf16_for_cpu = False
    del model.config.quantization_config
    return model


def in_4_bit_of(made: Any, form: Quantised, dtype: torch.dtype, device: torch.device) -> Any:
    """The same of a model that lies in memory: it is saved for a moment."""
    with TemporaryDirectory() as folder:
        made.save_pretrained(folder)
        return in_4_bit(folder, form, dtype, device)


def num_numbers(parameter: Any) -> int:
    """How many numbers it stands for: two of them share a byte in 4 bit."""
    state = getattr(parameter, "quant_state", None)
    return int(parameter.numel()) if state is None else math.prod(state.shape)


def quantised_parts(name: str, parameter: Any) -> Iterator[tuple[str, Any]]:
    """What the numbers of a parameter in 4 bit are computed from besides it: the factor of each
    block, the 16 values, and their form, as bitsandbytes saves them; nothing of any other."""
    state = getattr(parameter, "quant_state", None)
    if state is not None:
        for key, part in state.as_dict(packed=True).items():
            yield f"{name}.{key}", part
