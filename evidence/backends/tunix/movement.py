"""How far training moved the weights, and digests of them before and after.

Responsible for weights.json and for the counts beside it, as `transformers.weights` makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

import numpy as np

from evidence.backends.tunix.names import EMBEDDING
from evidence.backends.tunix.tensors import FORMATS
from evidence.records.tensors import TensorMovement, WeightsRecord
from evidence.rules.weights_digest import Tensor, weights_sha256

MAX_COMPARED: Final = 1 << 24
"""Numbers that are kept to be compared: all of a small model, of a large one evenly many of each
tensor."""


def digest_of(tensors: Mapping[str, Any]) -> str:
    """Digest of all parameters: `rules.weights_digest`."""
    return weights_sha256(
        Tensor(name, FORMATS[str(one.dtype)], one.shape, partial(_bytes, one))
        for name, one in tensors.items()
    )


class Movement:
    """The weights before training, to be held against those after it."""

    def __init__(self, before: Mapping[str, Any], start_sha256: str) -> None:
        self._start_sha256 = start_sha256
        total = sum(one.size for one in before.values())
        self._every = max(1, -(-total // MAX_COMPARED))
        self._before = {name: self._sample(one) for name, one in before.items()}

    def _sample(self, tensor: Any) -> Any:
        return np.array(tensor.reshape(-1)[:: self._every])

    def record(self, after: Mapping[str, Any]) -> WeightsRecord:
        """weights.json"""
        return WeightsRecord(
            schema="weights.v1",
            start_sha256=self._start_sha256,
            end_sha256=digest_of(after),
            compared_every=self._every,
            tensors=tuple(
                _moved(name, tensor.shape, self._before[name], self._sample(tensor))
                for name, tensor in sorted(after.items())
            ),
        )

    def facts(self, after: Mapping[str, Any], num_optimizer_steps: int) -> dict[str, int]:
        """How many numbers were compared and how many differ, those of the embedding apart."""
        compared = {name: one.size for name, one in self._before.items()}
        changed = {
            name: int((self._before[name] != self._sample(tensor)).sum())
            for name, tensor in after.items()
        }
        return {
            "num_compared": sum(compared.values()),
            "num_changed": sum(changed.values()),
            "num_compared_in_embeddings": compared[EMBEDDING],
            "num_changed_in_embeddings": changed[EMBEDDING],
            "compared_every": self._every,
            "num_optimizer_steps": num_optimizer_steps,
        }


def _bytes(tensor: Any) -> memoryview:
    raw: Any = np.ascontiguousarray(tensor).reshape(-1).view(np.uint8)
    return memoryview(raw)


def _moved(name: str, shape: tuple[int, ...], before: Any, after: Any) -> TensorMovement:
    start, end = before.astype(np.float64), after.astype(np.float64)
    return TensorMovement(
        name=name,
        shape=tuple(shape),
        num_compared=before.size,
        rms_start=_rms(start),
        rms_end=_rms(end),
        rms_moved=_rms(end - start),
    )


def _rms(numbers: Any) -> float:
    return float(np.sqrt(np.mean(np.square(numbers)))) if numbers.size else 0.0
