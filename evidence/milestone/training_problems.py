"""What is wrong with the settings of [train] together, as far as the file alone tells.

Responsible for settings that contradict each other, or that nothing would be done about, in every
combination of [train], of an attempt and of a stage. Each setting by itself is the schema's; what
hangs on the number of steps is `running`'s preflight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence.encoding.codec import decode, encode
from evidence.records.milestone import Milestone
from evidence.records.training import TrainSpec
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
Table = tuple[str, dict[str, Any]]

_ADAM: Final = "adam"
_PLAIN: Final = encode(TrainSpec())


def training_problems(milestone: Milestone) -> list[Problem]:
    """Each once, at the table that makes it."""
    if milestone.given_train is None:
        return []
    whole: Table = ("/train", encode(milestone.train))
    found: dict[Problem, None] = dict.fromkeys(_lora(milestone))
    nothing: Table = ("", {})
    attempts = [(f"/attempt/{n}/train", one.train) for n, one in enumerate(milestone.attempts)]
    stages = [
        (f"/stage/{n}/train", one.train)
        for n, one in enumerate(milestone.stage)
        if one.kind == TRAIN.name
    ]
    for attempt in (nothing, *attempts):
        for stage in (nothing, *stages):
            found |= dict.fromkeys(_together((whole, attempt, stage)))
    return list(found)


def _lora(milestone: Milestone) -> Iterator[Problem]:
    """An adapter is no model by itself: stages that follow could not begin from it."""
    for number, attempt in enumerate(milestone.attempts):
        if "lora" in attempt.train:
            text = "is of [train] or of a stage: what is trained is the same in every attempt"
            yield f"/attempt/{number}/train/lora", text
    if not milestone.is_staged:
        return
    asked = [("/train/lora", milestone.train.lora)]
    for number, one in enumerate(milestone.stage):
        if one.kind == TRAIN.name and "lora" in one.train:
            whole = {**_PLAIN, "lora": one.train["lora"]}
            asked.append((f"/stage/{number}/train/lora", decode(TrainSpec, whole).lora))
    for place, lora in asked:
        if lora is not None and not lora.merge:
            text = "leaves an adapter, and what follows a stage needs a whole model"
            yield place, f"{text}: write merge = true"


def _together(tables: tuple[Table, ...]) -> Iterator[Problem]:
    """What is wrong with the settings that these tables give together; later ones count."""
    asked: dict[str, Any] = {}
    for _, table in tables:
        asked |= table

    def place(*keys: str) -> str:
        at = (path for path, table in reversed(tables) if any(key in table for key in keys))
        return next(at)

    if asked["warmup_steps"] and asked["warmup_ratio"]:
        at = place("warmup_steps", "warmup_ratio")
        yield at, "give `warmup_steps` or `warmup_ratio`, and not both (0: it is not given)"
    if not asked["optimizer"].startswith(_ADAM):
        for key in ("adam_beta1", "adam_beta2", "adam_epsilon"):
            if asked[key] != _PLAIN[key]:
                text = f"is of AdamW, and the optimizer is {asked['optimizer']}"
                yield f"{place(key, 'optimizer')}/{key}", text
