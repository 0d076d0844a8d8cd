"""What is wrong with the settings of [train] together, as far as the file alone tells.

Responsible for settings that contradict each other, or that nothing would be done about, in every
combination of [train], of an attempt and of a stage. Each setting by itself is the schema's; what
hangs on the number of steps is `running`'s preflight.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from evidence.encoding.codec import decode, encode
from evidence.milestone.conversations import has_text
from evidence.milestone.extra_problems import extra_problems
from evidence.milestone.packing_problems import packing_problems
from evidence.records.milestone import Milestone
from evidence.records.training import TrainSpec
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
Table = tuple[str, dict[str, Any]]

_OF_VALIDATION: Final = {
    *("validate_every_steps", "validation_data"),
    *("early_stopping_patience", "early_stopping_threshold", "keep_best"),
}
_NO_TEXT: Final = (
    " takes these rows, and it is not said how one becomes a text: write `text`, a template, or "
    "`format`, of conversations, as [data.*] that is trained on has it"
)
_ADAM: Final = "adam"
_PLAIN: Final = encode(TrainSpec())


def training_problems(milestone: Milestone) -> list[Problem]:
    """Each once, at the table that makes it."""
    if milestone.given_train is None:
        return []
    whole: Table = ("/train", encode(milestone.train))
    found: dict[Problem, None] = dict.fromkeys((*_lora(milestone), *extra_problems(milestone)))
    nothing: Table = ("", {})
    attempts = [(f"/attempt/{n}/train", one.train) for n, one in enumerate(milestone.attempts)]
    stages = [
        (f"/stage/{n}/train", {**one.train, **({"data": one.data[0]} if one.data else {})})
        for n, one in enumerate(milestone.stage)
        if one.kind == TRAIN.name
    ]
    for attempt in (nothing, *attempts):
        for stage in (nothing, *stages):
            found |= dict.fromkeys(_together((whole, attempt, stage)))
            found |= dict.fromkeys(packing_problems(milestone, (whole, attempt, stage)))
            found |= dict.fromkeys(_validated(milestone, (whole, attempt, stage)))
    return list(found)


def _validated(milestone: Milestone, tables: tuple[Table, ...]) -> Iterator[Problem]:
    """What is wrong with the rows that a training is evaluated on while it runs."""
    asked: dict[str, Any] = {}
    at = "/train"
    for path, table in tables:
        asked |= table
        at = path if _OF_VALIDATION & table.keys() else at
    if asked["early_stopping_threshold"] and not asked["early_stopping_patience"]:
        text = "is of early_stopping_patience, which is 0: training does not end early"
        yield f"{at}/early_stopping_threshold", text
    if not asked["validate_every_steps"]:
        for key in ("early_stopping_patience", "keep_best"):
            if asked[key]:
                yield f"{at}/{key}", "goes by validation losses: set validate_every_steps"
        return
    name, known = asked["validation_data"], ", ".join(sorted(milestone.data))
    if name not in milestone.data:
        yield f"{at}/validation_data", f"no [data.{name}] in this file; there are: {known}"
    elif not has_text(milestone.data[name]):
        yield f"/data/{name}", f"{at.strip('/').replace('/', '.')}.validation_data{_NO_TEXT}"
    if name == asked["data"]:
        text = f"[data.{name}] is trained on: what is measured on it says nothing of other rows"
        yield f"{at}/validation_data", text
    if milestone.processes > 1:
        text = (
            "is of trainings in one process, and [launch] asks for several: leave one of them out"
        )
        yield f"{at}/validate_every_steps", text


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
    if asked["mixed_precision"] != "no" and asked["dtype"] != "float32":
        text = (
            f"is of weights that are float32, and the dtype is {asked['dtype']}: write dtype = "
            '"float32", or leave it out, and all is computed in that format'
        )
        yield f"{place('mixed_precision', 'dtype')}/mixed_precision", text
    if asked["quantise"] is not None:
        yield from ((f"{place('quantise')}/quantise", text) for text in _unquantised(asked))
    if not asked["optimizer"].startswith(_ADAM):
        for key in ("adam_beta1", "adam_beta2", "adam_epsilon"):
            if asked[key] != _PLAIN[key]:
                text = f"is of AdamW, and the optimizer is {asked['optimizer']}"
                yield f"{place(key, 'optimizer')}/{key}", text


def _unquantised(asked: dict[str, Any]) -> Iterator[str]:
    """Why the model of these settings is not kept in 4 bit."""
    if asked["lora"] is None:
        yield "is of the model beside an adapter: write [train.lora], too"
    elif asked["lora"].get("merge"):
        yield "an adapter that is added to weights in 4 bit is rounded away: leave `merge` out"
    if asked["mixed_precision"] != "no":
        yield "products are computed in the `dtype`: leave mixed_precision out"
