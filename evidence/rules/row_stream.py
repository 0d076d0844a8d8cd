"""The row stream: a hash chain over what the model was fed, in order. Pure.

Two runs fed the same rows in the same order, cut into the same optimizer steps, have the same
chain, however rows were grouped into tensors or a run was interrupted.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Final

from evidence.encoding.digest import chain

START: Final = "0" * 64


def add_row(stream: str, source_row: int, ids: Sequence[int], labels: Sequence[int]) -> str:
    """Chain after one more unpadded row: its place in the data, its ids, its labels.

    Numbers are little-endian: the row as 8 bytes, ids and labels as 4 bytes each.
    """
    return chain(
        stream,
        struct.pack("<q", source_row),
        struct.pack(f"<{len(ids)}i", *ids),
        struct.pack(f"<{len(labels)}i", *labels),
    )


def end_step(stream: str, step: int) -> str:
    """Chain after the boundary of an optimizer step."""
    return chain(stream, b"step", struct.pack("<q", step))
