"""The header of a safetensors file, checked without loading a tensor.

Responsible for the format as https://github.com/huggingface/safetensors states it: eight bytes of
length, a JSON object, and a buffer that the tensors tile without overlap, hole or rest. Pure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, Final

from msgspec import Struct, field

from evidence import limits
from evidence.encoding import jsonio
from evidence.errors import MalformedError, PastLimitError, UnsafePackError
from evidence.records.record import Record
from evidence.verification.problem import Problem, shown

LENGTH_BYTES: Final = 8
METADATA: Final = "__metadata__"
BITS_OF: Final = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8,
    "U16": 16, "I16": 16, "F16": 16, "BF16": 16,
    "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64, "C64": 64,
}  # fmt: skip
_MAX_ELEMENTS: Final = 2**48
_MAX_DIMENSIONS: Final = 64
"""As in PyTorch. The product of a hundred thousand numbers takes minutes."""
_RUNNABLE_STARTS: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05", b"PK\x03\x04")
"""Pickles of protocol 2 to 5, and the zip archives that torch.save writes around them."""


class Tensor(Record):
    """One tensor as its header entry describes it."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int

    @property
    def num_elements(self) -> int:
        """Product of the shape; 1 for a scalar."""
        return math.prod(self.shape)


class Header(Struct):
    """Tensors by name, and what is wrong with the file's form."""

    tensors: dict[str, Tensor] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


def read_header(path: str, head: bytes, size_bytes: int) -> Header:
    """Check the start of a file of `size_bytes`. Raises UnsafePackError for a disguised pickle or
    a header past the limits."""
    if head.startswith(_RUNNABLE_STARTS):
        text = "is a pickle or archive under the name of safetensors; it is never loaded"
        raise UnsafePackError("disguised-pickle", path, text)
    length = int.from_bytes(head[:LENGTH_BYTES], "little")
    if len(head) >= LENGTH_BYTES and length > limits.MAX_SAFETENSORS_HEADER_BYTES:
        text = f"header of {length} bytes, more than {limits.MAX_SAFETENSORS_HEADER_BYTES}"
        raise UnsafePackError("past-limit", path, text)
    header = Header()
    if len(head) < LENGTH_BYTES or len(head) < LENGTH_BYTES + length:
        header.problems.append(Problem(path, "ends before its header does"))
        return header
    entries = _entries(path, head[LENGTH_BYTES : LENGTH_BYTES + length], header)
    for name, entry in entries.items():
        if name == METADATA:
            header.problems.extend(_metadata_problems(path, entry))
        elif (tensor := _tensor(entry)) is None:
            text = f"the tensor {shown(name)} has no valid dtype, shape and offsets"
            header.problems.append(Problem(path, text))
        else:
            header.tensors[name] = tensor
    header.problems.extend(_tiling(path, header.tensors, size_bytes - LENGTH_BYTES - length))
    return header


def _entries(path: str, data: bytes, header: Header) -> dict[str, Any]:
    if not data.startswith(b"{"):
        header.problems.append(Problem(path, "the header does not begin with {"))
        return {}
    try:
        value: dict[str, Any] = jsonio.load_document(data.rstrip(b" "))  # it begins with {
    except PastLimitError as error:
        raise UnsafePackError("past-limit", path, f"the header: {error.message}") from error
    except MalformedError as error:
        header.problems.append(Problem(path, f"the header: {error.message}"))
        return {}
    if len(value) > limits.MAX_TENSORS:
        raise UnsafePackError("past-limit", path, f"more than {limits.MAX_TENSORS} tensors")
    return value


def _metadata_problems(path: str, entry: Any) -> Iterator[Problem]:
    if not isinstance(entry, dict) or not all(isinstance(v, str) for v in entry.values()):
        yield Problem(path, "the metadata of the header are not text by text")


def _tensor(entry: Any) -> Tensor | None:
    if not isinstance(entry, dict) or entry.keys() != {"dtype", "shape", "data_offsets"}:
        return None
    dtype, shape, offsets = entry["dtype"], entry["shape"], entry["data_offsets"]
    if dtype not in BITS_OF or not _counts(shape) or not _counts(offsets) or len(offsets) != 2:
        return None
    if len(shape) > _MAX_DIMENSIONS:
        return None
    return Tensor(dtype=dtype, shape=tuple(shape), begin=offsets[0], end=offsets[1])


def _counts(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(one, int) and not isinstance(one, bool) and 0 <= one <= _MAX_ELEMENTS
        for one in value
    )


def _tiling(path: str, tensors: dict[str, Tensor], buffer_bytes: int) -> Iterator[Problem]:
    """Each tensor has the bytes of its shape; together they cover the buffer exactly."""
    position = 0
    for name, tensor in sorted(tensors.items(), key=lambda item: (item[1].begin, item[1].end)):
        expected = tensor.num_elements * BITS_OF[tensor.dtype] // 8
        if tensor.end - tensor.begin != expected:
            text = f"the tensor {shown(name)} has other bytes than its shape and dtype need"
            yield Problem(path, text, expected, tensor.end - tensor.begin)
        if tensor.begin != position:
            what = "overlaps the one before" if tensor.begin < position else "leaves a hole"
            text = f"the tensor {shown(name)} {what}"
            yield Problem(path, text, f"begins at {position}", f"begins at {tensor.begin}")
        position = max(position, tensor.end)
    if position != buffer_bytes:
        text = "the tensors do not end where the file ends"
        yield Problem(path, text, f"{position} bytes of tensors", f"{buffer_bytes} bytes")
