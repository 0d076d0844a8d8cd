"""Other seeds: which ones, and how a milestone in a worktree gets one.

The change is made in the milestone's own file, so that the new pack records it as what it is: a
difference from its commit.
"""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.errors import UsageError
from evidence.milestone.overrides import applied
from evidence.milestone.parse import document_in, parse_milestone
from evidence.milestone.plan import plan_attempts
from evidence.records.overrides import Setting
from evidence.records.run import AttemptPlan

MAX_SEED = 2**32 - 1


def other_seeds(seed: int, count: int) -> list[int]:
    """The `count` seeds that follow; after the largest comes 0."""
    return [(seed + offset) % (MAX_SEED + 1) for offset in range(1, count + 1)]


def set_seed(root: Path, milestone: str, attempt: str, seed: int) -> None:
    """Write [train] seed, or that of the attempt where it has one of its own, comments kept."""
    import tomlkit  # to run over seeds only
    from tomlkit.items import AbstractTable, AoT

    path = layout.milestone_file(root, milestone)
    document = tomlkit.parse(path.read_text("utf-8"))
    tables = document["attempt"]
    own = None
    if isinstance(tables, AoT):
        own = next((one.get("train") for one in tables if one["name"] == attempt), None)
    table = own if own is not None and "seed" in own else document["train"]
    if isinstance(table, AbstractTable):
        table["seed"] = seed
    path.write_text(tomlkit.dumps(document), "utf-8", newline="\n")
    plans = plan_attempts(parse_milestone(path.read_bytes()))
    if next(plan.train.seed for plan in plans if plan.name == attempt) != seed:
        raise UsageError(
            f"{path.name}: the seed of the attempt {attempt} could not be changed to {seed}",
            hint="Write [train] as a table of its own.",
        )


def without_seed(
    settings: tuple[Setting, ...], source: bytes, plan: AttemptPlan
) -> tuple[Setting, ...]:
    """Settings of a run but for the seed of training, which is about to be another one."""
    seeds = (("train", "seed"), ("attempt", plan.number - 1, "train", "seed"))
    places = applied(document_in(source), settings).places
    return tuple(one for one, place in zip(settings, places, strict=True) if place not in seeds)
