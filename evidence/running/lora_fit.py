"""Targets of LoRA that no layer of the model has, told by config.json before anything is begun.

Responsible for every training, since what earlier stages trained would wait for nothing; only of
types of models whose layers are known without loading one. Of others the worker says it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import Milestone, ModelSpec
from evidence.rules.decoders import HEAD, LINEAR, PLAIN
from evidence.running.place import Where
from evidence.running.unfit import OUR_BACKEND
from evidence.stages.arms import chain_of
from evidence.stages.stage import stages_of
from evidence.stages.train import TRAIN


def refuse_unknown_targets(root: Path, milestone: Milestone, where: Where) -> None:
    """Raise MilestoneError for the first target that is in no name of a linear layer."""
    stages = stages_of(milestone)
    for stage in (one for one in stages if one.kind is TRAIN):
        begins = plan_attempts(chain_of(stage, stages)[0].milestone)
        for plan, first in zip(plan_attempts(stage.milestone), begins, strict=True):
            lora = None if plan.given_train is None else plan.train.lora
            if lora is None or plan.backend != OUR_BACKEND or isinstance(lora.target_modules, str):
                continue
            kind = _type_of(root, first.model)
            known = (*LINEAR, HEAD)
            for target in lora.target_modules if kind in PLAIN else ():
                if target.rpartition(".")[2] not in known:
                    named = f"stage {stage.name}: " if stage.is_named else ""
                    text = f"{named}target_modules: {target!r} is in no name of a linear layer of "
                    raise where.within(stage).error(
                        "/train/lora", f"{text}{kind}; these are: {', '.join(sorted(known))}"
                    )


def _type_of(root: Path, model: ModelSpec) -> str:
    """The type of a model in a folder; empty where it cannot be told."""
    folder = model.path or model.config
    try:
        config: Any = (
            json.loads((root / str(folder) / "config.json").read_bytes()) if folder else {}
        )
    except (OSError, ValueError):
        return ""
    return str(config.get("model_type", "")) if isinstance(config, Mapping) else ""
