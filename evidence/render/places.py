"""Where the addresses of a value lead: file, lines and what of them.

Responsible for reading addresses apart. Nothing is opened; what stands there is not asked.
"""

from __future__ import annotations

import re
from typing import Final

from evidence.records.record import Record

_ADDRESS: Final = re.compile(
    r"(?P<path>[^#]*)#(?:L(?P<first>[0-9]{1,9})(?:-L(?P<last>[0-9]{1,9}))?)?(?P<pointer>/.*|)"
)


class Place(Record):
    """Part of a file of the pack. Lines count from 1; 0: the address names none."""

    path: str
    first: int
    last: int
    pointer: str


def places_of(address: str) -> list[Place]:
    """The places that an address joins. What is no address is shown as the path that it is."""
    return [_place(part) for part in address.split(" + ") if part]


def _place(part: str) -> Place:
    found = _ADDRESS.fullmatch(part)
    if found is None:
        return Place(part, 0, 0, "")
    first = int(found["first"] or 0)
    return Place(found["path"], first, int(found["last"] or first), found["pointer"])
