"""Weights by tensor: which moved differently, and which stand in each other's place. Pure.

Responsible for what weights.json allows to say. It has three root mean squares a tensor and no
tensor, so that equal numbers tell of equal tensors only where many agree.
"""

from __future__ import annotations

import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, islice
from typing import Final

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.comparison import (
    ExchangeRecord,
    Measure,
    TensorDifference,
    WeightsComparison,
)
from evidence.records.tensors import TensorMovement
from evidence.stages.train import ADAPTER, WEIGHTS

Tensors = Mapping[str, TensorMovement]

MEASURES: Final[tuple[Measure, ...]] = ("rms_start", "rms_end", "rms_moved")
NOT_CROSSED: Final = 5.0
"""So many times nearer two tensors must be to each other's partner than to their own name, and so
many times farther from their own name than tensors are that nobody exchanged."""
CROSSED: Final = 3.0
"""And at most so many times as far from the partner as other tensors are from their own name;"""
PLAINLY_CROSSED: Final = 50.0
"""or so many times nearer to it than to their own name: small tensors round more than others."""
EQUAL: Final = 1e-6
"""Relative: root mean squares in float32 of the same numbers, summed in another order."""
MIN_LAYERS: Final = 2
"""One layer alone may agree by chance."""
MAX_KINDS: Final = 100
"""Kinds of tensor that are paired: more than any architecture has."""
MAX_EXCHANGES: Final = 20
"""That are looked for: whoever exchanged more exchanged everything."""
_NUMBER: Final = re.compile(r"(?<![^.])\d+(?![^.])")


def compare_weights(first: Documents, other: Documents) -> WeightsComparison | Unavailable:
    """Tensor by tensor; unavailable where a pack has none, or sampled other numbers of them."""
    before, after = first.document(WEIGHTS), other.document(WEIGHTS)
    for found, which in ((before, "first"), (after, "other")):
        if found is None:
            return Unavailable(f"the {which} pack has no {WEIGHTS.path}")
    if before is None or after is None:
        return Unavailable("there is none")
    if (first.document(ADAPTER) is None) != (other.document(ADAPTER) is None):
        return Unavailable("those of one are of an adapter, and of the other of a whole model")
    if before.compared_every != after.compared_every:
        every = f"{before.compared_every} and {after.compared_every}"
        return Unavailable(f"they hold one of every {every} numbers of a tensor")
    one = {tensor.name: tensor for tensor in before.tensors}
    two = {tensor.name: tensor for tensor in after.tensors}
    common = sorted(name for name in one if name in two and one[name].shape == two[name].shape)
    return WeightsComparison(
        same_start=before.start_sha256 == after.start_sha256,
        same_end=before.end_sha256 == after.end_sha256,
        tensors=tuple(_difference(one[name], two[name]) for name in common),
        only_in_one=tuple(sorted({*one, *two} - {*common})),
        exchanged=tuple(exchanges(one, two, common)),
    )


def apart(one: float, two: float) -> float:
    """|one − two| by the larger of the two; 0 where both are 0."""
    largest = max(abs(one), abs(two))
    return abs(one - two) / largest if largest else 0.0


def _difference(one: TensorMovement, two: TensorMovement) -> TensorDifference:
    return TensorDifference(
        name=one.name,
        rms_start=(one.rms_start, two.rms_start),
        rms_end=(one.rms_end, two.rms_end),
        rms_moved=(one.rms_moved, two.rms_moved),
        start_difference=apart(one.rms_start, two.rms_start),
        end_difference=apart(one.rms_end, two.rms_end),
        moved_difference=apart(one.rms_moved, two.rms_moved),
    )


def exchanges(one: Tensors, two: Tensors, names: Sequence[str]) -> Iterator[ExchangeRecord]:
    """Pairs of tensors, the same in every layer, that stand in each other's place.

    Both must be near each other's partner in every layer, and far from their own name, measured by
    how far apart tensors are that stand where they should.
    """
    return islice(_exchanges(one, two, names), MAX_EXCHANGES)


def _exchanges(one: Tensors, two: Tensors, names: Sequence[str]) -> Iterator[ExchangeRecord]:
    kinds: dict[str, dict[str, str]] = {}
    for name in names:
        kinds.setdefault(_NUMBER.sub("*", name), {})[".".join(_NUMBER.findall(name))] = name
    several = [kind for kind, layers in kinds.items() if len(layers) >= MIN_LAYERS][:MAX_KINDS]
    for kind, partner in combinations(several, 2):
        if kinds[kind].keys() != kinds[partner].keys():
            continue
        layers = [(kinds[kind][key], kinds[partner][key]) for key in kinds[kind]]
        if all(one[a].shape == one[b].shape for a, b in layers):
            for measure in MEASURES:
                yield from _exchanged((kind, partner), layers, one, two, names, measure)


def _exchanged(
    kinds: tuple[str, str],
    layers: Sequence[tuple[str, str]],
    one: Tensors,
    two: Tensors,
    names: Sequence[str],
    measure: Measure,
) -> Iterator[ExchangeRecord]:
    def distance(here: str, there: str) -> float:
        return apart(getattr(one[here], measure), getattr(two[there], measure))

    own = [(distance(x, x) + distance(y, y)) / 2 for x, y in layers]
    crossed = [(distance(x, y) + distance(y, x)) / 2 for x, y in layers]
    if any(far <= near for far, near in zip(own, crossed, strict=True)):
        return
    far, near = statistics.fmean(own), statistics.fmean(crossed)
    if far < NOT_CROSSED * max(near, EQUAL):
        return
    paired = {name for pair in layers for name in pair}
    usual = _median([distance(name, name) for name in names if name not in paired])
    if _are_crossed(far, near, max(usual, EQUAL)):
        yield ExchangeRecord(kinds, measure, len(layers), far, near, usual)


def _are_crossed(own: float, crossed: float, usual: float) -> bool:
    near = crossed <= max(CROSSED * usual, own / PLAINLY_CROSSED)
    return near and own >= NOT_CROSSED * max(usual, crossed)


def _median(values: Sequence[float]) -> float:
    return statistics.median(values) if values else 0.0
