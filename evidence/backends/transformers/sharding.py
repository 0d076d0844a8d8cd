"""A model whose weights are divided among the processes that train it (FSDP).

Responsible for dividing them by PyTorch's own `fully_shard`, for what one process holds of them,
and for whole tensors again where weights, gradients or the optimizer's state are read or written.
Every process must ask for those at the same place and in the same order: each has only its share.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import StateDictOptions, set_model_state_dict
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor import DTensor, distribute_tensor

from evidence.backends.transformers.quantised import num_numbers
from evidence.backends.transformers.ranks import Ranks
from evidence.worker.interface import StageFailure


def shard(model: Any, ranks: Ranks, device: torch.device) -> None:
    """Divide the weights in place: layer by layer, and what lies outside of all layers. A layer is
    put together for its own computation alone. Raises StageFailure."""
    mesh = init_device_mesh(device.type, (ranks.world,))
    named = set(getattr(model, "_no_split_modules", None) or ())
    layers = [one for one in model.modules() if type(one).__name__ in named and one is not model]
    _refuse_shared(model, layers)
    for layer in layers:
        fully_shard(layer, mesh=mesh, reshard_after_forward=True)
    fully_shard(model, mesh=mesh, reshard_after_forward=True)
    if any(not isinstance(one, DTensor) for one in model.parameters()):
        text = 'PyTorch left weights of this model undivided: take strategy = "ddp" in [launch]'
        raise StageFailure("requirement-not-met", text)


def _refuse_shared(model: Any, layers: list[Any]) -> None:
    """A weight of two layers would have to be in both shares. Raises StageFailure."""
    inside: set[int] = set()
    for layer in layers:
        own = {id(one) for one in layer.parameters()}
        if inside & own:
            text = "layers of this model share weights, or lie within each other: they are not "
            raise StageFailure("requirement-not-met", text + 'divided here; take strategy = "ddp"')
        inside |= own


def is_sharded(model: Any) -> bool:
    """Whether its weights are divided."""
    return any(isinstance(one, DTensor) for one in model.parameters())


def num_held(model: Any) -> int:
    """Numbers of its weights that this process has, counted in the memory that holds them."""
    return sum(
        one.to_local().numel() if isinstance(one, DTensor) else num_numbers(one)
        for one in model.parameters()
    )


def whole(tensor: Any) -> Any:
    """The tensor, of which this process may have its share alone."""
    return tensor.full_tensor() if isinstance(tensor, DTensor) else tensor


def whole_state(model: Any, *, is_kept: bool) -> dict[str, Any]:
    """What is saved of a model, in whole tensors in main memory; one that has several names is one.
    Who does not write (`is_kept`) lets each go as soon as it was put together, and has nothing."""
    parts = {id(one): _kept(one.detach(), is_kept) for one in model.parameters()}
    if not is_kept:
        return {}
    state = dict(model.state_dict())
    for name, one in model.named_parameters(remove_duplicate=False):
        if name in state:
            state[name] = parts[id(one)]
    return state


def _kept(value: Any, is_kept: bool) -> Any:
    if not isinstance(value, DTensor):
        return value
    together = value.full_tensor()
    return together.cpu() if is_kept else None


def load_whole(model: Any, state: dict[str, Any]) -> None:
    """Each process takes its share of `whole_state`. Names of one tensor may be there once."""
    options = StateDictOptions(full_state_dict=True, strict=False)
    set_model_state_dict(model, state, options=options)


def whole_optimizer(optimizer: Any, *, is_kept: bool) -> dict[str, Any]:
    """The state of an optimizer as it would be of undivided weights; kept likewise."""
    found = optimizer.state_dict()
    kept = {
        number: {key: _kept(value, is_kept) for key, value in one.items()}
        for number, one in found["state"].items()
    }
    return {**found, "state": kept}


def load_whole_optimizer(optimizer: Any, path: Path) -> None:
    """Each process takes its share of a saved `whole_optimizer`."""
    found = torch.load(path, map_location="cpu", weights_only=True)
    weights = [one for group in optimizer.param_groups for one in group["params"]]
    for number, one in found["state"].items():
        found["state"][number] = {key: _like(value, weights[number]) for key, value in one.items()}
    optimizer.load_state_dict(found)


def _like(value: Any, weight: Any) -> Any:
    """A tensor of the form of a weight is divided as that is; others are the same everywhere."""
    if not isinstance(weight, DTensor) or getattr(value, "shape", None) != weight.shape:
        return value
    return distribute_tensor(value, weight.device_mesh, weight.placements, src_data_rank=None)
