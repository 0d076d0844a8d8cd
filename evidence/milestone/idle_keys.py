"""Keys that are said and that nothing takes notice of, in this combination of keys.

Responsible for what a reader of the file would think is done, and is not: each is refused before a
run, or told where the file may mean it for another time. Keys that contradict each other are the
other modules' of this folder. A pack is not judged by it: what was sealed ran as it did.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from evidence.encoding.codec import encode
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.records.training import TrainSpec
from evidence.stages.eval import EVAL
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""
Settings = Mapping[str, Any]
Table = tuple[str, Settings]


class _Rule(Record):
    """A setting of [train] or [eval] that counts only together with others."""

    key: str
    counts: Callable[[Settings], bool]
    says: str


_NO_WARM_UP: Final = (
    'has no effect: schedule = "constant" knows no warm-up; write schedule = "constant_with_warmup"'
)
_RULES: Final = {
    TRAIN.name: (
        _Rule("warmup_steps", lambda one: one["schedule"] != "constant", _NO_WARM_UP),
        _Rule("warmup_ratio", lambda one: one["schedule"] != "constant", _NO_WARM_UP),
        _Rule(
            "validation_data",
            lambda one: bool(one["validate_every_steps"]),
            "has no effect: no loss is measured on it; write validate_every_steps = 50, too",
        ),
    ),
    EVAL.name: (
        _Rule(
            "before_target",
            lambda one: "mean_loss" in one["metrics"] or one["choices"] is not None,
            "has no effect: it stands before a text whose likelihood is measured, and none is; "
            'write metrics = ["mean_loss"] or [eval.choices], too',
        ),
    ),
}
_WITH: Final = (("init_seed", "config"), ("revision", "id"), ("tokenizer_sha256", "tokenizer"))
"""Keys of a model, and what each is of."""
_OF_TEXT: Final = {
    "answer": (),
    "loss": "completion",
    "append_eos": True,
    "answer_may_be_unseen": False,
}
"""Keys of a text to train on, as they are where nothing is said."""


def idle_keys(milestone: Milestone) -> list[Problem]:
    """Each key that has no effect, once; of a setting: in no attempt and no stage that has it."""
    return [
        *_of_settings(milestone),
        *_of_seeds(milestone),
        *_of_models(milestone),
        *_of_data(milestone),
        *_of_attempts(milestone),
        *_of_gates(milestone),
        *_of_publishing(milestone),
    ]


def told_idle(milestone: Milestone) -> list[Problem]:
    """Likewise, what may be meant for another time: it is said, and not refused."""
    return [*_idle_epochs(milestone), *_idle_sets(milestone)]


def _of_settings(milestone: Milestone) -> Iterator[Problem]:
    given = {TRAIN.name: milestone.given_train, EVAL.name: milestone.given_eval}
    for name, spec in given.items():
        if spec is None:
            continue
        plain = encode(type(spec)())
        for path, table in _tables(milestone, name):
            for rule in _RULES[name]:
                if table.get(rule.key, plain[rule.key]) == plain[rule.key]:
                    continue
                found = [one for at, one in _planned(milestone, name) if path == at[rule.key]]
                if found and not any(map(rule.counts, found)):
                    yield f"{path}/{rule.key}", rule.says


def _tables(milestone: Milestone, name: str) -> Iterator[Table]:
    """Every table of the file with settings of this kind."""
    yield f"/{name}", encode(getattr(milestone, f"given_{name}"))
    for number, attempt in enumerate(milestone.attempts):
        yield f"/attempt/{number}/{name}", getattr(attempt, name)
    for number, stage in enumerate(milestone.stage):
        if stage.kind == name:
            yield f"/stage/{number}/{name}", getattr(stage, name)


def _planned(milestone: Milestone, name: str) -> Iterator[tuple[dict[str, str], Settings]]:
    """The settings of each attempt in each stage, and the table that each of them is of."""
    whole, *others = _tables(milestone, name)
    attempts = [one for one in others if one[0].startswith("/attempt/")]
    stages: list[Table] = [one for one in others if one[0].startswith("/stage/")]
    for attempt in attempts:
        for stage in stages or [("", {})]:
            at: dict[str, str] = {}
            settings: dict[str, Any] = {}
            for path, table in (whole, attempt, stage):
                at |= dict.fromkeys(table, path)
                settings |= table
            yield at, settings


def _of_seeds(milestone: Milestone) -> Iterator[Problem]:
    trained = [one for one in milestone.stage if one.kind == TRAIN.name]
    seeded = milestone.seeds or (trained and all(one.seeds for one in trained))
    if seeded and milestone.train.seed != TrainSpec().seed:
        yield "/train/seed", "has no effect: `seeds` says the seed of each run"


def _of_models(milestone: Milestone) -> Iterator[Problem]:
    talks = any(one.format is not None for one in milestone.data.values())
    found = [("/model", milestone.given_model)]
    found += [(f"/attempt/{n}/model", one.model) for n, one in enumerate(milestone.attempts)]
    for path, model in found:
        if model is None:
            continue
        for key, needed in _WITH if model.named is None else ():
            if getattr(model, key) is not None and getattr(model, needed) is None:
                yield f"{path}/{key}", f"has no effect: it is of `{needed}`, which is not given"
        if model.chat_values and not talks:
            text = "has no effect: no data set holds conversations, which one says with `format`"
            yield f"{path}/chat_values", text


def _of_data(milestone: Milestone) -> Iterator[Problem]:
    of_program = milestone.given_model is None
    asked = _taken(milestone, EVAL.name)
    for name, spec in milestone.data.items():
        if spec.text is None and spec.format is None and not of_program:
            for key, plain in _OF_TEXT.items():
                if getattr(spec, key) != plain:
                    text = "has no effect: no text is made of its rows; write `text`, a template"
                    yield f"/data/{name}/{key}", text
        if spec.under_test is not None and name not in asked:
            text = "has no effect: it is of data to evaluate on, and no evaluation takes these"
            yield f"/data/{name}/under_test", text


def _taken(milestone: Milestone, kind: str) -> set[str]:
    """Data sets that stages of a kind take."""
    spec = milestone.given_train if kind == TRAIN.name else milestone.given_eval
    if spec is None:
        return set()
    stages = [one for one in milestone.stage if one.kind == kind]
    named = {name for one in stages for name in one.data or (spec.data,)}
    found = [one for _, one in _planned(milestone, kind)]
    named |= set() if milestone.stage else {str(one["data"]) for one in found}
    if kind == TRAIN.name:
        named |= {str(one["validation_data"]) for one in found if one["validate_every_steps"]}
    return named


def _of_attempts(milestone: Milestone) -> Iterator[Problem]:
    for number, attempt in enumerate(milestone.attempts):
        needs, place = attempt.requires, f"/attempt/{number}"
        if needs.vram_gib and needs.accelerator not in ("nvidia", "amd", "apple"):
            text = 'has no effect: it is of the GPU that accelerator = "nvidia" asks for'
            yield f"{place}/requires/vram_gib", text
        if needs.gpu is not None and needs.accelerator not in ("nvidia", "amd"):
            text = 'has no effect: it is one of several GPUs that accelerator = "nvidia" asks for'
            yield f"{place}/requires/gpu", text
        model = attempt.model or milestone.given_model
        if needs.hub and (model is None or model.id is None):
            text = "has no effect: the attempt takes no model of the hub, by its id"
            yield f"{place}/requires/hub", text
        if milestone.given_model is None:
            for key in ("model", TRAIN.name, EVAL.name):
                if getattr(attempt, key):
                    text = "has no effect: the milestone runs a program as it is"
                    yield f"{place}/{key}", text


def _of_gates(milestone: Milestone) -> Iterator[Problem]:
    for number, gate in enumerate(milestone.gates):
        if gate.other is None and gate.factor != 1:
            text = "has no effect: `other` is what it is multiplied with, and this gate has `value`"
            yield f"/gate/{number}/factor", text


def _of_publishing(milestone: Milestone) -> Iterator[Problem]:
    publish = milestone.publish
    if publish.reason and not (publish.withhold or publish.withhold_rows):
        yield "/publish/reason", "has no effect: `withhold`, the files that it is of, names none"


def _idle_epochs(milestone: Milestone) -> Iterator[Problem]:
    """max_steps may be set for a trial, on the command line or in an attempt."""
    if milestone.given_train is None:
        return
    for path, table in _tables(milestone, TRAIN.name):
        if path == "/train" and table["epochs"] == 1:
            continue
        found = [one for at, one in _planned(milestone, TRAIN.name) if at["epochs"] == path]
        if "epochs" in table and found and all(one["max_steps"] is not None for one in found):
            yield f"{path}/epochs", "has no effect: max_steps says how long it is trained"


def _idle_sets(milestone: Milestone) -> Iterator[Problem]:
    """A set that nothing takes is described in the pack, and that is all."""
    if milestone.given_model is None:
        return
    taken = _taken(milestone, TRAIN.name) | _taken(milestone, EVAL.name)
    for name in milestone.data.keys() - taken:
        text = "is described in the pack and has no other effect: no stage takes it"
        yield f"/data/{name}", text + _meant_for(name, milestone)


def _meant_for(name: str, milestone: Milestone) -> str:
    spec = milestone.data[name]
    if name == "validation" and milestone.given_train is not None:
        need = "" if spec.text or spec.format else ", and `text` here"
        return f"; for the loss on it while it is trained write validate_every_steps = 50{need}"
    return ""
