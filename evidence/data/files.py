"""Which files a data set is: one, several in the order of the milestone, or what a pattern names.

Responsible for the list and for its order. Reading them is `read`'s; patterns mean what they mean
in [[frozen]] (`capture.patterns`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from evidence.capture.patterns import files_matching, is_plain, matches
from evidence.errors import MilestoneError
from evidence.records.milestone import DataSpec


def named_files(root: Path, spec: DataSpec) -> tuple[str, ...]:
    """The files of a set that is no data set of the hub, in their order: entry by entry of `path`,
    and of each pattern sorted. Raises MilestoneError where an entry names none, or one again."""
    found: list[str] = []
    for one in spec.paths:
        if is_plain(one):
            files = [one] if (root / one).is_file() else []
        else:
            files = sorted(files_matching(root, one))
        if not files:
            text = f"there is no file {one}" if is_plain(one) else f"{one!r} matches no file"
            raise MilestoneError(text, hint=f"Paths are relative to {root}.")
        again = next((file for file in files if file in found), None)
        if again is not None:
            text = f"{one!r} names {again}, which an entry before it names too"
            raise MilestoneError(text, hint="Its rows would be taken twice. Name each file once.")
        found += files
    return (spec.path,) if spec.path is not None else tuple(found)


def wrong_list(paths: Sequence[str], files: Sequence[str]) -> str:
    """Why `path` of a milestone cannot have named just these files in this order; else nothing."""
    before = (-1, "")
    for file in files:
        entries = [index for index, one in enumerate(paths) if names_file(one, file)]
        if not entries:
            return f"no entry of `path` names {file}"
        if len(entries) > 1:
            return f"two entries of `path` name {file}"
        here = (entries[0], file)
        if here <= before:
            return f"{file} does not stand in the order of `path`"
        if here[0] > before[0] + 1:
            return f"no file of {paths[before[0] + 1]!r} is listed before {file}"
        before = here
    return "" if before[0] == len(paths) - 1 else f"no file of {paths[before[0] + 1]!r} is listed"


def names_file(entry: str, file: str) -> bool:
    """Whether an entry of `path` names a file."""
    return entry == file if is_plain(entry) else matches(entry, file)
