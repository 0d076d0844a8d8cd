"""What is wrong with [[arms]] and `under_test`, as far as the file alone tells.

Responsible for names: of stages, and of what arms are said to differ in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from evidence.records.milestone import ArmsSpec, DataSpec, EvalSpec, Milestone, ModelSpec
from evidence.records.training import TrainSpec
from evidence.stages.seeds import numbered
from evidence.stages.stage import stages_of
from evidence.stages.train import TRAIN

_ROOMS: Final = {"train": TrainSpec, "eval": EvalSpec, "model": ModelSpec}
_OTHERS: Final = (
    "data", "data.text", "data.answer", "data.loss", "data.append_eos", "data.format", "data.learn",
    "data.num_rows", "start",
    "tokenizer", "seen", "seen.order", "seen.target_share", "budget", "budget.steps",
    "budget.rows_fed", "budget.tokens", "budget.target_tokens",
)  # fmt: skip

Problem = tuple[str, str]


def arm_problems(milestone: Milestone) -> Iterator[Problem]:
    """Every problem of [[arms]]. The stages are known to be right."""
    if milestone.arms and not milestone.is_staged:
        yield "/arms", "are training stages side by side: this milestone has no [[stage]]"
        return
    trained = [one.name for one in stages_of(milestone) if one.kind is TRAIN]
    seeded = {one.name: len(one.seeds) for one in milestone.stage if one.seeds}
    for index, spec in enumerate(milestone.arms):
        place = f"/arms/{index}"
        if not set(spec.stages).isdisjoint(seeded):
            yield f"{place}/stages", _of_seeds(spec, seeded)
        else:
            yield from _stages(f"{place}/stages", spec, trained)
        for number, name in enumerate(spec.varies):
            yield from _varies(f"{place}/varies/{number}", name, milestone)


def _of_seeds(spec: ArmsSpec, seeded: dict[str, int]) -> str:
    """Each seed is a stage of its own: what to write for the first of them."""
    name = next(name for name in spec.stages if name in seeded)
    runs = [numbered(name, number) for number in range(seeded[name])]
    first = [numbered(one, 0) if one in seeded else one for one in spec.stages]
    return (
        f"{name!r} has {len(runs)} seeds, and each is a stage of its own ({', '.join(runs)}): "
        f"write stages = {json.dumps(first)}, and an [[arms]] of its own for each further seed; "
        f"means over the seeds are values, such as seeds.{name}.train.loss_end.mean"
    )


def _stages(place: str, spec: ArmsSpec, trained: list[str]) -> Iterator[Problem]:
    for number, name in enumerate(spec.stages):
        if spec.stages.index(name) != number:
            yield f"{place}/{number}", f"{name!r} is named twice"
        elif name not in trained:
            yield f"{place}/{number}", f"no training stage {name!r}; {_meant(name, trained)}"


def _varies(place: str, name: str, milestone: Milestone) -> Iterator[Problem]:
    """Fields of rows come from data: seen.FIELD.loss is as good as the data are."""
    room, _, rest = name.partition(".")
    known = [*_OTHERS, *_ROOMS, *(f"{key}.{one}" for key, spec in _ROOMS.items() for one in
             spec.__struct_fields__), "eval.data"]  # fmt: skip
    if name in known or (room == "seen" and rest):
        return
    yield place, f"nothing that arms are compared by is called {name!r}; {_meant(name, known)}"


def _meant(name: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"there are: {', '.join(known) or 'none'}"


def tested_problems(place: str, name: str, spec: DataSpec) -> Iterator[Problem]:
    """A field under test is one of the fields that are declared, where they are."""
    if spec.under_test is not None and spec.fields and spec.under_test not in spec.fields:
        yield f"{place}/under_test", f"{spec.under_test!r} is not among the fields of [data.{name}]"
