"""Finds schemas and templates, from a wheel or from a checkout alike.

Responsible for names and bytes of what we ship; `schema` and `templating` give them meaning.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final

from evidence.errors import EvidenceError

_PACKAGE: Final = Path(__file__).parents[1]
_PLACES: Final = (_PACKAGE / "_shipped", _PACKAGE.parent)
"""The wheel carries both folders inside the package; a checkout has them beside it."""


_further: Final[list[Path]] = []


@cache
def folder(kind: str) -> Path:
    """The folder of `schemas` or `templates` that belongs to this code."""
    for place in _PLACES:
        if (place / kind).is_dir():
            return place / kind
    raise EvidenceError(
        f"the {kind}/ folder of evidence-pack is missing", hint="Install evidence-pack again."
    )


@cache
def read(kind: str, name: str) -> bytes:
    """Bytes of one shipped file; `name` uses forward slashes."""
    own = folder(kind) / name
    further = (place / kind / name for place in _further if not own.is_file())
    return next((path for path in further if path.is_file()), own).read_bytes()


def names(kind: str, within: str, ending: str) -> tuple[str, ...]:
    """Names of the shipped files in a folder of `schemas` or `templates`, sorted."""
    places = (folder(kind) / within, *(place / kind / within for place in _further))
    return tuple(sorted({path.name for place in places for path in place.glob(f"*{ending}")}))


@contextmanager
def also_from(place: Path | None) -> Iterator[None]:
    """Find files of a further folder with schemas/ and templates/ too, those of ours first."""
    if place is None:
        yield
        return
    _further.append(place)
    try:
        yield
    finally:
        _further.remove(place)
        read.cache_clear()
