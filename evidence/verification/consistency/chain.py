"""Checks on the weights that go from stage to stage.

Responsible for the digests and numbers that a stage's documents have of its start, against what its
checkpoint ended with and what other stages that begin alike begin with. Files of checkpoints are
`checkpoint`'s and `parents`'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from evidence import layout
from evidence.pack.stage_view import inputs_of
from evidence.records.adapter import AdapterRecord
from evidence.records.availability import Unavailable
from evidence.records.inputs import ModelRecord, TextRecord
from evidence.records.run import JournalEvent
from evidence.records.tensors import TensorMovement, WeightsRecord
from evidence.results.context import journal_at
from evidence.stages.stage import BASE, Stage, stages_of
from evidence.stages.train import ADAPTER, TRAIN, WEIGHTS
from evidence.verification.consistency.machine import OUR_BACKENDS, TRANSFORMERS
from evidence.verification.consistency.registry import (
    Evidence,
    Problems,
    check,
    close,
    differs,
    has_stages,
    need,
)
from evidence.verification.problem import CannotCheckError, Problem, shown

ALIKE: Final = 0.01
"""Relative: so far apart may be what one set of weights gives twice."""
_SQUARES: Final = 1e-9
"""Relative: of means of squares in double precision, added in another order."""
_SINGLE_PRECISION: Final = 1e-4
_NO_DIGEST: Final = "no digest of its weights is recorded"
_OTHER_DTYPE: Final = "it has other number formats than the stage that its checkpoint is of"


@check("stage-weights", "each stage begins with the weights that it says", asked=has_stages)
def stage_weights(evidence: Evidence) -> Problems:
    """A stage that begins from another's checkpoint, or evaluates it, has as many parameters as
    that one; and where both have one dtype, weights_sha256 = its end_sha256. Stages with the same
    `init` have as many parameters, files of the same digests, and with one dtype one
    weights_sha256. Exact. Random weights are not compared where the run was resumed: another
    machine draws others. Of weights with one digest every stage tells the same of each tensor:
    shape, num_compared, and the root mean square, relative 1e-9 (1e-4 with other frameworks)."""
    need(evidence.context.plan, evidence.context.why_not)
    stages = stages_of(evidence.documents.milestone)
    found = {one.name: inputs_of(evidence.documents, one) for one in stages}
    models = {
        name: inputs.model
        for name, inputs in found.items()
        if inputs is not None and isinstance(inputs.model, ModelRecord)
    }
    known = [one for one in stages if one.name in models]
    for stage in known:
        yield from _after_parent(evidence, stage, models)
    yield from _begun_alike(evidence, known, models)
    yield from _tensors_alike(evidence, stages)
    reasons = [f"{one.name}: {why}" for one in known if (why := _why_not(evidence, one, models))]
    if reasons:
        raise CannotCheckError(shown("; ".join(reasons)))


def _end_of(evidence: Evidence, name: str) -> str | None:
    """Digest of the weights that a stage saved: with LoRA, once the adapter was merged."""
    start = f"{layout.STAGES}/{name}"
    found: WeightsRecord | None = evidence.documents.of_stages.get(f"{start}/{WEIGHTS.path}")
    beside: AdapterRecord | None = evidence.documents.of_stages.get(f"{start}/{ADAPTER.path}")
    if beside is not None:
        return beside.merged_sha256
    return None if found is None else found.end_sha256


def _why_not(evidence: Evidence, stage: Stage, models: Mapping[str, ModelRecord]) -> str:
    """Why its start is not held against the end of the stage before; empty where it is."""
    model, before = models[stage.name], models.get(stage.parent)
    if not stage.parent or before is None:
        return ""
    if model.weights_sha256 is None or _end_of(evidence, stage.parent) is None:
        return _NO_DIGEST
    return "" if model.dtype == before.dtype else _OTHER_DTYPE


def _after_parent(evidence: Evidence, stage: Stage, models: Mapping[str, ModelRecord]) -> Problems:
    model, before = models[stage.name], models.get(stage.parent)
    if before is None:
        return
    place = f"{stage.path(layout.INPUTS)}#/model"
    text = shown(f"not as many as {stage.parent} has, whose checkpoint it is")
    yield from differs(f"{place}/num_parameters", text, before.num_parameters, model.num_parameters)
    ended = _end_of(evidence, stage.parent)
    if ended is not None and not _why_not(evidence, stage, models):
        text = shown(f"not the weights that {stage.parent} ended with")
        yield from differs(f"{place}/weights_sha256", text, ended, model.weights_sha256)


def _begun_alike(
    evidence: Evidence, known: list[Stage], models: Mapping[str, ModelRecord]
) -> Problems:
    """Each stage against the first with the same `init`, and of its dtype, as far as it was not
    held against the stage before it."""
    resumed = any(one.event == "recovered" for one in evidence.documents.journal)
    same_init: dict[str, Stage] = {}
    same_weights: dict[tuple[str, str], Stage] = {}
    for stage in known:
        model, place = models[stage.name], f"{stage.path(layout.INPUTS)}#/model"
        if stage.parent not in models:
            first = same_init.setdefault(stage.init, stage)
            text, other = _not_as_in(first), models[first.name]
            expected = other.num_parameters
            yield from differs(f"{place}/num_parameters", text, expected, model.num_parameters)
            yield from differs(f"{place}/files", text, *_files_of_both(other, model))
        elif not _why_not(evidence, stage, models):
            continue
        if model.weights_sha256 is not None and not (model.source == "random" and resumed):
            first = same_weights.setdefault((stage.init, model.dtype), stage)
            place, digest = f"{place}/weights_sha256", models[first.name].weights_sha256
            yield from differs(place, _not_as_in(first), digest, model.weights_sha256)


def _tensors_alike(evidence: Evidence, stages: tuple[Stage, ...]) -> Problems:
    """What stages tell of the tensors of one set of weights, before or after training."""
    is_torch = evidence.plan.backend == TRANSFORMERS
    tolerance = _SQUARES if is_torch else _SINGLE_PRECISION
    first: dict[tuple[str, int, str], tuple[Stage, TensorMovement, float]] = {}
    for stage, record in _weights(evidence, stages):
        ends = (record.start_sha256, "rms_start"), (record.end_sha256, "rms_end")
        for index, one in enumerate(record.tensors):
            place = f"{stage.path(WEIGHTS.path)}#/tensors/{index}"
            for digest, key in ends:
                known, rms = (digest, record.compared_every, one.name), getattr(one, key)
                other, told, expected = first.setdefault(known, (stage, one, rms))
                text = shown(f"not what {other.name} tells of the same weights")
                counts = (told.shape, told.num_compared), (one.shape, one.num_compared)
                yield from differs(place, text, *counts)
                if not close(expected, rms, tolerance):
                    yield Problem(f"{place}/{key}", text, expected, rms)


def _weights(
    evidence: Evidence, stages: tuple[Stage, ...]
) -> Iterator[tuple[Stage, WeightsRecord]]:
    for stage in stages:
        record: WeightsRecord | None = evidence.documents.of_stages.get(stage.path(WEIGHTS.path))
        if record is not None:
            yield stage, record


@check("stage-probes", "a stage begins where the one before it ended", asked=has_stages)
def stage_probes(evidence: Evidence) -> Problems:
    """The probe before a stage is that after the stage whose checkpoint it begins from, and that
    before another with the same `init`, where all probe the same examples in the same way and
    number format: within 1 % (the same weights on the same machine give the same; another order of
    adding, or kernels chosen anew, give less than that). Where the run was resumed, perhaps on
    another machine, random weights are not compared."""
    if evidence.plan.backend not in OUR_BACKENDS:
        raise CannotCheckError("what another backend reports is its own")
    stages = stages_of(evidence.documents.milestone)
    trained = {one.name: one for one in stages if one.kind is TRAIN}
    resumed = any(one.event == "recovered" for one in evidence.documents.journal)
    first: dict[str, Stage] = {}
    for stage in trained.values():
        other = trained.get(stage.parent) or first.setdefault(stage.init, stage)
        if other is stage or (stage.init == BASE and resumed):
            continue
        moment = "after" if other.name == stage.parent else "before"
        ours, theirs = _probe(evidence, stage, "before"), _probe(evidence, other, moment)
        if ours is None or theirs is None or not _probed_alike(evidence, stage, other):
            continue
        expected, actual = theirs.data["loss"], ours.data["loss"]
        if theirs.data["num_examples"] == ours.data["num_examples"] and not close(
            expected, actual, ALIKE
        ):
            text = shown(f"not the loss {moment} {other.name}, of the same weights")
            yield Problem(journal_at(ours, "data", "loss"), text, expected, actual)


def _probe(evidence: Evidence, stage: Stage, moment: str) -> JournalEvent | None:
    events = evidence.events("probe", stage.name)
    found = [one for one in events if one.data["moment"] == moment]
    return found[0 if moment == "before" else -1] if found else None


def _probed_alike(evidence: Evidence, stage: Stage, other: Stage) -> bool:
    """Whether both take the same examples, write them alike, and compute in one number format."""
    one, two = (_way_of_probing(evidence, each) for each in (stage, other))
    return one is not None and one == two


def _way_of_probing(evidence: Evidence, stage: Stage) -> tuple[object, ...] | None:
    """What stands between a question and its answer is of the training text: the seam tells."""
    train, evaluation = stage.milestone.given_train, stage.milestone.given_eval
    inputs = inputs_of(evidence.documents, stage)
    text = None if inputs is None else inputs.text
    seam = text.seam if isinstance(text, TextRecord) else None
    if train is None or evaluation is None or seam is None:
        return None
    asked = stage.milestone.data.get(evaluation.data)
    probed = seam.probe_given, seam.probe_wanted
    return evaluation, asked, train.dtype, train.max_length, probed


def _not_as_in(first: Stage) -> str:
    return shown(f"not as in {first.name}, which begins from the same: {first.init}")


def _files_of_both(first: ModelRecord, other: ModelRecord) -> tuple[dict[str, str], dict[str, str]]:
    """Digests of the files that both name, by path."""
    one, two = _files(first), _files(other)
    both = sorted(one.keys() & two.keys())
    return {path: one[path] for path in both}, {path: two[path] for path in both}


def _files(model: ModelRecord) -> dict[str, str]:
    files = () if isinstance(model.files, Unavailable) else model.files
    return {file.path: file.sha256 for file in files}
