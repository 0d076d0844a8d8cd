"""What can be refused of each stage before a run: lengths, names, forms, values that gates name.

Responsible for the stages one by one. The milestone as a whole is `preflight`'s.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from msgspec.structs import replace

from evidence import layout
from evidence.data.examples import EvalExample, questions
from evidence.data.facts import DataSet
from evidence.data.read import load_data
from evidence.errors import DataError, MalformedError, MilestoneError
from evidence.milestone.plan import plan_attempts
from evidence.records.inputs import DataRecord
from evidence.records.milestone import DataSpec, Milestone
from evidence.records.run import AttemptPlan
from evidence.running import fitting, lengths, preferences
from evidence.running.forms import form_warnings
from evidence.running.kept_fit import steps_past_end
from evidence.running.place import Where
from evidence.running.text_fit import refuse_unfit_texts
from evidence.running.unfit import OUR_BACKEND
from evidence.stages.arms import chain_of
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import TRAIN


def check_stages(
    root: Path,
    milestone: Milestone,
    data: tuple[Mapping[str, DataRecord], Mapping[str, Mapping[str, DataRecord]]],
    of_parents: Collection[str],
    where: Where,
) -> list[str]:
    """Check every stage; `data`: the milestone's sets, and the sets of each stage with its own;
    `of_parents`: names of values of other packs."""
    everywhere, of_stages = data
    stages, sets = stages_of(milestone), Sets(root)
    warnings: list[str] = []
    for stage in stages:
        own = of_stages.get(stage.name, everywhere)
        first = chain_of(stage, stages)[0]
        warnings += _check_stage(sets, (stage, first), own, where.within(stage))
    warnings += _check_texts(sets, stages, where)
    of_each = {stage.name: sets.of(stage.milestone) for stage in stages}
    _refuse(where, fitting.value_problems(milestone, of_each, of_parents))
    return warnings


class Sets:
    """The rows of data sets, each read once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._read: dict[tuple[str, str], DataSet] = {}

    def load(self, name: str, spec: DataSpec) -> DataSet:
        """As `load_data` does, to which 1 and true are not the same."""
        key = (name, repr(spec))
        if key not in self._read:
            self._read[key] = load_data(self.root, name, spec)
        return self._read[key]

    def of(self, milestone: Milestone) -> fitting.Sets:
        """Those that a milestone, or a stage as one, names."""
        return {name: self.load(name, spec) for name, spec in milestone.data.items()}


def _check_stage(
    sets: Sets, one: tuple[Stage, Stage], data: Mapping[str, DataRecord], where: Where
) -> tuple[str, ...]:
    """Refuse what no pack could hold of a stage, and names that nothing has. `one`: the stage, and
    the first of those that its checkpoint comes from."""
    stage, first = one
    plans = plan_attempts(stage.milestone)
    for pointer, message, hint in lengths.problems(stage.milestone, plans, data):
        raise where.error(pointer, message, hint)
    return _check_names_and_forms(sets, stage, first, where)


def _refuse(where: Where, found: Iterable[fitting.Problem]) -> None:
    """Raise MilestoneError with all that is wrong, where anything is."""
    if wrong := [where.error(*one) for one in dict.fromkeys(found)]:
        hints = dict.fromkeys(one.hint for one in wrong)
        raise MilestoneError("\n".join(one.message for one in wrong), hint="\n  ".join(hints))


def _check_names_and_forms(read: Sets, stage: Stage, first: Stage, where: Where) -> tuple[str, ...]:
    """Refuse names that nothing has; return what should be known of texts that do not fit."""
    milestone, plans = stage.milestone, plan_attempts(stage.milestone)
    root, sets = read.root, read.of(milestone)
    found = [
        *fitting.field_problems(milestone, plans, sets),
        *preferences.problems(milestone, sets),
        *fitting.ref_problems(root, milestone),
        *(fitting.path_problems(root, milestone, plans) if not stage.parent else ()),
    ]
    for plan in plans:
        found += fitting.warm_up_problems(milestone, plan, sets)
        found += steps_past_end(milestone, plan, sets)
    _refuse(where, found)
    begins = plan_attempts(first.milestone)
    warnings: list[str] = []
    for plan in plans:
        _asked(root, plan)
        if plan.given_train is None or plan.given_eval is None or plan.train.data not in sets:
            continue  # an evaluation of what no stage here trained
        place = where.error(fitting.pointer(milestone, plan, "eval", "prompt"), "").message
        warnings += [
            f"{place}{text}" for text in form_warnings(root, plan, sets, begins[plan.number - 1])
        ]
    return tuple(dict.fromkeys(warnings))


def _check_texts(sets: Sets, stages: Sequence[Stage], where: Where) -> list[str]:
    """Refuse texts that a worker would, of every training before the first is begun; return of
    which later ones that could not be told: what is trained until then would be lost."""
    trained = [one for one in stages if one.kind is TRAIN]
    untold: dict[str, list[str]] = {}
    for stage in trained:
        for reason in _refuse_texts(sets, stage, stages, where):
            if stage is not trained[0]:
                untold.setdefault(reason, []).append(stage.name)
    return [
        f"not checked before stage {', '.join(dict.fromkeys(names))} is reached: whether its texts "
        f"teach an answer at this max_length and fit the model ({reason})"
        for reason, names in untold.items()
    ]


def _refuse_texts(sets: Sets, stage: Stage, stages: Sequence[Stage], where: Where) -> Iterator[str]:
    """Raise DataError for texts that the worker of a training would refuse; why it is not known
    whether it would, for each attempt of which it is not."""
    first = plan_attempts(chain_of(stage, stages)[0].milestone)
    for plan, begins in zip(plan_attempts(stage.milestone), first, strict=True):
        if plan.given_train is None:
            continue
        if plan.backend != OUR_BACKEND:
            yield f"only the backend {plan.backend} knows"
            continue
        data = sets.load(plan.train.data, plan.data[plan.train.data])
        there = replace(plan, given_model=begins.given_model)
        try:
            untold = refuse_unfit_texts(sets.root, there, data, _asked(sets.root, plan))
        except DataError as error:
            raise DataError(f"{_place(stage, where)}{error.message}") from error
        if untold:
            yield untold


def _place(stage: Stage, where: Where) -> str:
    """Where a stage stands in the file, and its name; nothing where it is the only training."""
    pointer = f"/{TRAIN.name}" if stage.index is None else f"/{layout.STAGE}/{stage.index}"
    return where.error(pointer, f"stage {stage.name}: ").message if stage.is_named else ""


def _asked(root: Path, plan: AttemptPlan) -> tuple[EvalExample, ...]:
    """What will be asked; none where the worker says what is wrong, in its own words.

    Raises DataError for rows that no pack could hold: found after the training, they would undo it.
    """
    if plan.given_eval is None:
        return ()
    try:
        return questions(plan, root, in_words=True)[0]
    except DataError:
        raise
    except (MalformedError, MilestoneError):
        return ()
