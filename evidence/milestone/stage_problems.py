"""What is wrong with the stages of a milestone, as far as the file alone tells.

Responsible for names, order and references between stages. Whether their data are there is
`running`'s preflight.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import get_close_matches

from evidence import layout
from evidence.encoding.codec import encode
from evidence.milestone.conversations import NO_TEXT, OF_TEXT, has_text
from evidence.records.milestone import EvalSpec, Milestone, StageSpec
from evidence.records.training import TrainSpec
from evidence.stages.eval import EVAL
from evidence.stages.pack_init import OF_PACK, name_problems, named_packs
from evidence.stages.stage import BASE, OF_STAGE, RESERVED, Stage, stages_of
from evidence.stages.train import TRAIN

Problem = tuple[str, str]
"""(pointer, what is wrong)."""


def pack_problems(milestone: Milestone) -> Iterator[Problem]:
    """What is wrong with a model that is a checkpoint of another pack."""
    model = milestone.given_model
    if model is not None and model.pack is not None:
        yield from name_problems([("/model/pack", OF_PACK + model.pack)])
        beside = {*OF_TEXT, "license"}
        given = {name: value for name, value in encode(model).items() if name not in beside}
        more = [name for name, value in given.items() if value is not None]
        if more != ["pack"]:
            yield "/model", f"`pack` stands alone (there is: {', '.join(more)})"
    for index, one in enumerate(milestone.attempts):
        if one.model is None:
            continue
        if model is not None and model.pack is not None:
            yield f"/attempt/{index}/model", "[model] names a pack: no attempt has another model"
        if one.model.pack is not None:
            yield f"/attempt/{index}/model/pack", "is of [model]: all attempts begin from that pack"


def stage_problems(milestone: Milestone) -> list[Problem]:
    """Every problem of [[stage]]."""
    if milestone.given_train is None or milestone.given_eval is None:
        if milestone.stage:
            return [("/stage", "stages need [model], [train] and [eval]")]
        return []
    found = [*_names(milestone.stage), *name_problems(named_packs(milestone))]
    for index, spec in enumerate(milestone.stage):
        place, before = f"/stage/{index}", milestone.stage[:index]
        found += _training(place, spec, before) if spec.kind == TRAIN.name else []
        found += _evaluation(place, spec, before) if spec.kind == EVAL.name else []
        found += _data(place, spec, milestone)
    if found:
        return found
    return [*_folders(stages_of(milestone))]


def _folders(stages: Sequence[Stage]) -> Iterator[Problem]:
    """Names of stages are names of folders, on every system that a pack may be copied to."""
    first: dict[str, str] = {}
    for stage in stages:
        name, folded = stage.name, stage.name.casefold()
        place = f"/stage/{stage.index}/name" if stage.index is not None else "/stage"
        if folded in first:
            same = first[folded] == name
            other = "" if same else f", as {first[folded]!r} is where case is lost"
            yield place, f"two stages would be called {name!r}{other}: name one of them else"
        if stage.is_named and layout.is_reserved(name):
            yield place, f"{name!r} is the name of a device of Windows, and of no folder there"
        first.setdefault(folded, name)


def _names(stages: Sequence[StageSpec]) -> Iterator[Problem]:
    names = [one.name for one in stages]
    for index, name in enumerate(names):
        if names.index(name) != index:
            yield f"/stage/{index}/name", f"{name!r} is used twice"
        if name in RESERVED or name == BASE:
            yield f"/stage/{index}/name", f"{name!r} is what other values begin with: name it else"


def _training(place: str, spec: StageSpec, before: Sequence[StageSpec]) -> Iterator[Problem]:
    if spec.of:
        yield f"{place}/of", "is of evaluation stages; a training begins from `init`"
    if spec.eval:
        yield f"{place}/eval", "a training stage has no [eval] of its own"
    if len(spec.data) > 1:
        yield f"{place}/data", "a stage trains on one data set: write a [[stage]] for each"
    if spec.init.startswith(OF_STAGE):
        yield from _earlier(f"{place}/init", spec.init.removeprefix(OF_STAGE), before)


def _evaluation(place: str, spec: StageSpec, before: Sequence[StageSpec]) -> Iterator[Problem]:
    if spec.init != BASE:
        yield f"{place}/init", "is of training stages; an evaluation has `of`"
    if spec.train:
        yield f"{place}/train", "an evaluation stage trains nothing"
    if not spec.of and not any(one.kind == TRAIN.name for one in before):
        yield place, 'no training stage stands before it; say of what it is: of = ["base"]'
    yield from _twice(f"{place}/of", spec.of)
    yield from _twice(f"{place}/data", spec.data)
    for index, name in enumerate(spec.of):
        if name != BASE and not name.startswith(OF_PACK):
            yield from _earlier(f"{place}/of/{index}", name, before)


def _twice(place: str, names: Sequence[str]) -> Iterator[Problem]:
    for index, name in enumerate(names):
        if names.index(name) != index:
            yield f"{place}/{index}", f"{name!r} is named twice"


def _earlier(place: str, name: str, before: Sequence[StageSpec]) -> Iterator[Problem]:
    known = [one.name for one in before if one.kind == TRAIN.name]
    if name in known:
        return
    if name.removeprefix(OF_STAGE) in known:
        yield place, f"checkpoints are named without {OF_STAGE!r} here: {name[len(OF_STAGE) :]!r}"
        return
    close = get_close_matches(name, known, n=1)
    hint = f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"
    yield place, f"no training stage {name!r} stands before it; {hint}"


def _data(place: str, spec: StageSpec, milestone: Milestone) -> Iterator[Problem]:
    table = milestone.train.data if spec.kind == TRAIN.name else milestone.eval.data
    for name in spec.data or (table,):
        if name not in milestone.data:
            known = ", ".join(sorted(milestone.data))
            text = f"no [data.{name}] in this file; there are: {known}"
            if not spec.data:
                text = f"the stage names none; {of_table(name, spec.kind)}{text}"
            yield f"{place}/data", text
        elif spec.kind == TRAIN.name and not has_text(milestone.data[name]):
            yield f"/data/{name}", NO_TEXT
    for name, keys in (("train", spec.train), ("eval", spec.eval)):
        if "data" in keys:
            yield f"{place}/{name}/data", "is the stage's own key: data = …"


def of_table(name: str, table: str) -> str:
    """What [train] or [eval] says of its data, where that may as well be nothing."""
    default = TrainSpec().data if table == TRAIN.name else EvalSpec().data
    says = "says none, or its default," if name == default else "says"
    return f"[{table}] {says} {name!r}: "
