"""What the weights of a model are, and how far training moved them.

Responsible for parameters, buffers and embedding tables by name and number, and for the numbers
that differ between the first step and the last. What the model is otherwise is said by `models`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Final

import torch
from torch.optim.optimizer import register_optimizer_step_post_hook

from evidence.backends.transformers.quantised import quantised_parts
from evidence.backends.transformers.sharding import whole
from evidence.records.inputs import TensorRecord
from evidence.records.tensors import TensorMovement, WeightsRecord
from evidence.rules.weights_digest import Tensor, weights_sha256

MAX_COMPARED: Final = 1 << 24
"""Numbers that are kept to be compared: all of a small model, of a large one evenly many of each
tensor."""

_FORMATS: Final = {
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.float16: "F16",
    torch.float64: "F64",
    torch.uint8: "U8",
}
"""Number formats as safetensors names them."""


def embedding_tables(model: Any) -> tuple[TensorRecord, ...]:
    """Every table that ids, positions or types are looked up in, each once."""
    tables = {
        f"{name}.weight"
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.Embedding)
    }
    return tuple(
        TensorRecord(name, parameter.numel())
        for name, parameter in model.named_parameters()
        if name in tables
    )


def saved_buffers(model: Any) -> tuple[TensorRecord, ...]:
    """Buffers that are saved with the parameters."""
    saved = model.state_dict().keys()
    return tuple(
        TensorRecord(name, buffer.numel())
        for name, buffer in model.named_buffers()
        if name in saved
    )


def num_kept_in_float32(model: Any, dtype: str) -> int:
    """Parameters that are float32 in a model of another number format."""
    if dtype == "float32":
        return 0
    return sum(one.numel() for one in model.parameters() if one.dtype == torch.float32)


class Movement:
    """The weights before training, held against those after it. Counts optimizer steps meanwhile.

    Only what an optimizer may move is compared: neither buffers nor frozen parameters. `digest` is
    of the model, `named` gives the names that its parameters are saved under.
    """

    def __init__(
        self,
        model: Any,
        start_sha256: str | None = None,
        digest: Callable[[Any], str] | None = None,
        named: Callable[[str], str] = str,
    ) -> None:
        self._model = model
        self._digest, self._named = digest or parameters_sha256, named
        self._num_steps = 0
        self._start_sha256 = start_sha256 or self._digest(model)
        total = sum(parameter.numel() for _, parameter in _trained(model))
        self._every = max(1, -(-total // MAX_COMPARED))
        self._before = {name: self._sample(one) for name, one in _trained(model)}

    def __enter__(self) -> Movement:
        self._hook = register_optimizer_step_post_hook(self._stepped)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._hook.remove()

    def _stepped(self, *_: Any) -> None:
        self._num_steps += 1

    def _sample(self, parameter: Any) -> Any:
        return whole(parameter.detach()).flatten()[:: self._every].to("cpu", copy=True)

    def sha256(self) -> str:
        """Digest of the weights as they are now."""
        return self._digest(self._model)

    def record(self) -> WeightsRecord:
        """weights.json: digests of all parameters, and how far each tensor moved."""
        return WeightsRecord(
            schema="weights.v1",
            start_sha256=self._start_sha256,
            end_sha256=self.sha256(),
            compared_every=self._every,
            tensors=tuple(
                _moved(self._named(name), parameter, self._before[name], self._sample(parameter))
                for name, parameter in sorted(
                    _trained(self._model), key=lambda pair: self._named(pair[0])
                )
            ),
        )

    def facts(self) -> dict[str, int]:
        """How many numbers were compared and how many differ, those of embeddings apart."""
        tables = {one.name for one in embedding_tables(self._model)}
        counts = {
            "num_compared": 0,
            "num_changed": 0,
            "num_compared_in_embeddings": 0,
            "num_changed_in_embeddings": 0,
        }
        for name, parameter in _trained(self._model):
            before, after = self._before[name], self._sample(parameter)
            changed = int((before != after).sum())
            counts["num_compared"] += before.numel()
            counts["num_changed"] += changed
            if name in tables:
                counts["num_compared_in_embeddings"] += before.numel()
                counts["num_changed_in_embeddings"] += changed
        return {**counts, "compared_every": self._every, "num_optimizer_steps": self._num_steps}


def parameters_sha256(model: Any) -> str:
    """Digest of all parameters as they are now: `rules.weights_digest`."""
    return named_sha256(model.named_parameters())


def named_sha256(parameters: Iterable[tuple[str, Any]]) -> str:
    """The same of some of them, by the names that they are to have in it."""
    return weights_sha256(
        Tensor(part, _FORMATS[tensor.dtype], tuple(tensor.shape), partial(_bytes, tensor))
        for name, parameter in parameters
        for part, tensor in ((name, parameter), *quantised_parts(name, parameter))
    )


def _bytes(parameter: Any) -> memoryview:
    raw = whole(parameter.detach()).to("cpu").contiguous().flatten().view(torch.uint8)
    return memoryview(raw.numpy())


def _moved(name: str, parameter: Any, before: Any, after: Any) -> TensorMovement:
    start, end = before.double(), after.double()
    return TensorMovement(
        name=name,
        shape=tuple(parameter.shape),
        num_compared=before.numel(),
        rms_start=_rms(start),
        rms_end=_rms(end),
        rms_moved=_rms(end - start),
    )


def _rms(numbers: Any) -> float:
    return float(numbers.square().mean().sqrt()) if numbers.numel() else 0.0


def _trained(model: Any) -> Iterator[tuple[str, Any]]:
    return (
        (name, parameter) for name, parameter in model.named_parameters() if parameter.requires_grad
    )
