"""One digest of all parameters of a model, the same in every framework that holds the same ones.

Responsible for what is hashed, and in which order. Pure: who holds the parameters brings their
bytes. The digest is SHA-256 over the tensors sorted by name; of each: the name in UTF-8, NUL, the
number format as safetensors names it, NUL, the shape as decimal numbers with commas, NUL, the
numbers row by row, little-endian.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256

from evidence.records.record import Record


class Tensor(Record):
    """One parameter, by its name in the safetensors of transformers."""

    name: str
    dtype: str
    """F32, BF16, F16, as safetensors names them."""
    shape: Sequence[int]
    data: Callable[[], bytes | memoryview]
    """Its numbers, row by row, little-endian: asked for when its turn comes."""


def weights_sha256(tensors: Iterable[Tensor]) -> str:
    """The digest, in hexadecimal."""
    found = sha256()
    for one in sorted(tensors, key=lambda tensor: tensor.name):
        shape = ",".join(map(str, one.shape))
        found.update(f"{one.name}\0{one.dtype}\0{shape}\0".encode())
        found.update(one.data())
    return found.hexdigest()
