"""Which kinds of stage there are, and which of them a milestone asks for.

Responsible for the one list that run, seal, verify, results and render read. A kind is added by
its registration alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from evidence import layout, limits
from evidence.records.milestone import Milestone
from evidence.stages.command import COMMAND
from evidence.stages.eval import EVAL
from evidence.stages.kind import Kind
from evidence.stages.train import TRAIN
from evidence.system import resources

_KINDS: Final[list[Kind]] = [TRAIN, EVAL, COMMAND]
"""In the order in which an attempt goes through its stages."""

_OUTCOME: Final = "outcome.json"
"""In the folder of an attempt that did not complete."""


def kinds() -> tuple[Kind, ...]:
    """Every kind, in order."""
    return tuple(_KINDS)


def kind_of(name: str) -> Kind:
    """The kind of a stage. Raises KeyError for a name that no kind has."""
    for one in _KINDS:
        if one.name == name:
            return one
    raise KeyError(name)


def kinds_of(milestone: Milestone) -> tuple[Kind, ...]:
    """The kinds of stage that a milestone asks for, in order."""
    asked = {*milestone.stages}
    asked |= {TRAIN.name} if milestone.given_train is not None else set()
    asked |= {EVAL.name} if milestone.given_eval is not None else set()
    return tuple(one for one in _KINDS if one.name in asked)


@lru_cache(maxsize=limits.MAX_FILES)  # a pack of 20,000 files asks this of each several times
def schema_for(path: str) -> str | None:
    """Name of the schema that a pack-relative JSON path must satisfy; None when there is none."""
    name = path
    if path.startswith(f"{layout.ATTEMPTS}/"):
        name = path.split("/", 2)[-1]
        if name == _OUTCOME:
            return layout.OUTCOME_SCHEMA
    if name.startswith(f"{layout.STAGES}/"):
        name = layout.without_stage(name)
        if name == layout.INPUTS:
            return layout.SCHEMA_OF[name]
        return next((one.schemas[name] for one in _KINDS if name in one.schemas), None)
    of_kinds = (one.schemas[name] for one in _KINDS if name in one.schemas)
    return layout.SCHEMA_OF.get(name) or next(of_kinds, None)


@lru_cache(maxsize=limits.MAX_FILES)
def is_document(path: str) -> bool:
    """Whether the bytes of this pack-relative path become a record, or have a schema."""
    return path in (layout.MILESTONE, layout.NOTES) or schema_for(path) is not None


@contextmanager
def registered(kind: Kind) -> Iterator[None]:
    """Have one kind more, after all others. Raises ValueError for a name or path that is taken."""
    taken = {path for one in _KINDS for path in one.needed_when_complete}
    if kind.name in {one.name for one in _KINDS} or taken & set(kind.needed_when_complete):
        raise ValueError(f"the name or a path of the kind of stage {kind.name!r} is taken")
    _KINDS.append(kind)
    try:
        with resources.also_from(kind.shipped):
            _forget()
            yield
    finally:
        _KINDS.remove(kind)
        _forget()


def _forget() -> None:
    schema_for.cache_clear()
    is_document.cache_clear()
