"""Which pack a path lies in: nothing is written there, and nothing that lies there is the caller's.

Responsible for telling so by names alone. A project may have a manifest.json of its own, and no
SHA256SUMS beside it.
"""

from __future__ import annotations

from pathlib import Path

from evidence import layout
from evidence.errors import UsageError


def pack_around(path: Path) -> Path | None:
    """The pack that a path is or lies in, its links followed; None where there is none."""
    whole = path.resolve()
    for place in (whole, *whole.parents):
        if (place / layout.SUMS).exists() and (place / layout.MANIFEST).exists():
            return place
    return None


def refuse_in_a_pack(folder: Path, option: str) -> None:
    """Raise UsageError for a folder in which a new file would be an unlisted one of a pack.

    `option` is the one that names another folder.
    """
    place = pack_around(folder)
    if place is not None:
        raise UsageError(
            f"{folder} lies in the pack {place}; nothing is written into a pack",
            hint=f"Give a folder elsewhere: {option} FOLDER",
        )
