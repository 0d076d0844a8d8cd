"""A seed that is set on the command line and that no run has, since each has one of several.

Responsible for saying so, and what to set instead.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from evidence.milestone.overrides import Applied, said, spelled
from evidence.records.milestone import Milestone
from evidence.records.overrides import Setting
from evidence.stages.seeds import SEED, SEEDS
from evidence.stages.train import TRAIN

_NUM_SEEDS: Final = 2**32


def without_effect(milestone: Milestone, made: Applied) -> Iterator[str]:
    """What is wrong with a train.seed that was set, where every training has seeds."""
    trained = [spec for spec in milestone.stage if spec.kind == TRAIN.name]
    if not milestone.seeds and not (trained and all(spec.seeds for spec in trained)):
        return
    key, seeds = SEEDS, milestone.seeds
    if not seeds:
        key, seeds = f"stage.{trained[0].name}.{SEEDS}", trained[0].seeds
    for one, place in zip(made.overrides, made.places, strict=True):
        if place == (TRAIN.name, SEED):
            others = [one.value, (one.value + 1) % _NUM_SEEDS]
            yield (
                f"{said(one)}: no run would have it: {key} = {spelled(list(seeds))} says the seed "
                f"of each; for others {said(Setting(key, others))}"
            )
