"""What is wrong with [launch] in a milestone, as far as the file alone tells.

Responsible for stages that no several processes can compute, for steps that they cannot divide, and
for settings that were not tried where they divide the weights.
Which backends have several processes is `running.launching`'s.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence.records.milestone import FSDP, Milestone
from evidence.records.record import Record

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
KEY = "gradient_accumulation"
_TRIED: Final[dict[str, tuple[Any, ...]]] = {
    "optimizer": ("adamw_torch",),
    "dtype": ("float32", "bfloat16"),
    "mixed_precision": ("no",),
    "gradient_checkpointing": (False,),
    "neftune_noise_alpha": (0,),
    "lora": (None,),
    "quantise": (None,),
    "extra": ({},),
}
"""Values of [train] that were tried where weights are divided: all others are refused there."""


def launch_problems(milestone: Milestone) -> Iterator[Problem]:
    """Every problem of [launch]."""
    if milestone.processes == 1:
        if milestone.strategy == FSDP:
            text = '"fsdp" divides the weights among several processes, and [launch] asks for one'
            yield "/launch/strategy", text
        return
    if milestone.given_train is None and milestone.given_eval is not None:
        yield "/launch", "is of trainings, and this milestone has no [train]"
        return
    if milestone.given_train is None:
        yield (
            "/launch",
            "is of trainings; a program starts its processes in its own command line, such as "
            "torchrun --nproc-per-node 2 train.py",
        )
        return
    for place, accumulation in _stated(milestone):
        if accumulation % milestone.processes:
            yield (
                f"{place}/{KEY}",
                f"{accumulation} is no multiple of [launch] processes ({milestone.processes}): "
                "each of them takes as many forward passes of a step",
            )
    if milestone.strategy == FSDP:
        yield from _not_tried(milestone)


def _not_tried(milestone: Milestone) -> Iterator[Problem]:
    """Settings that nobody tried where weights are divided."""
    whole = {key: getattr(milestone.train, key) for key in _TRIED}
    for place, table in (("/train", whole), *_tables(milestone)):
        for key, tried in _TRIED.items():
            if key not in table or table[key] in tried:
                continue
            found = "" if isinstance(table[key], dict | Record) else f" = {table[key]!r}"
            values = " or ".join(repr(one) for one in tried if one)
            instead = f"take {values}" if values else "leave it out"
            yield (
                f"{place}/{key}",
                f'{key}{found} is not tried where strategy = "fsdp" of [launch] divides the '
                f'weights: {instead}, or take strategy = "ddp"',
            )


def _stated(milestone: Milestone) -> Iterator[tuple[str, int]]:
    """Where the file says how many forward passes a step has, or leaves it to the default."""
    yield "/train", milestone.train.gradient_accumulation
    yield from ((place, table[KEY]) for place, table in _tables(milestone) if KEY in table)


def _tables(milestone: Milestone) -> list[tuple[str, dict[str, Any]]]:
    """What attempts and stages say of [train]."""
    return [
        *((f"/attempt/{n}/train", one.train) for n, one in enumerate(milestone.attempts)),
        *((f"/stage/{n}/train", one.train) for n, one in enumerate(milestone.stage)),
    ]
