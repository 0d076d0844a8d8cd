"""Finds schemas and templates, from a wheel or from a checkout alike.

Responsible for names and bytes of what we ship; `schema` and `templating` give them meaning.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Final

from evidence.errors import EvidenceError

_PACKAGE: Final = Path(__file__).parents[1]
_PLACES: Final = (_PACKAGE / "_shipped", _PACKAGE.parent)
"""The wheel carries both folders inside the package; a checkout has them beside it."""


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
    return (folder(kind) / name).read_bytes()
