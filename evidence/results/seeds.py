"""Values over several seeds: mean, spread and range of a number of each run, and who has none.

Responsible for which runs and numbers belong together. The arithmetic is `rules.spread`'s; a run
whose number was not measured is left out by its name, never counted as 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.evaluation import SpreadRecord
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.run import LEVELS, ValueRecord
from evidence.results.context import Context, Value, Values, at, join, known, unknown
from evidence.rules.spread import spread
from evidence.stages.eval import EVAL
from evidence.stages.seeds import SEEDS
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN

NO_NAMES: Final = "none"
_OF_TRAINING: Final = (
    "train.loss_start",
    "train.loss_end",
    "train.loss_mean",
    "train.loss_ratio",
    "train.runtime_s",
    "train.samples_per_s",
    "train.peak_memory_bytes",
    "train.weights_changed_share",
    "probe.loss_before",
    "probe.loss_after",
)
_OF_EVALUATION: Final = ("eval.runtime_s",)
_NUMBERS: Final = (
    ("mean", "mean-over-seeds"),
    ("sample_sd", "sample-sd-over-seeds"),
    ("min", "min-over-seeds"),
    ("max", "max-over-seeds"),
)


_MISSING: Final = unknown("this run does not have it", "")


class Group(Record):
    """Stages that differ in the seed of their training alone, in the order of the seeds."""

    name: str
    """What their values over all of them begin with."""
    stages: tuple[Stage, ...]

    @property
    def is_named(self) -> bool:
        """Whether it comes from a [[stage]] of the file, which may have others."""
        return self.name != SEEDS

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numbers of one of them that are told over all."""
        first = self.stages[0]
        if first.kind is TRAIN:
            return _OF_TRAINING
        rates = (f"eval.{name}.rate" for name in first.milestone.eval.all_scorers)
        means = (f"eval.{name}.mean" for name in first.milestone.eval.measured)
        return (*rates, *means, *_OF_EVALUATION) if first.kind is EVAL else ()


def groups_of(milestone: Milestone) -> tuple[Group, ...]:
    """The groups of a milestone, in order; none where every training has one seed."""
    found: dict[str, list[Stage]] = {}
    for stage in stages_of(milestone):
        if stage.group is not None:
            found.setdefault(stage.group, []).append(stage)
    return tuple(
        Group(SEEDS if milestone.seeds else f"{SEEDS}.{name}", tuple(stages))
        for name, stages in found.items()
    )


def seed_values(context: Context, values: Mapping[str, ValueRecord]) -> Values:
    """seeds.*, from the values of the stages."""
    for group in groups_of(context.documents.milestone):
        for number in group.numbers:
            names = {stage.name: stage.value(number) for stage in group.stages}
            runs = {name: values.get(value, _MISSING) for name, value in names.items()}
            place = join(*(at(layout.RESULTS, "values", one, "value") for one in names.values()))
            name = f"{group.name}.{number}"
            if context.plan is None:
                yield from _nothing(name, context.why_not, _unit(runs), place)
            else:
                yield from _over(name, runs, place)


def spread_in(values: Mapping[str, ValueRecord], name: str) -> SpreadRecord | Unavailable:
    """What results.json says of a number over several seeds, by the name without the last part."""
    mean = values[f"{name}.mean"]
    low, high = (_number(values[f"{name}.{key}"].value) for key in ("min", "max"))
    centre, runs = _number(mean.value), _number(values[f"{name}.num_runs"].value)
    if centre is None or low is None or high is None or runs is None:
        return Unavailable(mean.unavailable or "no reason recorded")
    sd, left_out = values[f"{name}.sample_sd"], values[f"{name}.left_out"].value
    deviation = _number(sd.value)
    why = Unavailable(sd.unavailable or "no reason recorded")
    return SpreadRecord(
        num_runs=int(runs),
        mean=centre,
        sample_sd=why if deviation is None else deviation,
        min=low,
        max=high,
        range=high - low,
        left_out=() if left_out == NO_NAMES else tuple(str(left_out).split(", ")),
    )


def _over(name: str, runs: Mapping[str, ValueRecord], place: str) -> Values:
    """Of the runs that have the number; a number that is told as text is none."""
    numbers = {run: _number(record.value) for run, record in runs.items()}
    has = [run for run, number in numbers.items() if number is not None]
    left_out = [run for run in runs if run not in has]
    found = spread([one for one in numbers.values() if one is not None], left_out)
    unit = _unit(runs)
    level = max((one.level for one in runs.values()), key=LEVELS.index)
    made = dict(_numbers(name, found, unit, place))
    made[f"{name}.num_runs"] = known(len(has), "runs", place, "runs-over-seeds")
    for key, names in (("runs", has), ("left_out", left_out)):
        text = ", ".join(names) or NO_NAMES
        made[f"{name}.{key}"] = known(text, "", place, f"{key.replace('_', '-')}-over-seeds")
    yield from ((key, replace(record, level=level)) for key, record in made.items())


def _numbers(name: str, found: SpreadRecord | Unavailable, unit: str, place: str) -> Values:
    for key, rule in _NUMBERS:
        one = found if isinstance(found, Unavailable) else getattr(found, key)
        full = f"{name}.{key}"
        if isinstance(one, Unavailable):
            yield full, unknown(one.reason, unit, place, rule)
        else:
            yield full, known(one, unit, place, rule)


def _nothing(name: str, why: str, unit: str, place: str) -> Values:
    for key, rule in _NUMBERS:
        yield f"{name}.{key}", unknown(why, unit, place, rule)
    yield f"{name}.num_runs", unknown(why, "runs", place, "runs-over-seeds")
    for key in ("runs", "left_out"):
        yield f"{name}.{key}", unknown(why, "", place, f"{key.replace('_', '-')}-over-seeds")


def _unit(runs: Mapping[str, ValueRecord]) -> str:
    return next((one.unit for one in runs.values() if one is not _MISSING), "")


def _number(value: Value | None) -> float | int | None:
    return None if isinstance(value, (bool, str)) else value
