"""The name that was meant by one that a milestone file cannot have.

Responsible for stages, packs and whatever else has a form of its own. Only what itself has that
form is proposed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from typing import Any, Final

from evidence.stages.pack_init import OF_PACK, pack_init
from evidence.stages.stage import OF_STAGE

_MAX_CHARS: Final = 200
"""Of a text for which something is proposed."""
_OTHERS: Final = re.compile(r"[^A-Za-z0-9_]+")
_RUNS: Final = "runs"


def meant_for(text: str, pattern: str, stages: Sequence[Any]) -> str:
    """`; did you mean …?` with what has the form of `pattern`; empty where nothing is near.

    `stages`: the names that the file gives its stages.
    """
    if len(text) > _MAX_CHARS:
        return ""
    names = [one for one in stages if isinstance(one, str)]
    for one in _proposals(text, names, is_init=OF_STAGE in pattern):
        if one != text and re.fullmatch(pattern.removesuffix(r"(?!\n)"), one):
            return f'; did you mean "{one}"?'
    return ""


def pack_meant(text: str, *, is_init: bool) -> str:
    """A pack as a milestone names it, from a path or from its bare name; empty where there is
    none in the text."""
    path = text.strip().removeprefix(OF_PACK).replace("\\", "/")
    pack, _, stage = path.replace(":", "#").partition("#")
    folders = [one for one in pack.split("/") if one and one != "."]
    if not folders:
        return ""
    is_elsewhere = path.startswith("/") or ".." in folders or len(folders) == 1
    if is_elsewhere:
        folders = [_RUNS, folders[-1]]
    named = "/".join(folders) + (f"#{stage}" if stage else "")
    found = pack_init(OF_PACK + named)
    return "" if found is None else (found.init if is_init else named)


def _proposals(text: str, stages: list[str], *, is_init: bool) -> Iterator[str]:
    bare = text.strip()
    if is_init:
        kind, mark, name = bare.partition(":")
        name = (name if mark else kind).strip()
        yield from (OF_STAGE + one for one in stages if one.lower() == name.lower())
        if "/" not in bare and "#" not in bare and not bare.startswith(OF_PACK):
            yield from (OF_STAGE + one for one in get_close_matches(name, stages, n=1))
            yield from get_close_matches(bare, ["base"], n=1)
        else:
            yield pack_meant(bare, is_init=True)
        return
    yield bare
    yield bare.lower().removeprefix("sha256:")
    yield bare.replace("\\", "/")
    if "/" in bare or "#" in bare:
        yield pack_meant(bare, is_init=False)
        return
    yield _OTHERS.sub("_", bare).strip("_")
    yield _OTHERS.sub("_", bare).strip("_").lower()
    yield re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")
