"""The outcome digest: one number for what a run computed, equal when it is reproduced bit for bit.

Responsible for what belongs to the deterministic part of a completed attempt and what does not
(no times, hosts, users, paths, narrative, gates, attempt numbers, segments).
"""

from __future__ import annotations

from typing import Any, Final

from evidence.encoding.codec import encode, encode_rows
from evidence.encoding.long_document import document_digest
from evidence.pack.documents import Documents
from evidence.pack.stage_view import view_of
from evidence.records.availability import Unavailable
from evidence.records.inputs import InputsRecord
from evidence.records.milestone import DDP, EVAL_OPTIONS, DataSpec, EvalSpec, ModelSpec
from evidence.records.run import AttemptPlan
from evidence.records.training import OPTIONS, options_set
from evidence.results.context import Context
from evidence.results.machine import final_model_files
from evidence.stages.eval import PREDICTIONS
from evidence.stages.kind import resolve
from evidence.stages.stage import stages_of
from evidence.stages.train import STEPS

_FORM: Final = "outcome-digest.v1"
_PLAN_LEFT_OUT: Final = (
    "number",
    "name",
    "manual",
    "requires",
    "timeout_s",
    "no_progress_timeout_s",
    "resolution",
    "interpreter",
    "data",
    "model",
)
"""What chooses or limits an attempt without changing what it computes; data and model come in
by their digests instead of their paths."""
_LONG: Final = "predictions"
"""The part of which there may be a hundred thousand: written row by row."""
_DATA_LEFT_OUT: Final = ("path", "paths", "file_format", "sha256", "rows", "license")


def outcome_digest(documents: Documents) -> str | Unavailable:
    """SHA-256 (hex) of the canonical JSON of `outcome_content`; unavailable for a failed run."""
    content = outcome_content(documents)
    if isinstance(content, Unavailable):
        return content
    return document_digest(content, _LONG)


def outcome_content(documents: Documents) -> dict[str, Any] | Unavailable:
    """What the digest is of: plan, row stream, losses, rates, weights, predictions (records)."""
    context = Context(documents)
    if context.plan is None:
        return Unavailable(context.why_not)
    content = {"form": _FORM, "plan": _plan(context.plan, documents.inputs)}
    for stage in stages_of(documents.milestone):
        own = Context(view_of(documents, stage)) if stage.is_named else context
        part = resolve(stage.kind.outcome)(own) if stage.kind.outcome else {}
        if isinstance(part, Unavailable):
            return part
        content |= {stage.name: _of_stage(own, part)} if stage.is_named else part
    return content


def _of_stage(context: Context, part: dict[str, Any]) -> dict[str, Any]:
    """What a stage with a folder of its own computed, and from which settings."""
    if context.plan is None:
        return part
    whole = {key: encode_rows(value) if key == _LONG else value for key, value in part.items()}
    return {**whole, "plan": _plan(context.plan, context.documents.inputs)}


def of_training(context: Context) -> dict[str, Any] | Unavailable:
    """Row stream, losses, rates and weights."""
    steps = context.documents.rows(STEPS)
    if not steps:
        return Unavailable("there are no step rows")
    weights = final_model_files(context)
    if isinstance(weights, Unavailable):
        return weights
    return {
        "stream": steps[-1].stream,
        "losses": [row.loss for row in steps],
        "learning_rates": [row.learning_rate for row in steps],
        "weights": {
            file.path.rsplit("/", 1)[-1]: file.sha256
            for file in weights
            if file.path.endswith(".safetensors")
        },
    }


def of_evaluation(context: Context) -> dict[str, Any] | Unavailable:
    """Every prediction, whole."""
    return {_LONG: context.documents.rows(PREDICTIONS)}


def _plan(plan: AttemptPlan, inputs: InputsRecord) -> dict[str, Any]:
    deterministic = {key: part for key, part in encode(plan).items() if key not in _PLAN_LEFT_OUT}
    for name in ("stages", "collect", "metric"):
        if not deterministic[name]:
            del deterministic[name]
    if plan.given_train is not None:
        plain = {*OPTIONS} - {*options_set(plan.given_train)}
        train = deterministic["train"].items()
        deterministic["train"] = {key: part for key, part in train if key not in plain}
    if plan.given_eval is not None:
        asked, plain_eval = deterministic["eval"], encode(EvalSpec())
        for key in EVAL_OPTIONS:
            if asked[key] == plain_eval[key]:
                del asked[key]
    if plan.processes == 1:
        del deterministic["processes"]
    if plan.strategy == DDP:
        del deterministic["strategy"]
    deterministic["model"] = None if plan.given_model is None else _model(plan.given_model, inputs)
    deterministic["data"] = {name: _data(name, spec, inputs) for name, spec in plan.data.items()}
    return deterministic


def _data(name: str, spec: DataSpec, inputs: InputsRecord) -> dict[str, Any]:
    deterministic = {key: part for key, part in encode(spec).items() if key not in _DATA_LEFT_OUT}
    for key in ("where", "under_test", "format", "learn"):
        if not deterministic[key]:
            del deterministic[key]
    record = inputs.data.get(name)
    deterministic["content_sha256"] = None if record is None else record.sha256
    return deterministic


def _model(spec: ModelSpec, inputs: InputsRecord) -> dict[str, Any]:
    """The model by what it is, not by where its folder lies."""
    model, tokenizer = inputs.model, inputs.tokenizer
    part_of_outcome: dict[str, Any] = {"id": spec.id, "init_seed": spec.init_seed}
    if spec.chat_template is not None:
        part_of_outcome["chat_template"] = spec.chat_template
    if spec.chat_values:
        part_of_outcome["chat_values"] = spec.chat_values
    if not isinstance(tokenizer, Unavailable):
        part_of_outcome["tokenizer_sha256"] = encode(tokenizer.sha256)
    if not isinstance(model, Unavailable):
        files = model.files
        part_of_outcome["config_sha256"] = model.config_sha256
        part_of_outcome["files"] = (
            None
            if isinstance(files, Unavailable)
            else {file.path.rsplit("/", 1)[-1]: file.sha256 for file in files}
        )
    return part_of_outcome
