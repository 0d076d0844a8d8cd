"""Folders and files as a milestone names them, and as a pack tells of them. Pure.

Responsible for what may differ: names of the machine were made anonymous (`~`, `user`, `host`, see
`redact.identity`).
"""

from __future__ import annotations

import re
from typing import Final

_ANONYMOUS: Final = re.compile(
    r"~|(?<=[/\\])user(?![\w-])|\buser(?=@host)|(?<=@)host(?![\w-])|(?<=://)host(?![\w-])"
)


def has_names_cut(text: str) -> bool:
    """Whether names of a machine may have been cut out of a text."""
    return _ANONYMOUS.search(text) is not None


def is_same(asked: str, ran: str) -> bool:
    """Whether a text is the other one, or is it with names of a machine cut out."""
    if asked == ran:
        return True
    first, *pieces = _ANONYMOUS.split(ran)
    if not pieces or not asked.startswith(first) or not asked.endswith(pieces[-1]):
        return False
    place, end = len(first), len(asked) - len(pieces[-1])
    for piece in pieces[:-1]:
        place = asked.find(piece, place + 1, end)
        if place < 0:
            return False
        place += len(piece)
    return place < end


def name_of(path: str) -> str:
    """The last part of a path, of whatever system, in small letters."""
    return re.split(r"[\\/]", path)[-1].lower()
