"""Headers of safetensors files: how many numbers of which kind there are. Weights are not read."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator
from typing import BinaryIO, Final

from evidence import limits
from evidence.errors import MalformedError
from evidence.foreign.facts import Fact, Place

LENGTH_BYTES: Final = 8


def header_facts(stream: BinaryIO, file: str) -> Iterator[Fact]:
    """Parameters and tensors, whole and by their types. Raises MalformedError."""
    length = int.from_bytes(stream.read(LENGTH_BYTES), "little")
    if not 2 <= length <= limits.MAX_SAFETENSORS_HEADER_BYTES:
        raise MalformedError(f"its header would be {length} bytes long")
    try:
        header = json.loads(stream.read(length))
        tensors = {name: one for name, one in header.items() if name != "__metadata__"}
        counts: Counter[str] = Counter()
        for one in tensors.values():
            counts[str(one["dtype"])] += math.prod(int(size) for size in one["shape"])
    except (ValueError, RecursionError, TypeError, KeyError, AttributeError) as error:
        raise MalformedError(f"its header is not one of safetensors: {error!r:.100}") from error
    place = Place(file, None, "header")
    yield Fact("num_tensors", len(tensors), str(len(tensors)), place)
    yield Fact("num_parameters", counts.total(), str(counts.total()), place)
    for kind, count in sorted(counts.items()):
        yield Fact("num_parameters", count, str(count), place, scope=(kind,))
