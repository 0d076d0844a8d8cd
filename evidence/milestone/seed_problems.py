"""What is wrong with the seeds of a milestone, as far as the file alone tells.

Responsible for `seeds` of the milestone and of its stages. A seed that is set and that no run has
is `seed_settings`' to find.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from evidence import limits
from evidence.records.milestone import Milestone, StageSpec
from evidence.stages.eval import EVAL
from evidence.stages.seeds import OF_STAGE, SEED, SEEDS, numbered
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""


def seed_problems(milestone: Milestone) -> list[Problem]:
    """Every problem of `seeds`."""
    found = [*_of_milestone(milestone)]
    for index, spec in enumerate(milestone.stage):
        if spec.seeds:
            found += _of_stage(f"/stage/{index}", spec, milestone.stage)
        found += _of_start(f"/stage/{index}/init", spec, milestone.stage[:index])
    if milestone.seeds or any(spec.seeds for spec in milestone.stage):
        found += _of_attempts(milestone)
    return found or [*_too_many(milestone)]


def _of_milestone(milestone: Milestone) -> Iterator[Problem]:
    if not milestone.seeds:
        return
    if milestone.stage:
        yield f"/{SEEDS}", "with [[stage]], seeds are of a training stage: write them there"
    elif milestone.given_train is None or milestone.given_eval is None:
        yield f"/{SEEDS}", "seeds are of a training: they need [model], [train] and [eval]"
    yield from _twice(f"/{SEEDS}", milestone.seeds)


def _of_stage(place: str, spec: StageSpec, stages: Sequence[StageSpec]) -> Iterator[Problem]:
    if spec.kind != TRAIN.name:
        yield f"{place}/{SEEDS}", "are of training stages; an evaluation is of each of theirs"
        return
    yield from _twice(f"{place}/{SEEDS}", spec.seeds)
    if SEED in spec.train:
        yield f"{place}/train/{SEED}", f"is one seed, and `{SEEDS}` says the seed of each run"
    own = {numbered(spec.name, number) for number in range(len(spec.seeds))}
    for index, other in enumerate(stages):
        if other.name in own:
            text = f"{other.name!r} is what a run of stage {spec.name!r} with one of its seeds is "
            yield f"/stage/{index}/name", f"{text}called: name it else"


def _of_start(place: str, spec: StageSpec, before: Sequence[StageSpec]) -> Iterator[Problem]:
    """A stage begins from one checkpoint: that of its own seed, where there are several."""
    name = spec.init.removeprefix(OF_STAGE)
    parent = next((one for one in before if OF_STAGE + one.name == spec.init), None)
    if spec.kind != TRAIN.name or parent is None or not parent.seeds or spec.seeds == parent.seeds:
        return
    seeds = list(dict.fromkeys(parent.seeds))
    if len(seeds) != len(parent.seeds):
        return  # which is refused by itself: nothing can be advised before that
    yield (
        place,
        f"stage {name!r} has {len(parent.seeds)} seeds, and as many checkpoints: begin from each "
        f"with the same seeds here ({SEEDS} = {seeds}), or give it none",
    )


def _of_attempts(milestone: Milestone) -> Iterator[Problem]:
    for index, attempt in enumerate(milestone.attempts):
        if SEED in attempt.train:
            text = f"is one seed, and `{SEEDS}` says the seed of each run, in every attempt"
            yield f"/attempt/{index}/train/{SEED}", text


def _twice(place: str, seeds: Sequence[int]) -> Iterator[Problem]:
    for number, seed in enumerate(seeds):
        if seeds.index(seed) != number:
            yield f"{place}/{number}", f"the seed {seed} is used twice"


def _too_many(milestone: Milestone) -> Iterator[Problem]:
    """Before anything is made of them: a stage of each seed, checkpoint and data set."""
    trained: dict[str, int] = {}
    num_stages = 0
    for index, spec in enumerate(milestone.stage):
        if spec.kind == EVAL.name:
            of = [trained.get(name, 1) for name in spec.of] or list(trained.values())
            num_stages += sum(of) * max(1, len(spec.data))
        else:
            trained[spec.name] = len(spec.seeds) or 1
            num_stages += trained[spec.name]
        if num_stages > limits.MAX_STAGES:
            text = f"with seeds, checkpoints and data sets that is more than {limits.MAX_STAGES}"
            yield f"/stage/{index}", f"{text} stages: write several milestones"
            return
