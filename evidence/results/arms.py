"""One arm as a pack has it: what two of them are compared by (`rules.arms`). Pure.

Responsible for picking out of the documents what decides a training; what is not recorded carries
its reason.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.pack.documents import Documents
from evidence.records.arms import Arm, ArmsRecord
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.run import AttemptPlan
from evidence.results.context import Context, Values, join, known, unknown
from evidence.rules.arms import compare_arms, undeclared
from evidence.stages.arms import TwoArms, arms_of
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage, stages_of
from evidence.stages.train import SEEN, STEPS
from evidence.text import arms as texts

NO_SUCH_DATA: Final = Unavailable("the pack has no record of its data")
NO_DIGEST: Final = Unavailable("the weights that it starts from have no digest")
NOT_SEEN: Final = Unavailable("what the model saw is not recorded")
NO_STEP: Final = Unavailable("no optimizer step is recorded")
_COMES_FROM: Final = (layout.INPUTS, layout.SEEN, layout.METRICS)
_COUNTED: Final = ("num_differences", "num_undeclared", "num_not_checked")


def arms(context: Context, views: Mapping[str, Context]) -> tuple[ArmsRecord, ...]:
    """Trainings of one pack held against each other; `views` has the context of each stage.
    Nothing is held against what did not complete."""
    if context.plan is None:
        return ()
    milestone = context.documents.milestone
    stages = stages_of(milestone)
    return tuple(_compared(two, stages, views) for two in arms_of(milestone, stages))


def arms_values(context: Context, found: tuple[ArmsRecord, ...]) -> Values:
    """arms.FIRST.SECOND.*: how many differences gates can ask for."""
    milestone = context.documents.milestone
    for two in () if found else arms_of(milestone, stages_of(milestone)):
        for key in _COUNTED:
            name = f"arms.{two.first.name}.{two.second.name}.{key}"
            yield name, unknown(context.why_not, "differences", "", "arms")
    for one in found:
        counts = (len(one.differences), len(undeclared(one)), len(one.not_checked))
        for key, count in zip(_COUNTED, counts, strict=True):
            name = ".".join(("arms", *one.arms, key))
            yield name, known(count, "differences", one.address, "arms")


def told_of_arms(found: ArmsRecord) -> tuple[str, ...]:
    """What keeps two arms from showing what they are meant to, in plain sentences.

    Arms that nobody declared may differ in one thing, whichever it is.
    """
    also = undeclared(found)
    if found.is_declared:
        told = (texts.of_undeclared(also), texts.of_not_varied(found), texts.of_not_checked(found))
        return tuple(one for one in told if one)
    if len(also) < 2:
        return ()
    return (
        f"{texts.of_undeclared(also).replace('also differ', 'differ', 1)}, and no [[arms]] of the "
        "milestone says which of it is meant",
    )


def _compared(two: TwoArms, stages: Sequence[Stage], views: Mapping[str, Context]) -> ArmsRecord:
    sides = (two.first, two.second)
    asked = [one for one in stages if one.kind is EVAL]
    contexts = [views[one.name] for one in sides]
    made = [
        arm_of(one.documents, one.plan, stage.name)
        for one, stage in zip(contexts, sides, strict=True)
        if one.plan is not None
    ]
    if not all(any(one.parent == stage.name for one in asked) for stage in sides):
        made = [replace(one, evaluation=None) for one in made]  # what is not asked is asked nothing
    found = compare_arms(made[0], made[1], two.varies)
    places = (stage.path(path) for stage in sides for path in _COMES_FROM)
    address = join(layout.MILESTONE, *places)
    return replace(found, is_declared=two.is_declared, address=address)


def arm_of(documents: Documents, plan: AttemptPlan, name: str) -> Arm:
    """The training of one pack under the plan that ran; `name` is what a reader knows it by."""
    train, inputs = plan.given_train, documents.inputs
    model, tokenizer = inputs.model, inputs.tokenizer
    steps, seen = documents.rows(STEPS), documents.document(SEEN)
    return Arm(
        name=name,
        train=train,
        evaluation=plan.given_eval,
        model=plan.given_model,
        text=None if train is None else plan.data.get(train.data),
        data=_data(documents, None if train is None else train.data),
        evaluation_data=_data(documents, None if plan.given_eval is None else plan.eval.data),
        start_sha256=model if isinstance(model, Unavailable) else model.weights_sha256 or NO_DIGEST,
        tokenizer_sha256=tokenizer if isinstance(tokenizer, Unavailable) else tokenizer.sha256,
        seen=NOT_SEEN if seen is None else seen,
        num_steps=len(steps) or NO_STEP,
    )


def _data(documents: Documents, name: str | None) -> DataRecord | Unavailable:
    return documents.inputs.data.get(name or "", NO_SUCH_DATA)
