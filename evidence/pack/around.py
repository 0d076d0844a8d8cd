"""Which pack a path lies in: nothing is written there, and nothing that lies there is the caller's.

Responsible for telling so by names alone. A project may have a manifest.json of its own, and no
SHA256SUMS beside it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from evidence import layout
from evidence.errors import UsageError


def pack_around(path: Path) -> Path | None:
    """The pack that a path is or lies in, its links followed; None where there is none."""
    whole = path.resolve()
    for place in (whole, *whole.parents):
        if (place / layout.SUMS).exists() and (place / layout.MANIFEST).exists():
            return place
    return None


def refuse_in_a_pack(path: Path, option: str, kind: Literal["folder", "file"] = "folder") -> None:
    """Raise UsageError for a path that would be, or hold, an unlisted file of a pack.

    `option` is the one that names another.
    """
    place = pack_around(path)
    if place is not None:
        raise UsageError(
            f"{path} lies in the pack {place}; nothing is written into a pack",
            hint=f"Give a {kind} elsewhere: {option} {kind.upper()}",
        )
