"""Safetensors as arrays of NumPy, bfloat16 among them, by the names that transformers gives them.

Responsible for reading a model's folder and for writing one file. Which tensors a model needs is
said by `names`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import ml_dtypes
import numpy as np
from safetensors import serialize_file

from evidence.backends.tunix.names import Tensors
from evidence.worker.interface import StageFailure

_DTYPES: Final[dict[str, Any]] = {
    "F64": np.float64,
    "F32": np.float32,
    "F16": np.float16,
    "BF16": ml_dtypes.bfloat16,
}
FORMATS: Final[dict[str, str]] = {"float32": "F32", "bfloat16": "BF16"}
"""Number formats of [train] as safetensors names them."""
_INDEX: Final = "model.safetensors.index.json"
_ONE: Final = "model.safetensors"
_LENGTH_BYTES: Final = 8
_METADATA: Final = {"format": "pt"}
"""What transformers writes, too: it says whose names the tensors have."""


def dtype_of(name: str) -> Any:
    """The number format of [train] as NumPy has it."""
    return _DTYPES[FORMATS[name]]


def read_folder(folder: Path, wanted: Mapping[str, tuple[int, ...]], dtype: str) -> Tensors:
    """The tensors of these names and shapes, in one number format. Raises StageFailure."""
    found: Tensors = {}
    for path in _files(folder):
        for name, array in _read(path):
            if name in wanted:
                found[name] = np.asarray(array, dtype=dtype_of(dtype))
    lacking = [name for name in wanted if name not in found]
    if lacking:
        raise StageFailure(
            "requirement-not-met",
            f"the weights of {folder} lack {lacking[0]} (and {len(lacking) - 1} more): they are of "
            "another model than its config.json, or not all files are there",
        )
    for name, shape in wanted.items():
        if found[name].shape != shape:
            raise StageFailure(
                "requirement-not-met",
                f"{name} in the weights of {folder} has the shape {list(found[name].shape)}, and "
                f"its config.json makes it {list(shape)}: they are of another model",
            )
    return found


def write_file(path: Path, tensors: Mapping[str, Any]) -> None:
    """One safetensors file. Every array is copied to the memory of the machine first."""
    content: dict[str, Any] = {}
    for name, tensor in tensors.items():
        array = np.asarray(tensor, order="C")  # ascontiguousarray adds a dimension to a scalar
        content[name] = {
            "dtype": str(array.dtype),
            "shape": list(array.shape),
            "data": array.tobytes(),
        }
    serialize_file(content, str(path), _METADATA)


def read_file(path: Path) -> Tensors:
    """Every tensor of one file."""
    return dict(_read(path))


def _files(folder: Path) -> tuple[Path, ...]:
    index = folder / _INDEX
    if index.is_file():
        names = json.loads(index.read_bytes())["weight_map"].values()
        return tuple(folder / name for name in sorted(set(names)))
    if (folder / _ONE).is_file():
        return (folder / _ONE,)
    raise StageFailure(
        "requirement-not-met",
        f"{folder} has neither {_ONE} nor {_INDEX}: copy the weights there, as safetensors",
    )


def _read(path: Path) -> Iterator[tuple[str, Any]]:
    """Names and arrays, which are read from the file when they are used."""
    with path.open("rb") as stream:
        length = int.from_bytes(stream.read(_LENGTH_BYTES), "little")
        header = json.loads(stream.read(length))
    content = np.memmap(path, dtype=np.uint8, mode="r", offset=_LENGTH_BYTES + length)
    for name, described in header.items():
        if name == "__metadata__":
            continue
        begin, end = described["data_offsets"]
        dtype = _DTYPES.get(described["dtype"])
        if dtype is None:
            dtype = np.dtype(_INTEGERS.get(described["dtype"], "V1"))
        yield name, content[begin:end].view(dtype).reshape(described["shape"])


_INTEGERS: Final = {"I64": "<i8", "I32": "<i4", "U32": "<u4", "I16": "<i2", "U8": "u1", "I8": "i1"}
"""What the state of an optimizer counts with."""
