"""`path` of a data set: one file, or several by their names and patterns.

Responsible for telling the two apart and for what a list may not say. Which files there are is
`data.files`' to find.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from evidence.records.milestone import DataSpec


def with_paths(data: dict[str, Any]) -> dict[str, Any]:
    """The table with `paths` instead of `path` where several files are meant."""
    given = data.get("path")
    if isinstance(given, str) and _has_wildcard(given):
        given = [given]
    if not isinstance(given, list):
        return data
    if len(given) == 1 and not _has_wildcard(given[0]):
        return {**data, "path": given[0]}
    return {**{key: part for key, part in data.items() if key != "path"}, "paths": given}


def path_problems(pointer: str, spec: DataSpec) -> Iterator[tuple[str, str]]:
    """What several files must not be, by pointer."""
    if (spec.path is None and not spec.paths) == (spec.hub is None):
        yield pointer, "give either `path` (files of rows) or `hub` (a data set id)"
    for index, one in enumerate(spec.paths):
        if one in spec.paths[:index]:
            yield f"{pointer}/path", f"{one!r} is named twice"
        if one.startswith("/") or ".." in one.split("/"):
            yield f"{pointer}/path", f"{one!r} leads out of the project"


def _has_wildcard(path: str) -> bool:
    return "*" in path or "?" in path  # a [ stands in names of files, too
