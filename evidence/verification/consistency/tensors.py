"""Checks on weights.json: each tensor by itself, and with what else is known of the weights."""

from __future__ import annotations

import math
from functools import partial
from typing import Final

from evidence import layout
from evidence.records.availability import Unavailable
from evidence.records.tensors import TensorMovement, WeightsRecord
from evidence.results.adapter import with_adapter
from evidence.results.context import journal_at
from evidence.stages.train import TRAIN, WEIGHTS
from evidence.verification.consistency import registry
from evidence.verification.consistency.machine import TUNIX
from evidence.verification.consistency.registry import Evidence, Problems, differs, need
from evidence.verification.problem import CannotCheckError, Problem, shown

check = partial(registry.check, kind=TRAIN.name)

_RELATIVE: Final = 1e-4
"""Means of squares are added in single precision by some frameworks."""
_NO_RECORD: Final = "this backend tells nothing of single tensors"


@check("weights-by-tensor", "what weights.json says of each tensor agrees with itself")
def weights_by_tensor(evidence: Evidence) -> Problems:
    """Names sorted, each once; num_compared = ⌈numbers / compared_every⌉; |rms_end − rms_start| ≤
    rms_moved ≤ rms_end + rms_start (relative 1e-4); nothing moved where start_sha256 = end_sha256,
    and something did where all was compared and they differ. Else exact."""
    record = need(evidence.documents.document(WEIGHTS), _NO_RECORD)
    names = [one.name for one in record.tensors]
    if names != sorted(set(names)):
        text = "tensors are sorted by name, each there once"
        yield Problem(f"{WEIGHTS.path}#/tensors", text)
    for index, one in enumerate(record.tensors):
        place = f"{WEIGHTS.path}#/tensors/{index}"
        count = -(-math.prod(one.shape) // record.compared_every)
        text = "not as many as are compared of a tensor of this shape"
        yield from differs(f"{place}/num_compared", text, count, one.num_compared)
        yield from _lengths(place, one)
    moved = any(one.rms_moved for one in record.tensors)
    same = record.start_sha256 == record.end_sha256
    if same and moved:
        text = "tensors moved, and the weights are the same as before"
        yield Problem(f"{WEIGHTS.path}#/end_sha256", text)
    elif not same and not moved and record.compared_every == 1:
        text = "no tensor moved, and the weights are others than before"
        yield Problem(f"{WEIGHTS.path}#/end_sha256", text)


def _lengths(place: str, one: TensorMovement) -> Problems:
    room = _RELATIVE * (one.rms_start + one.rms_end + one.rms_moved)
    least = abs(one.rms_end - one.rms_start) - room
    most = one.rms_end + one.rms_start + room
    if not least <= one.rms_moved <= most:
        text = "no numbers can be so large before and after and move by this"
        yield Problem(f"{place}/rms_moved", text, f"{least:.6g} to {most:.6g}", one.rms_moved)


@check("weights-known", "weights.json tells of the weights that inputs, journal and files tell of")
def weights_known(evidence: Evidence) -> Problems:
    """start_sha256 = inputs.model.weights_sha256, but for an adapter, whose own digests these are;
    numbers of all tensors ≤ num_parameters, an adapter's among them;
    num_compared of the journal's last stage-finished = their sum,
    and num_changed = 0 if and only if none moved; each tensor has its shape in the saved files
    where they are here, and with the backend tunix the files have just these. Exact. end_sha256 is
    not computed again: it would take another reading of all weights."""
    record = need(evidence.documents.document(WEIGHTS), _NO_RECORD)
    model = evidence.documents.inputs.model
    if not isinstance(model, Unavailable):
        place, text = f"{WEIGHTS.path}#/start_sha256", "training began with other weights"
        if model.weights_sha256 is not None and evidence.plan.train.lora is None:
            yield from differs(place, text, model.weights_sha256, record.start_sha256)
        numbers = sum(math.prod(one.shape) for one in record.tensors)
        if numbers > with_adapter(evidence.documents, model):
            text = "more numbers than the model has parameters"
            limit = f"at most {with_adapter(evidence.documents, model)}"
            yield Problem(f"{WEIGHTS.path}#/tensors", text, limit, numbers)
    yield from _journal(evidence, record)
    yield from _files(evidence, record)


def _journal(evidence: Evidence, record: WeightsRecord) -> Problems:
    events = [one for one in evidence.events("stage-finished", TRAIN.name) if "weights" in one.data]
    if not events:
        return
    told = events[-1].data["weights"]
    compared = sum(one.num_compared for one in record.tensors)
    place = journal_at(events[-1], "data", "weights")
    text = f"not as many as {WEIGHTS.path} says were compared"
    yield from differs(f"{place}/num_compared", text, compared, told["num_compared"])
    yield from differs(
        f"{place}/compared_every",
        f"not as {WEIGHTS.path} says",
        record.compared_every,
        told["compared_every"],
    )
    moved = any(one.rms_moved for one in record.tensors)
    if moved != (told["num_changed"] > 0):
        text = f"the journal and {WEIGHTS.path} differ in whether anything moved"
        yield Problem(f"{place}/num_changed", text, moved, told["num_changed"])


def _files(evidence: Evidence, record: WeightsRecord) -> Problems:
    if evidence.plan.train.lora is not None:
        return  # adapter-tensors holds them against these files
    shapes = {
        name: tuple(tensor.shape)
        for path in evidence.headers
        if path.startswith(f"{layout.FINAL_MODEL}/")
        for name, tensor in evidence.safetensors(path).tensors.items()
    }
    if not shapes:
        return  # checkpoint-header says that they are not in this copy
    for index, one in enumerate(record.tensors):
        found = shapes.get(one.name)
        if found is not None and found != one.shape:
            text = f"another shape than {shown(one.name)} has in the saved file"
            place = f"{WEIGHTS.path}#/tensors/{index}/shape"
            yield Problem(place, text, list(found), list(one.shape))
    if not any(one.name in shapes for one in record.tensors):
        raise CannotCheckError("the saved files name their tensors otherwise")
    if evidence.plan.backend == TUNIX:  # it trains every tensor, and saves no other
        names = sorted(one.name for one in record.tensors)
        text = "not the tensors of the saved file"
        missing = sorted({*shapes} ^ {*names})
        if missing:
            yield Problem(f"{WEIGHTS.path}#/tensors", text, actual=shown(missing[0]))
