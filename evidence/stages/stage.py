"""The stages of a milestone, in order, each as a milestone of its own.

Responsible for what [[stage]], `of` and `init` amount to: a list of stages with names,
folders and the settings that hold in them. Whatever reads a milestone with one training and one
evaluation reads the narrowed milestone of a stage likewise. Which kinds there are is `registry`'s.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

from msgspec import field
from msgspec.structs import replace

from evidence import layout
from evidence.encoding.codec import decode, encode
from evidence.records.milestone import (
    AttemptSpec,
    DataSpec,
    EvalSpec,
    Milestone,
    ModelSpec,
    StageSpec,
)
from evidence.records.record import Record
from evidence.records.training import TrainSpec, saves_adapter
from evidence.stages.eval import EVAL
from evidence.stages.kind import Kind
from evidence.stages.pack_init import OF_PACK, init_of, pack_init
from evidence.stages.registry import kind_of, kinds_of
from evidence.stages.seeds import OF_STAGE as OF_STAGE
from evidence.stages.seeds import SEED, Expanded, expanded
from evidence.stages.train import TRAIN

BASE: Final = "base"
RESERVED: Final = frozenset(
    (
        "attempt", "data", "environment", "eval", "frozen", "git", "hardware", "metric", "model",
        "packages", "program", "run", "seen", "software", "stage", "stages", "telemetry", "text",
        "tokenizer", "train", "arms", "pairs", "parent", "seeds", "checkpoint", "inputs",
    )
)  # fmt: skip
"""Names that values of a pack begin with already."""


class Stage(Record):
    """One stage of an attempt."""

    name: str
    kind: Kind
    milestone: Milestone
    """The milestone as it holds in this stage: its model, its data, its [train] and [eval]."""
    folder: str = ""
    """Below the folder of an attempt, and of a pack; empty where the milestone has no [[stage]]."""
    init: str = ""
    """What it begins from: `base`, `stage:NAME`, `pack:FOLDER#NAME`; empty as with `folder`."""
    index: int | None = None
    """Which [[stage]] of the file it comes from, from 0; None where it comes from none."""
    own: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Keys of [train] and [eval] that its own table in the file states."""
    group: str | None = None
    """Where there are several seeds: what stages that differ in the seed alone share, the name
    that they would have with one. None of a stage whose training has one seed."""
    seed_at: str = ""
    """Pointer to its seed in the file, where that is one of several."""

    def path(self, path: str) -> str:
        """Where a file of its kind lies."""
        return f"{self.folder}/{path}" if self.folder else path

    def value(self, name: str) -> str:
        """The name that results.json has for one of its values."""
        return f"{self.name}.{name}" if self.is_named else name

    def pointer(self, pointer: str) -> str:
        """Where a setting of its milestone stands in the file: what a stage says of itself stands
        in its own table, though attempts have it there too."""
        parts = pointer.split("/")
        if len(parts) < 3:
            return pointer
        table, key = parts[-2], parts[-1]
        if self.seed_at and (table, key) == (TRAIN.name, SEED):
            return self.seed_at
        own = self.own.get(table, ())
        if self.index is not None and table in (TRAIN.name, EVAL.name) and key in own:
            place = f"{layout.STAGE}/{self.index}"
            return f"/{place}/{key}" if key == "data" else f"/{place}/{table}/{key}"
        return pointer

    @property
    def parent(self) -> str:
        """Name of the stage whose checkpoint it begins from; empty where it is another one."""
        return self.init.removeprefix(OF_STAGE) if self.init.startswith(OF_STAGE) else ""

    @property
    def of_pack(self) -> str:
        """`pack:…` where it begins from the checkpoint of another pack; else empty."""
        found = init_of(self.milestone.given_model)
        return "" if found is None else found.init

    @property
    def is_named(self) -> bool:
        """Whether it has a folder of its own."""
        return self.folder != ""

    @property
    def needed_when_complete(self) -> tuple[str, ...]:
        """Paths of the files that a complete pack with this stage has."""
        own = (layout.INPUTS,) if self.is_named else ()
        needed, trained = self.kind.needed_when_complete, self.milestone.given_train
        if self.kind is TRAIN and trained is not None and trained.lora is not None:
            instead = {layout.CONFIG: layout.ADAPTER_CONFIG} if saves_adapter(trained) else {}
            needed = (*(instead.get(path, path) for path in needed), layout.ADAPTER)
        return tuple(self.path(path) for path in (*needed, *own))


class _Asked(Record):
    """A stage before its settings are resolved."""

    name: str
    spec: StageSpec
    init: str
    data: str
    index: int | None
    group: str | None = None
    seed_at: str = ""


def stages_of(milestone: Milestone) -> tuple[Stage, ...]:
    """The stages of a milestone, in order."""
    if not milestone.is_staged:
        return tuple(Stage(kind.name, kind, milestone) for kind in kinds_of(milestone))
    asked = list(_asked(milestone))
    sets = {one.init: one.data for one in reversed(asked) if one.spec.kind == EVAL.name}
    return tuple(_stage(milestone, one, asked, sets) for one in asked)


