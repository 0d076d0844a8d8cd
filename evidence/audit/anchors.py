"""Which folders of the evidence a page is about, by what it has from them.

Responsible for one rule: where a page repeats telling values of some folders, another folder that
it never names contradicts nothing; its files may be of another run.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Final

from evidence.audit.claims import Judged
from evidence.audit.meaning import words_of
from evidence.foreign.facts import Place

TELLING_DIGITS: Final = 3
_NAMED: Final = ("identity", "digest")
_ACCUSED: Final = ("contradicted", "mislabelled")


def within_anchors(judged: Sequence[Judged]) -> list[Judged]:
    """The verdicts of one page; accusations from folders that it is not about become silent."""
    anchors = {
        folder_of(place)
        for one in judged
        if one.verdict == "supported" and _is_telling(one)
        for place in one.places
    }
    return [_silent(one) if _is_of_another(one, anchors) else one for one in judged]


def folder_of(place: Place) -> str:
    """Where a file lies; empty at the top."""
    parent = str(PurePosixPath(place.file).parent)
    return "" if parent == "." else parent


def _is_telling(one: Judged) -> bool:
    quantity = one.claim.quantity
    if quantity is None:
        return one.claim.kind in _NAMED
    return quantity.num_digits >= TELLING_DIGITS and quantity.relation == "equal"


def _is_of_another(one: Judged, anchors: set[str]) -> bool:
    if one.verdict not in _ACCUSED or not one.places or not anchors:
        return False
    return not any(_is_near(one, folder_of(place), anchors) for place in one.places)


def _is_near(one: Judged, folder: str, anchors: set[str]) -> bool:
    """Whether the page is about a folder: by what it repeats, or since the claim names it."""
    if any(anchor == folder or anchor.startswith(f"{folder}/") for anchor in anchors):
        return True
    above = folder.rpartition("/")[0]
    if folder == "" or (above and any(anchor.rpartition("/")[0] == above for anchor in anchors)):
        return True  # a store keeps settings and metrics side by side
    claim = one.claim
    named = claim.meaning.rest | claim.around | {value for _, value in claim.keys}
    return bool(named & set(words_of(folder.replace("/", " "))))


def _silent(one: Judged) -> Judged:
    folder = folder_of(one.places[0])
    message = f"{folder} has {one.expected}; nothing else of this page is from there"
    return Judged(one.claim, "unsupported", message, one.expected, one.places)
