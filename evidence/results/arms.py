"""One arm as a pack has it: what two of them are compared by (`rules.arms`). Pure.

Responsible for picking out of the documents what decides a training; what is not recorded carries
its reason.
"""

from __future__ import annotations

from typing import Final

from evidence.pack.documents import Documents
from evidence.records.arms import Arm
from evidence.records.availability import Unavailable
from evidence.records.inputs import DataRecord
from evidence.records.run import AttemptPlan
from evidence.stages.train import SEEN, STEPS

NO_SUCH_DATA: Final = Unavailable("the pack has no record of its data")
NO_DIGEST: Final = Unavailable("the weights that it starts from have no digest")
NOT_SEEN: Final = Unavailable("what the model saw is not recorded")
NO_STEP: Final = Unavailable("no optimizer step is recorded")


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