def _asked(milestone: Milestone) -> Iterator[_Asked]:
    """One for each training stage, and for each checkpoint and data set of an evaluation."""
    trained: list[str] = []
    for one in expanded(milestone):
        spec = one.spec
        if spec.kind == TRAIN.name:
            data = next(iter(spec.data), milestone.train.data)
            yield _Asked(spec.name, spec, spec.init, data, one.index, one.group, one.seed_at)
            trained.append(spec.name)
            continue
        of, sets = spec.of or tuple(trained), spec.data or (milestone.eval.data,)
        for checkpoint in of:
            for data in sets:
                other = pack_init(checkpoint)
                own = checkpoint if other is None else other.in_names
                parts = [own] if len(of) > 1 else []
                parts += [data] if len(sets) > 1 else []
                init = OF_STAGE + checkpoint
                if checkpoint == BASE or checkpoint.startswith(OF_PACK):
                    init = checkpoint
                name, group = "_".join((spec.name, *parts)), _group(one, of, sets, checkpoint, data)
                yield _Asked(name, spec, init, data, one.index, group)


def _group(
    one: Expanded, of: Sequence[str], sets: Sequence[str], checkpoint: str, data: str
) -> str | None:
    """What an evaluation of a checkpoint of one of several seeds would be called with one."""
    trained = one.groups.get(checkpoint)
    if trained is None:
        return None
    parts = [trained] if len({one.groups.get(name, name) for name in of}) > 1 else []
    parts += [data] if len(sets) > 1 else []
    return "_".join((one.spec.name, *parts))


def _stage(
    milestone: Milestone, one: _Asked, every: Sequence[_Asked], sets: dict[str, str]
) -> Stage:
    is_training = one.spec.kind == TRAIN.name
    trained = one if is_training else _of(every, one.init)
    own_train = {} if trained is None else _of_train(trained, milestone)
    asked = one.data if not is_training else sets.get(OF_STAGE + one.name, milestone.eval.data)
    own_eval = {**({} if is_training else one.spec.eval), "data": asked}
    train = decode(TrainSpec, {**encode(milestone.train), **own_train})
    data = {}
    if trained is not None:  # what another pack, or nobody, was trained on is not known here
        data[train.data] = _rows(milestone, train.data, trained.spec)
    data[asked] = _rows(milestone, asked, None if is_training else one.spec)
    if is_training:
        data |= _validated(milestone, train)
    begins_at_base = one.init == BASE
    narrowed = replace(
        milestone,
        given_model=milestone.given_model
        if begins_at_base
        else _checkpoint(one.init, milestone.given_model),
        given_train=train,
        given_eval=decode(EvalSpec, {**encode(milestone.eval), **own_eval}),
        data=data,
        attempts=tuple(
            _attempt(spec, own_train, own_eval, begins_at_base) for spec in milestone.attempts
        ),
        gates=(),
        stage=(),
        arms=(),
        seeds=(),
    )
    return Stage(
        name=one.name,
        kind=kind_of(one.spec.kind),
        milestone=narrowed,
        folder=f"{layout.STAGES}/{one.name}",
        init=one.init,
        index=one.index,
        own=_stated(one.spec),
        group=one.group,
        seed_at=one.seed_at,
    )


def _stated(spec: StageSpec) -> dict[str, tuple[str, ...]]:
    """Keys that the table of a stage states, by the table whose they are."""
    data = ("data",) if spec.data else ()
    own = spec.train if spec.kind == TRAIN.name else spec.eval
    return {spec.kind: (*own, *data)}


def _of(every: Sequence[_Asked], init: str) -> _Asked | None:
    return next((one for one in every if OF_STAGE + one.name == init), None)


def _of_train(one: _Asked, milestone: Milestone) -> dict[str, Any]:
    """What a stage says of its training, over what [train] and an attempt say."""
    return {**one.spec.train, "data": one.data}


def _rows(milestone: Milestone, name: str, spec: StageSpec | None) -> DataSpec:
    """A data set as a stage takes it. What the file declares of all rows is not said of some."""
    found = milestone.data[name]
    if spec is None or not spec.where:
        return found
    return replace(found, where={**found.where, **spec.where}, rows=None)


def _validated(milestone: Milestone, train: TrainSpec) -> dict[str, DataSpec]:
    """The rows that a training is evaluated on while it runs, where any attempt asks for that."""
    asks = [train.validate_every_steps]
    asks += [one.train.get("validate_every_steps", 0) for one in milestone.attempts]
    name = train.validation_data
    return {name: milestone.data[name]} if any(asks) and name in milestone.data else {}


def _checkpoint(init: str, base: ModelSpec | None) -> ModelSpec:
    """The checkpoint of another stage, by where it lies below the folder of its attempt; that of
    another pack by where it lies below the project. Conversations become text as for the base."""
    other = pack_init(init)
    folder = f"{layout.STAGES}/{init.removeprefix(OF_STAGE)}"
    own = ModelSpec(path=f"{folder}/{layout.FINAL_MODEL}", named=init)
    found = own if other is None else other.model
    if base is None:
        return found
    return replace(found, chat_template=base.chat_template, chat_values=base.chat_values)


def _attempt(
    spec: AttemptSpec, train: dict[str, Any], asked: dict[str, Any], begins_at_base: bool
) -> AttemptSpec:
    return replace(
        spec,
        model=spec.model if begins_at_base else None,
        train={**spec.train, **train},
        eval={**spec.eval, **asked},
    )
