"""What is known of whether packed rows see one another: the two that the worker tried."""

from __future__ import annotations

from evidence.pack.documents import Documents
from evidence.records.availability import Unavailable
from evidence.records.training import TrainSpec
from evidence.results.adapter import with_adapter
from evidence.rules.closeness import logits_limit


def most_apart(documents: Documents, train: TrainSpec) -> float:
    """The largest `packing_difference` with which the worker goes on: more is no rounding. Where
    the model is not known it is that of a large one, which is asked in its own number format."""
    model = documents.inputs.model
    known = None if isinstance(model, Unavailable) else with_adapter(documents, model)
    return logits_limit(train.dtype, known)
