"""Stages that are run once for each of several seeds, told apart by name.

Responsible for what `seeds` amounts to: of a training stage one for each seed, each with the seed
as its own setting, and evaluations of each. Which of them belong together is said by their group.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from msgspec import field
from msgspec.structs import replace

from evidence import layout
from evidence.records.milestone import Milestone, StageSpec
from evidence.records.record import Record
from evidence.stages.eval import EVAL
from evidence.stages.train import TRAIN

SEEDS: Final = "seeds"
SEED: Final = "seed"
"""The key of [train], and the stage that a milestone without [[stage]] is run as: seed_1, …"""
OF_STAGE: Final = "stage:"
_UNSTAGED: Final = (StageSpec(SEED, "train"), StageSpec(EVAL.name, "eval"))


class Expanded(Record):
    """A stage as it is run: of one with seeds, one for each of them."""

    spec: StageSpec
    index: int | None
    """Which [[stage]] of the file it comes from, from 0; None where there are none."""
    group: str | None = None
    """Of a training with seeds, the name that it has in the file."""
    seed_at: str = ""
    """Pointer to its seed in the file, where that stands among `seeds`."""
    groups: dict[str, str] = field(default_factory=dict)
    """Of an evaluation: the group of each checkpoint that has one."""


def expanded(milestone: Milestone) -> Iterator[Expanded]:
    """Every [[stage]] in order, those with seeds once for each; without [[stage]], a training for
    each of the milestone's seeds and one evaluation of all."""
    groups: dict[str, str] = {}
    members: dict[str, list[str]] = {}
    for index, spec in enumerate(milestone.stage or _unstaged(milestone)):
        at = index if milestone.stage else None
        if spec.kind != TRAIN.name:
            of = tuple(one for name in spec.of for one in members.get(name, (name,)))
            yield Expanded(replace(spec, of=of), at, groups=dict(groups))
            continue
        if not spec.seeds:
            yield Expanded(spec, at)
            continue
        place = f"/{SEEDS}" if at is None else f"/{layout.STAGE}/{at}/{SEEDS}"
        for number, seed in enumerate(spec.seeds):
            name = numbered(spec.name, number)
            members.setdefault(spec.name, []).append(name)
            groups[name] = spec.name
            own = replace(
                spec,
                name=name,
                init=_checkpoint(spec.init, members, number),
                train={**spec.train, SEED: seed},
                seeds=(),
            )
            yield Expanded(own, at, spec.name, f"{place}/{number}")


def numbered(name: str, number: int) -> str:
    """What a stage is called that is run with the seed of this number, from 0."""
    return f"{name}_{number + 1}"


def _unstaged(milestone: Milestone) -> tuple[StageSpec, ...]:
    training, evaluation = _UNSTAGED
    return (replace(training, seeds=milestone.seeds), evaluation)


def _checkpoint(init: str, members: dict[str, list[str]], number: int) -> str:
    """What the stage of a seed begins from: of a stage with the same seeds, that of its seed."""
    begun = members.get(init.removeprefix(OF_STAGE)) if init.startswith(OF_STAGE) else None
    return init if begun is None else f"{OF_STAGE}{begun[number]}"
