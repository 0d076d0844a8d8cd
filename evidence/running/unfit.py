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
        _refuse_without_template(root, plan, table, where)
        for key, message, hint in model_folders.unfit(root, plan.model):
            place = f"/stage/{stage.index}" if stage.of_pack and stage.index is not None else table
            raise where.error(f"{place}/{key}", message, hint)
        if plan.given_train is None:
            continue
        if plan.train.dtype == "float16" and plan.train.optimizer == "adamw_torch":
            table = f"/attempt/{index}/train" if "dtype" in own.train else "/train"
            text = "float16 weights cannot hold what AdamW adds to them (its epsilon becomes 0)"
            hint = 'Take dtype = "bfloat16" or "float32".'
            raise where.error(f"{table}/dtype", text, hint)


def _refuse_without_template(root: Path, plan: AttemptPlan, table: str, where: Where) -> None:
    """Conversations need a chat template; that of a tokenizer on the hub is the worker's to see."""
    talks = [f"[data.{name}]" for name, one in plan.data.items() if one.format is not None]
    key, folder = "tokenizer", plan.model.tokenizer
    if folder is None:
        key, folder = "path", plan.model.path
    if not talks or plan.model.chat_template is not None or folder is None:
        return
    if not model_folders.has_chat_template(root / folder):
        verb = "hold" if len(talks) > 1 else "holds"
        text = f"{folder} has no chat template, and {' and '.join(talks)} {verb} conversations"
        hint = (
            "Take the tokenizer of an instruction-tuned model, or write a template into [model] "
            "chat_template."
        )
        raise where.error(f"{table}/{key}", text, hint)
