"""An events file read back by the layout of its records: length, its sum, event, its sum.

Responsible for tests that ask what is in one; that TensorBoard itself reads it is asked of it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

import pytest


def events(data: bytes) -> Iterator[Any]:
    """Every event, in order. Both sums of a record must be those of its bytes."""
    event_pb2 = pytest.importorskip("tensorboard.compat.proto.event_pb2")
    from tensorboard.compat.tensorflow_stub.pywrap_tensorflow import masked_crc32c

    at = 0
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        body = data[at + 12 : at + 12 + length]
        sums = (masked_crc32c(data[at : at + 8]), masked_crc32c(body))
        assert (data[at + 8 : at + 12], data[at + 12 + length : at + 16 + length]) == tuple(
            struct.pack("<I", one) for one in sums
        )
        yield event_pb2.Event.FromString(body)
        at += 16 + length


def words(data: bytes) -> str:
    """All that an events file says, in text."""
    return "\n".join(part for event in events(data) for part in _words(event))


def _words(event: Any) -> Iterator[str]:
    for value in event.summary.value:
        yield value.tag
        yield value.metadata.summary_description
        yield from (one.decode("utf-8") for one in value.tensor.string_val)
        yield from map(repr, value.tensor.float_val)
