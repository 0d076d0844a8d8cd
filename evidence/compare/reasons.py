"""Why two runs differ, as far as the facts allow. Pure.

Responsible for the order in which reasons stand, for stated settings, and for saying that nothing
is known where that is so. Rows, losses and weights have modules of their own.
"""

from __future__ import annotations

from collections.abc import Iterator

from evidence import layout
from evidence.compare.configuration import plan_of
from evidence.compare.function_reasons import function_reasons
from evidence.compare.functions import apart
from evidence.compare.pair import Pair
from evidence.compare.row_reasons import row_reasons
from evidence.compare.step_reasons import rounding_sources, step_reasons
from evidence.compare.weight_reasons import start_reasons, weight_reasons
from evidence.records.availability import Unavailable
from evidence.records.comparison import ReasonRecord
from evidence.results.conditions import EVALUATION, FURTHER, RATES, SETTINGS
from evidence.stages.command import COMMAND


def reasons(pair: Pair) -> tuple[ReasonRecord, ...]:
    """Empty where nothing differs."""
    if not (_differ(pair) or pair.unfinished):
        return ()
    found = (
        *_trained(pair),
        *row_reasons(pair),
        *start_reasons(pair),
        *_settings(pair),
        *_evaluations(pair),
        *step_reasons(pair),
        *weight_reasons(pair),
        *function_reasons(pair),
    )
    return found or (_unknown(pair),)


def _trained(pair: Pair) -> Iterator[ReasonRecord]:
    """One was trained, and the other evaluates a model as it is given."""
    trains = [plan_of(one).given_train is not None for one in (pair.first, pair.other)]
    of_programs = any(COMMAND.name in plan_of(one).stages for one in (pair.first, pair.other))
    if trains[0] != trains[1] and not of_programs:
        which, rest = ("first", "other") if trains[0] else ("other", "first")
        text = f"the {which} pack trains, and the {rest} one evaluates a model as it is given"
        yield ReasonRecord("settings", text, (f"{layout.MILESTONE}: [train]",))


def _differ(pair: Pair) -> bool:
    """Whether anything came out differently."""
    path, found, weights = pair.trajectory, pair.predictions, pair.weights
    return bool(
        path.first_loss_step is not None
        or path.first_stream_step is not None
        or path.num_steps[0] != path.num_steps[1]
        or found.changed
        or found.gained
        or found.lost
        or apart(pair.first, pair.other)
        or (not isinstance(weights, Unavailable) and not (weights.same_start and weights.same_end))
        or (
            not isinstance(pair.logits, Unavailable)
            and any(one.largest_difference > 0 for one in pair.logits.prompts)
        )
    )


def _settings(pair: Pair) -> Iterator[ReasonRecord]:
    """What the milestones state otherwise, and rates that follow from no setting."""
    known = (*(key for key, _ in SETTINGS), *FURTHER)
    names = [f"train.{key}" for key in known if pair.differs(f"train.{key}")]
    if names:
        shown = "; ".join(f"{pair.conditions[name].title} {_values(pair, name)}" for name in names)
        yield ReasonRecord("settings", f"stated differently: {shown}", tuple(names))
    elif pair.differs(RATES) and pair.same_settings:
        reason = pair.conditions[RATES].reason
        same_length = pair.trajectory.num_steps[0] == pair.trajectory.num_steps[1]
        why = "the schedule is computed in another way" if same_length else (
            "their schedules are over other numbers of steps"
        )  # fmt: skip
        text = f"the learning rates differ {reason}, though both state the same: {why}"
        yield ReasonRecord("rates", text, (RATES, "train.schedule", "train.learning_rate"))


def _evaluations(pair: Pair) -> Iterator[ReasonRecord]:
    """What the milestones state otherwise of the evaluation."""
    names = [one for one in pair.conditions if one.startswith(EVALUATION) and pair.differs(one)]
    if names:
        shown = "; ".join(f"{pair.conditions[name].title} {_values(pair, name)}" for name in names)
        yield ReasonRecord("settings", f"evaluated differently: {shown}", tuple(names))


def _values(pair: Pair, name: str) -> str:
    return " → ".join("none" if one is None else str(one) for one in pair.conditions[name].values)


def _unknown(pair: Pair) -> ReasonRecord:
    if pair.unfinished:
        which = " and the ".join(pair.unfinished)
        text = f"no attempt of the {which} pack completed, so what came out was not compared"
        return ReasonRecord("unknown", text, (f"{layout.MANIFEST}#/status",))
    sources = rounding_sources(pair)
    if sources:
        text = (
            f"nothing that should be the same is known to differ; recorded to differ: {sources[0]}"
        )
        more = f" and {len(sources) - 1} more, see the environments" if len(sources) > 1 else ""
        return ReasonRecord("unknown", f"{text}{more}", sources)
    return ReasonRecord("unknown", "nothing that is recorded explains it", ())
