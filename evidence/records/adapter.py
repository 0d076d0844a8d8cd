"""What LoRA trained beside a model that stayed as it was: adapter.json.

Responsible for the record alone. What was asked for is `training.LoraSpec`; how far each tensor of
the adapter moved stands in weights.json.
"""

from __future__ import annotations

from typing import Final, Literal

from evidence.records.record import Record

PREFIX: Final = "base_model.model."
"""What peft puts before the name of a layer, in its files."""
PARTS: Final = ("lora_A", "lora_B")


class AdaptedModule(Record):
    """A linear layer of the model that has two matrices beside it."""

    name: str
    """In the model, without its adapter: model.layers.0.self_attn.q_proj."""
    num_in: int
    """Numbers that go into the layer,"""
    num_out: int
    """and that come out of it."""


class AdapterRecord(Record, omit_defaults=True):
    """adapter.json"""

    schema: Literal["adapter.v1"]
    modules: tuple[AdaptedModule, ...]
    """Sorted by name."""
    num_trainable: int
    """Numbers that the optimizer may move."""
    base_start_sha256: str
    """Of all parameters of the model beside the adapter, before the first step
    (`rules.weights_digest`),"""
    base_end_sha256: str
    """and after the last one."""
    merged_sha256: str | None = None
    """Of all parameters of the model with the adapter added to them, as it is saved. None: the
    adapter alone is."""


def shapes(module: AdaptedModule, rank: int) -> dict[str, tuple[int, int]]:
    """The two matrices of a layer, by the names that peft saves them under."""
    first, second = (f"{PREFIX}{module.name}.{part}.weight" for part in PARTS)
    return {first: (rank, module.num_in), second: (module.num_out, rank)}


def num_numbers(module: AdaptedModule, rank: int) -> int:
    """How many numbers these have: rank · (in + out)."""
    return rank * (module.num_in + module.num_out)
