"""Protocol buffers as they lie in bytes, and the shortest digits of their single-precision numbers.

Source: https://protobuf.dev/programming-guides/encoding. Responsible for fields by their numbers;
what a field means is said by whoever asks. Groups, which nobody writes any more, end a message.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Final, TypeAlias

from evidence.errors import MalformedError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_VARINT_BYTES: Final = 10
MAX_FIELDS: Final = 6_000_000
"""Of one file: a scalar of TensorBoard takes nine."""
Field: TypeAlias = tuple[int, int, int | bytes]
"""Number, wire type, and the value: an integer, or bytes."""


def fields(data: bytes) -> Iterator[Field]:
    """The fields of a message, in order. Raises MalformedError where it breaks off."""
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        number, kind = key >> 3, key & 7
        if kind == VARINT:
            value, at = _varint(data, at)
            yield number, kind, value
            continue
        if kind == BYTES:
            length, at = _varint(data, at)
        else:
            length = {FIXED64: 8, FIXED32: 4}.get(kind, -1)
        if length < 0 or at + length > len(data):
            raise MalformedError("a message breaks off")
        yield number, kind, data[at : at + length]
        at += length


class Meter:
    """Goes through the messages of one file, and stops where they cost more than any run's."""

    def __init__(self, max_fields: int = MAX_FIELDS) -> None:
        self._left = max_fields

    def fields(self, data: bytes) -> Iterator[Field]:
        """The fields of a message, in order. Raises MalformedError."""
        for field in fields(data):
            self._left -= 1
            if self._left < 0:
                raise MalformedError("has more fields than are read: those before are kept")
            yield field


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(MAX_VARINT_BYTES):
        if at + place >= len(data):
            raise MalformedError("a number breaks off")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise MalformedError("a number has no end")


def signed(value: int) -> int:
    """An int64 as it is written."""
    return value - (1 << 64) if value >= 1 << 63 else value


def zigzag(value: int) -> int:
    """A sint64 as it is written."""
    return (value >> 1) ^ -(value & 1)


def text(value: int | bytes) -> str:
    """A string; what is no UTF-8 is shown as such."""
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def double(value: int | bytes) -> float:
    """A double of 8 bytes. Raises MalformedError."""
    return _unpacked("<d", value)


def single(value: int | bytes) -> float:
    """A float of 4 bytes. Raises MalformedError."""
    return _unpacked("<f", value)


def _unpacked(form: str, value: int | bytes) -> float:
    if not isinstance(value, bytes) or len(value) != struct.calcsize(form):
        raise MalformedError("a number has another width than its kind")
    return float(struct.unpack(form, value)[0])


def digits_of_single(value: float) -> str:
    """The fewest digits that name this single-precision number and no other."""
    for digits in range(1, 10):
        shown = f"{value:.{digits}g}"
        try:
            if struct.pack("<f", float(shown)) == struct.pack("<f", value):
                return shown
        except OverflowError:
            continue
    return repr(value)
