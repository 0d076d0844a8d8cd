"""Scalars and texts of TensorBoard's event files: TFRecord frames around `Event` messages.

Source: tensorflow/core/util/event.proto and summary.proto. Scalars are single precision; a step is
what the program said, an epoch is not known unless it was logged.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from evidence.errors import MalformedError
from evidence.foreign import wire
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Place
from evidence.foreign.wire import Meter

MAX_EVENT_BYTES: Final = 8 << 20
HEADER_BYTES: Final = 12
"""A length of 8 bytes and its checksum; after the message, another checksum of 4."""
_EVENT_STEP, _EVENT_SUMMARY = 2, 5
_VALUE_TAG, _VALUE_SIMPLE, _VALUE_TENSOR = 1, 2, 8
_TENSOR_TYPE, _TENSOR_CONTENT, _TENSOR_FLOATS, _TENSOR_STRINGS = 1, 4, 5, 8
_TYPE_FLOAT: Final = 1


def is_events(name: str) -> bool:
    """Whether a file is named as TensorBoard names them."""
    return ".tfevents." in name


def facts(stream: BinaryIO, file: str) -> Iterator[Fact]:
    """Each scalar and text with its step. Raises MalformedError where a frame is broken; a last
    frame that is cut off ends the file, as a killed run leaves it."""
    row, meter = 0, Meter()
    while header := stream.read(HEADER_BYTES):
        if len(header) < HEADER_BYTES:
            return
        length = struct.unpack("<Q", header[:8])[0]
        if length > MAX_EVENT_BYTES:
            raise MalformedError(f"event {row + 1} would be {length} bytes long")
        frame = stream.read(length + 4)
        if len(frame) < length + 4:
            return
        yield from _event(frame[:length], file, row, meter)
        row += 1


def _event(data: bytes, file: str, row: int, meter: Meter) -> Iterator[Fact]:
    step, summary = 0, b""
    for number, kind, value in meter.fields(data):
        if (number, kind) == (_EVENT_STEP, wire.VARINT) and isinstance(value, int):
            step = wire.signed(value)
        elif (number, kind) == (_EVENT_SUMMARY, wire.BYTES) and isinstance(value, bytes):
            summary = value
    for number, kind, value in meter.fields(summary):
        if (number, kind) == (1, wire.BYTES) and isinstance(value, bytes):
            fact = _value(value, file, row, step, meter)
            if fact is not None:
                yield fact


def _value(data: bytes, file: str, row: int, step: int, meter: Meter) -> Fact | None:
    tag = ""
    said: float | str | None = None
    for number, kind, value in meter.fields(data):
        if (number, kind) == (_VALUE_TAG, wire.BYTES):
            tag = wire.text(value)[:MAX_NAME_CHARS]
        elif (number, kind) == (_VALUE_SIMPLE, wire.FIXED32):
            said = wire.single(value)
        elif (number, kind) == (_VALUE_TENSOR, wire.BYTES) and isinstance(value, bytes):
            said = _tensor(value, meter)
    if said is None:
        return None
    place = Place(file, None, tag)
    if isinstance(said, str):
        return Fact(tag, said, said, place, row, step)
    shown = wire.digits_of_single(said)
    return Fact(tag, said if math.isfinite(said) else shown, shown, place, row, step)


def _tensor(data: bytes, meter: Meter) -> float | str | None:
    """A lone float or string; anything larger is no scalar."""
    kind_of, floats, strings = 0, b"", []
    for number, _, value in meter.fields(data):
        if number == _TENSOR_TYPE and isinstance(value, int):
            kind_of = value
        elif number in (_TENSOR_CONTENT, _TENSOR_FLOATS) and isinstance(value, bytes):
            floats += value
        elif number == _TENSOR_STRINGS:
            strings.append(wire.text(value)[:MAX_TEXT_CHARS])
    if kind_of == _TYPE_FLOAT and len(floats) == 4:
        return wire.single(floats)
    return strings[0] if len(strings) == 1 else None
