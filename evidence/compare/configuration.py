"""What a pack was asked to compute, key by key: the plan that ran, with its data and model. Pure.

Every default is resolved, so a key that one milestone leaves out and another writes down is no
difference where both mean the same. The author's narrative is no configuration.
"""

from __future__ import annotations

from collections.abc import Container, Sequence
from typing import Any, Final

from evidence.compare.functions import digests
from evidence.encoding.codec import encode
from evidence.milestone.plan import plan_attempts
from evidence.pack.documents import Documents
from evidence.pack.stage_view import views
from evidence.records.availability import Unavailable
from evidence.records.comparison import Scalar
from evidence.records.run import AttemptPlan
from evidence.results.context import Context
from evidence.rules.differences import flat
from evidence.stages.eval import EVAL
from evidence.stages.stage import Stage
from evidence.stages.train import TRAIN

_OF_ATTEMPT: Final = (
    "name",
    "backend",
    "stand_in",
    "threads",
    "timeout_s",
    "no_progress_timeout_s",
    "requires",
)
_OF_PLAN: Final = ("model", "data", "train", "eval")
_KINDS: Final = frozenset((TRAIN.name, EVAL.name))
"""Whose settings stand in a table of their name."""
_DECLARED: Final = ("sha256", "rows")
"""What a milestone declares about its data; the data themselves are compared."""


def configurations(packs: Sequence[Documents]) -> list[dict[str, Scalar]]:
    """Of packs side by side. A stage that is not in all of them, with one name and kind, is one
    key: nothing stands beside its settings."""
    every = [{stage.name: stage.kind.name for stage, _ in views(one)} for one in packs]
    shared = [{*one.items()} for one in every]
    common = {name for name, _ in set.intersection(*shared)}
    return [configuration(one, common) for one in packs]


def configuration(documents: Documents, in_full: Container[str] | None = None) -> dict[str, Scalar]:
    """Dotted keys such as train.learning_rate, in the order of a milestone file.

    `in_full`: the stages whose settings are given, those of their kind; None: of all, all of them.
    Of others only what they are.
    """
    milestone = documents.milestone
    plan = encode(plan_of(documents))
    staged = {
        stage.name: _of_stage(stage, view, is_narrow=in_full is not None)
        if in_full is None or stage.name in in_full
        else f"{stage.kind.name} (init {stage.init})"
        for stage, view in views(documents)
    }
    launch = milestone.launch
    return flat(
        {
            "milestone": {"id": milestone.id, "kind": milestone.kind},
            "attempt": {key: plan[key] for key in _OF_ATTEMPT},
            **({} if launch is None else {"launch": encode(launch)}),
            **({"stage": staged} if staged else _settings(documents)),
            "gate": {
                gate.name: f"{gate.metric} {gate.op} {_limit(encode(gate))}"
                for gate in milestone.gates
            },
        }
    )


def _of_stage(stage: Stage, view: Documents, *, is_narrow: bool) -> dict[str, Any]:
    settings = _settings(view)
    if is_narrow:
        for kind in _KINDS - {stage.kind.name}:
            settings.pop(kind, None)
    return {"kind": stage.kind.name, "init": stage.init, **settings}


def _settings(documents: Documents) -> dict[str, Any]:
    """What one training and its evaluation were asked for, and what went in."""
    plan = encode(plan_of(documents))
    for spec in plan["data"].values():
        for key in _DECLARED:
            del spec[key]
    return {**{key: plan[key] for key in _OF_PLAN}, "content": _content(documents)}


OF_WHAT_WENT_IN: Final = ("content.model.", "content.tokenizer.")
"""Known once a worker has loaded them: of a pack in which none did they are no difference."""


def plan_of(documents: Documents) -> AttemptPlan:
    """The plan that completed, else the last one tried."""
    plan = Context(documents).plan
    if plan is not None:
        return plan
    plans = plan_attempts(documents.milestone)
    tried = documents.outcomes[-1].name if documents.outcomes else plans[0].name
    return next((one for one in plans if one.name == tried), plans[0])


def _content(documents: Documents) -> dict[str, Any]:
    """Digests and sizes of what went in."""
    inputs = documents.inputs
    found: dict[str, Any] = {
        f"data.{name}": {"sha256": record.sha256, "num_rows": record.num_rows}
        for name, record in inputs.data.items()
    }
    model, tokenizer = inputs.model, inputs.tokenizer
    if not isinstance(model, Unavailable):
        files = model.files
        found["model"] = {
            "revision": model.revision,
            "config_sha256": model.config_sha256,
            "num_parameters": model.num_parameters,
            "files": files
            if isinstance(files, Unavailable)
            else {file.path.rsplit("/", 1)[-1]: file.sha256 for file in files},
        }
    if not isinstance(tokenizer, Unavailable):
        found["tokenizer"] = {"sha256": tokenizer.sha256, "vocab_size": tokenizer.vocab_size}
    found.update({f"function.{name}": digest for name, digest in digests(documents).items()})
    return found


def _limit(gate: dict[str, Any]) -> str:
    if gate["other"] is not None:
        factor = "" if gate["factor"] == 1 else f"{gate['factor']} × "
        return f"{factor}{gate['other']}"
    return str(gate["value"])
