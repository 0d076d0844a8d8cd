"""Values of LoRA: what was asked for, and how much of the model was trained.

Responsible for train.lora.* and for the number of parameters with an adapter. How far it moved is
`training`'s, as of any weights.
"""

from __future__ import annotations

from typing import Final

from evidence import layout
from evidence.pack.documents import Documents
from evidence.records.adapter import AdapterRecord
from evidence.records.availability import Unavailable
from evidence.records.inputs import ModelRecord
from evidence.results.context import Context, Values, at, join, known, ratio, unknown
from evidence.stages.train import ADAPTER

_SETTINGS: Final = ("rank", "alpha", "dropout", "use_rslora", "merge")
_NO_SHARE: Final = "the model has no parameters"


def with_adapter(documents: Documents, model: ModelRecord) -> int:
    """Parameters of the model, and those of an adapter beside it."""
    record: AdapterRecord | None = documents.document(ADAPTER)
    return model.num_parameters + (0 if record is None else record.num_trainable)


def lora_values(context: Context) -> Values:
    """train.lora.*; none where all weights are trained."""
    spec = context.train.lora
    if spec is None:
        return
    for key in _SETTINGS:
        address, rule = context.stated("train", "lora", key)
        yield f"train.lora.{key}", known(getattr(spec, key), "", address, rule)
    record: AdapterRecord | None = context.documents.document(ADAPTER)
    if record is None:
        why = context.why_not if context.plan is None else "there is no adapter.json"
        yield "train.lora.num_modules", unknown(why, "layers", layout.ADAPTER, "count")
        yield "train.lora.num_trainable", unknown(why, "parameters", layout.ADAPTER)
        yield "train.lora.trainable_share", unknown(why, "", layout.ADAPTER, "share-trainable")
        return
    place = at(layout.ADAPTER, "modules")
    yield "train.lora.num_modules", known(len(record.modules), "layers", place, "count")
    place = at(layout.ADAPTER, "num_trainable")
    yield "train.lora.num_trainable", known(record.num_trainable, "parameters", place)
    model = context.documents.inputs.model
    both = join(place, at(layout.INPUTS, "model", "num_parameters"))
    yield (
        "train.lora.trainable_share",
        unknown(model.reason, "", both, "share-trainable")
        if isinstance(model, Unavailable)
        else ratio(
            record.num_trainable,
            model.num_parameters + record.num_trainable,
            "",
            both,
            "share-trainable",
            _NO_SHARE,
        ),
    )
