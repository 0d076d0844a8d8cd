"""Which settings of a milestone hold: what was set in their place is what the run followed.

Responsible for facts of milestone.toml that nothing followed: those that the command line, each
attempt or each stage sets anew. They are left out, so that they bear nothing out and accuse
nobody. Works on what was read of the files, in a pack and in a folder that verify has not seen.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeAlias

from msgspec.structs import replace

from evidence import layout
from evidence.foreign.facts import Fact, Source
from evidence.milestone.overrides import MAX_SETTINGS

_TABLES: Final = ("train", "eval")
_ATTEMPT: Final = "attempt"
_Key: TypeAlias = tuple[str, str, str]
"""Who sets it (an attempt, a stage; empty: the milestone), the table, the key."""
_NONE: Final = ("", "", "")


def in_force(sources: Sequence[Source]) -> list[Source]:
    """The files with the settings of each milestone.toml that hold."""
    by_path = {one.path: one for one in sources}
    return [
        _held(one, by_path.get(f"{folder}{layout.OVERRIDES}"))
        if (folder := one.path.removesuffix(layout.MILESTONE)) != one.path
        and (not folder or folder.endswith("/"))
        else one
        for one in sources
    ]


def _held(milestone: Source, overrides: Source | None) -> Source:
    facts = list(milestone.facts)
    for key, given in islice(_set(overrides), MAX_SETTINGS):
        place = _place_of(key, facts)
        like = next((fact for fact in facts if _is_at(fact, place)), None)
        parts = [part for part in place.split("/") if part and not part.isdigit()]
        name, scope = (parts[-1], tuple(parts[:-1])) if like is None else (like.name, like.scope)
        row = None if like is None else like.row
        facts = [fact for fact in facts if not _is_at(fact, place)]
        facts += [replace(one, name=name, scope=scope, row=row) for one in given]
    unused = _unused(facts)
    kept = (one for one in facts if one.place.file != milestone.path or _key_of(one) not in unused)
    return replace(milestone, facts=tuple(kept))


def _set(overrides: Source | None) -> Iterator[tuple[str, list[Fact]]]:
    """Each key of the command line, with its value: of a list, several."""
    every = () if overrides is None else overrides.facts
    for fact in every:
        start, is_key, _ = fact.place.address.partition("/key")
        if is_key and start.startswith("/overrides/"):
            yield fact.text, [one for one in every if _is_at(one, f"{start}/value")]


def _place_of(key: str, facts: Iterable[Fact]) -> str:
    """`train.seed` as a pointer; `attempt.NAME.train.seed` by the place of its name."""
    table, *rest = key.split(".")
    for fact in facts if len(rest) > 1 else ():
        start, is_name, _ = fact.place.address.rpartition("/name")
        if is_name and start.startswith(f"/{table}/") and fact.value == rest[0]:
            return "/".join((start, *rest[1:]))
    return "/".join(("", table, *rest))


def _is_at(fact: Fact, place: str) -> bool:
    return fact.place.address == place or fact.place.address.startswith(f"{place}/")


def _key_of(fact: Fact) -> _Key:
    """`/attempt/0/train/seed` is the seed of `attempt`, `/train/seed` that of the milestone."""
    parts = fact.place.address.split("/")[1:]
    if len(parts) > 3 and parts[0] in (_ATTEMPT, layout.STAGE) and parts[2] in _TABLES:
        return parts[0], parts[2], parts[3]
    return ("", parts[0], parts[1]) if len(parts) > 1 and parts[0] in _TABLES else _NONE


def _unused(facts: Sequence[Fact]) -> set[_Key]:
    """What each attempt or each stage of the kind sets anew, and each stage in an attempt's place:
    the key as the milestone, or an attempt, has it."""
    makers: dict[tuple[str, str], set[str]] = {}
    setters: dict[_Key, set[str]] = {}
    for fact in facts:
        parts = fact.place.address.split("/")
        if parts[1:2] == [_ATTEMPT]:
            for table in _TABLES:
                makers.setdefault((_ATTEMPT, table), set()).add(parts[2])
        elif parts[1:2] == [layout.STAGE] and parts[3:] == ["kind"]:
            makers.setdefault((layout.STAGE, fact.text), set()).add(parts[2])
        if _key_of(fact)[0]:
            setters.setdefault(_key_of(fact), set()).add(parts[2])
    found: set[_Key] = set()
    for (by, table, key), who in setters.items():
        if who >= makers.get((by, table), {""}):
            found |= {("", table, key), *([(_ATTEMPT, table, key)] if by == layout.STAGE else [])}
    return found
