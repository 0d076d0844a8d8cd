"""The `.wandb` file of a run of Weights & Biases that was kept offline: history, summary, settings.

Source: wandb/proto/wandb_internal.proto, and the log format of LevelDB around it: a header, then
blocks of 32 KiB with frames of checksum, length and kind. Synced runs leave JSON and YAML instead.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import BinaryIO, Final

from evidence.errors import MalformedError
from evidence.foreign import wire
from evidence.foreign.facts import MAX_NAME_CHARS, MAX_TEXT_CHARS, Fact, Place, Value
from evidence.foreign.tables import fact, json_of, leaves
from evidence.foreign.wire import Meter

MAGIC: Final = b":W&B"
HEADER_BYTES: Final = 7
BLOCK_BYTES: Final = 32 * 1024
FRAME_BYTES: Final = 7
MAX_RECORD_BYTES: Final = 4 << 20
_FULL, _FIRST, _LAST = 1, 2, 4
_HISTORY, _SUMMARY, _CONFIG, _RUN, _EXIT = 2, 3, 5, 17, 18
_KEY, _NESTED_KEY, _BOOLEAN, _INTEGER, _NUMBER, _TEXT, _JSON, _VALUE_JSON = 1, 2, 4, 5, 6, 7, 8, 16
STEP: Final = "_step"


def facts(stream: BinaryIO, file: str) -> Iterator[Fact]:
    """What the run logged, row by row. Raises MalformedError."""
    if stream.read(HEADER_BYTES)[: len(MAGIC)] != MAGIC:
        raise MalformedError("does not begin as a .wandb file does")
    meter = Meter()
    for row, record in enumerate(_records(stream)):
        for number, _, value in meter.fields(record):
            if isinstance(value, bytes):
                yield from _of_record(number, value, file, row, meter)


def _records(stream: BinaryIO) -> Iterator[bytes]:
    """Records put together from their frames. A last one that is cut off is left out."""
    parts: list[bytes] = []
    at, size_bytes = HEADER_BYTES, 0
    while True:
        room = BLOCK_BYTES - at % BLOCK_BYTES
        if room < FRAME_BYTES:
            stream.read(room)
            at += room
            continue
        head = stream.read(FRAME_BYTES)
        if len(head) < FRAME_BYTES:
            return
        length, kind = int.from_bytes(head[4:6], "little"), head[6]
        data = stream.read(length)
        at += FRAME_BYTES + length
        if len(data) < length or not kind:
            return
        if kind in (_FULL, _FIRST):
            parts, size_bytes = [], 0
        size_bytes += length
        if size_bytes <= MAX_RECORD_BYTES:  # a larger one holds no numbers of a run
            parts.append(data)
        if kind in (_FULL, _LAST) and size_bytes <= MAX_RECORD_BYTES:
            yield b"".join(parts)


def _of_record(number: int, data: bytes, file: str, row: int, meter: Meter) -> Iterator[Fact]:
    place = Place(file, None, f"record {row + 1}")
    if number == _HISTORY:
        items = [item for n, item in _messages(data, meter) if n == 1]
        pairs = [pair for pair in (_item(item, meter) for item in items) if pair is not None]
        step = next((v for name, v in pairs if name == STEP and isinstance(v, (int, float))), None)
        for name, value in pairs:
            yield from _leaves(name, value, place, row, step, ())
    elif number in (_SUMMARY, _CONFIG, _RUN):
        yield from _settings(number, data, place, meter)
    elif number == _EXIT:
        codes = [v for n, _, v in meter.fields(data) if n == 1 and isinstance(v, int)]
        code = wire.signed(codes[0]) if codes else 0
        yield fact("exit_code", code, place, scope=("exit",))


def _settings(number: int, data: bytes, place: Place, meter: Meter) -> Iterator[Fact]:
    if number == _RUN:  # its own configuration is one of its fields
        for inner, value in _messages(data, meter):
            if inner == 4:
                yield from _settings(_CONFIG, value, place, meter)
        return
    scope = ("summary",) if number == _SUMMARY else ("config",)
    for inner, item in _messages(data, meter):
        pair = _item(item, meter) if inner == 1 else None
        if pair is not None and not pair[0].startswith("_wandb"):
            yield from _leaves(*pair, place, None, None, scope)


def _leaves(
    name: str,
    value: object,
    place: Place,
    row: int | None,
    step: float | None,
    scope: tuple[str, ...],
) -> Iterator[Fact]:
    for path, leaf in leaves(value, name):
        yield fact(path, leaf, place, row, step, scope)


def _messages(data: bytes, meter: Meter) -> Iterator[tuple[int, bytes]]:
    return (
        (n, value)
        for n, kind, value in meter.fields(data)
        if kind == wire.BYTES and isinstance(value, bytes)
    )


def _item(data: bytes, meter: Meter) -> tuple[str, object] | None:
    """A key and its value, in whichever of its forms it was written."""
    keys: list[str] = []
    value: object = None
    for number, _, said in meter.fields(data):
        if number in (_KEY, _NESTED_KEY):
            keys.append(wire.text(said)[:MAX_NAME_CHARS])
        else:
            value = _said(number, said, value)
    return (".".join(keys), value) if keys else None


def _said(number: int, said: int | bytes, before: object) -> object:
    if number == _NUMBER:
        number_said = wire.double(said)
        return number_said if math.isfinite(number_said) else repr(number_said)
    if number in (_BOOLEAN, _INTEGER) and isinstance(said, int):
        read: Value = bool(said) if number == _BOOLEAN else wire.zigzag(said)
        return read
    if number == _TEXT:
        return wire.text(said)[:MAX_TEXT_CHARS]
    if number in (_JSON, _VALUE_JSON):
        try:
            return json_of(wire.text(said))
        except (ValueError, RecursionError, json.JSONDecodeError):
            return wire.text(said)[:MAX_TEXT_CHARS]
    return before
