"""Models and number formats that our own backend could only fail with.

Responsible for refusing them before anything is created, for each stage that begins from a model
which is there by then.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from evidence.milestone.plan import plan_attempts
from evidence.records.milestone import Milestone
from evidence.records.run import AttemptPlan
from evidence.running.place import Where
from evidence.stages.stage import BASE, Stage, stages_of
from evidence.worker import model_folders

OUR_BACKEND: Final = "transformers"
"""Whose refusals are known here: another backend's are its own."""


def refuse_unfit_models(root: Path, milestone: Milestone, where: Where) -> None:
    """Raise MilestoneError for the first of them."""
    for stage in stages_of(milestone):
        if stage.init in ("", BASE) or stage.of_pack:
            _refuse_unfit(root, stage, plan_attempts(stage.milestone), where)


def _refuse_unfit(root: Path, stage: Stage, plans: tuple[AttemptPlan, ...], where: Where) -> None:
    for index, plan in enumerate(plans):
        if plan.backend != OUR_BACKEND:
            continue
        own = stage.milestone.attempts[index]
        table = "/model" if own.model is None else f"/attempt/{index}/model"
        for key, message, hint in model_folders.unfit(root, plan.model):
            place = f"/stage/{stage.index}" if stage.of_pack and stage.index is not None else table
            raise where.error(f"{place}/{key}", message, hint)
        if plan.train.dtype == "float16" and plan.train.optimizer == "adamw_torch":
            table = f"/attempt/{index}/train" if "dtype" in own.train else "/train"
            text = "float16 weights cannot hold what AdamW adds to them (its epsilon becomes 0)"
            hint = 'Take dtype = "bfloat16" or "float32".'
            raise where.error(f"{table}/dtype", text, hint)
