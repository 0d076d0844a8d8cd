"""Values of the packs that a run begins from: parent.PACK.NAME.

Responsible for their names, and for what manifest.json says of such packs. Copied when the run
began, from a pack that was verified then; `verification` holds them against that pack where it is
at hand.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec.structs import replace

from evidence import layout
from evidence.records.parents import ParentPackRecord, ParentValueRecord
from evidence.records.run import ParentRecord, Relation, ValueRecord
from evidence.results.context import Context, Values, at, known, unknown
from evidence.stages.pack_init import PackInit, pack_init

BEGINS_FROM: Final[Relation] = "begins-from"
_START: Final = "parent."


def parent_values(context: Context) -> Values:
    """parent.*, at the level at which they are known there."""
    for index, one in enumerate(context.documents.parents):
        pack = pack_init(one.init)
        if pack is None:
            continue
        for name, value in one.values.items():
            place = at(layout.PARENTS, "parents", index, "values", name, "value")
            yield f"{_START}{pack.name}.{name}", _copied(value, place)


def _copied(value: ParentValueRecord, place: str) -> ValueRecord:
    found = (
        unknown(value.unavailable or "not measured there", value.unit, place)
        if value.value is None
        else known(value.value, value.unit, place)
    )
    return replace(found, level=value.level)


def names_of(pack: PackInit, packs: Sequence[PackInit], names: Iterable[str]) -> tuple[str, ...]:
    """Of the names of values those of this pack, as they are called there, each once; none where
    an earlier checkpoint of the same pack has them."""
    if next(one for one in packs if one.pack == pack.pack) != pack:
        return ()
    own = f"{_START}{pack.name}."
    longer = [
        start
        for start in (f"{_START}{one.name}." for one in packs)
        if start != own and start.startswith(own)  # a pack called M45.1 beside M45
    ]
    return tuple(
        dict.fromkeys(
            name.removeprefix(own)
            for name in names
            if name.startswith(own) and not name.startswith(tuple(longer))
        )
    )


def begun_from(parents: Sequence[ParentPackRecord]) -> tuple[ParentRecord, ...]:
    """What manifest.json says of them: each pack once, however many checkpoints are of it."""
    return tuple(
        dict.fromkeys(ParentRecord(one.milestone, one.root_sha256, BEGINS_FROM) for one in parents)
    )
