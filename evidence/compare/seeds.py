"""Packs that differ in the seed of training alone: mean and spread of their numbers. Pure.

Responsible for which packs are among them, and for naming why another is not. What is different
is what `configuration` says of two packs; ids and gates compute nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from evidence.compare.configuration import configuration
from evidence.pack.documents import Documents
from evidence.records.comparison import (
    MeasureRecord,
    SeedLeftOut,
    SeedMeasure,
    SeedsComparison,
)
from evidence.results.context import Context
from evidence.rules.differences import differences
from evidence.rules.spread import spread

_SEED: Final = "train.seed"
_NUMBERS: Final = (
    "train.loss_end",
    "train.loss_mean",
    "probe.loss_after",
    "train.runtime_s",
)
_MAX_NAMED: Final = 3


def over_seeds(
    labels: Sequence[str], packs: Sequence[Documents], measures: Sequence[MeasureRecord]
) -> SeedsComparison | None:
    """Mean and spread over the first pack and those that differ from it in their seed alone; None
    where there is no such pack."""
    seeds: dict[int, int] = {}  # by place
    left_out: list[SeedLeftOut] = []
    for index, pack in enumerate(packs):
        seed = _seed(pack)
        taken = {one: labels[at] for at, one in seeds.items()}
        why = _why_not(packs[0], pack, seed, taken)
        if why or seed is None:
            left_out.append(SeedLeftOut(index, why))
        else:
            seeds[index] = seed
    if 0 not in seeds or len(seeds) < 2:
        return None
    return SeedsComparison(
        packs=tuple(seeds),
        seeds=tuple(seeds.values()),
        left_out=tuple(left_out),
        measures=tuple(
            _over(labels, tuple(seeds), one)
            for one in measures
            if one.name in _NUMBERS or one.name.endswith(".rate")
        ),
    )


def _seed(pack: Documents) -> int | None:
    plan = Context(pack).plan
    if plan is None or plan.given_train is None or pack.milestone.is_staged:
        return None
    return plan.given_train.seed


def _why_not(first: Documents, pack: Documents, seed: int | None, taken: dict[int, str]) -> str:
    """Why a pack is none of them; empty where it is one. `taken`: who has a seed already."""
    if seed is None:
        complete = Context(pack).plan is not None
        return "it does not train with one seed" if complete else "no attempt of it completed"
    apart = [
        row.key
        for row in differences([configuration(first), configuration(pack)])
        if row.key not in (_SEED, "milestone.id") and not row.key.startswith("gate.")
    ]
    if apart:
        more = f" and {len(apart) - _MAX_NAMED} more" if len(apart) > _MAX_NAMED else ""
        return f"it also differs in {', '.join(apart[:_MAX_NAMED])}{more}"
    return f"it has the seed of {taken[seed]}, {seed}" if seed in taken else ""


def _over(labels: Sequence[str], packs: Sequence[int], measure: MeasureRecord) -> SeedMeasure:
    numbers = {index: measure.values[index].value for index in packs}
    lacking = [labels[index] for index, number in numbers.items() if number is None]
    found = spread([one for one in numbers.values() if one is not None], lacking)
    return SeedMeasure(measure.name, measure.title, found)
