"""The originals of an imported pack, each read under its name in the pack.

Responsible for the limit on how many values are taken from all of them together. Which files are
originals, and whether they may be opened, is the caller's.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from evidence.foreign import reading
from evidence.foreign.endings import error_at_end
from evidence.foreign.facts import Source


def originals(root: Path, names: Iterable[tuple[str, str]]) -> tuple[Source, ...]:
    """A source for each path below `root`, in that order; with each the name that tells its form.

    Raises OSError for what cannot be opened.
    """
    wanted = tuple(names)
    most = reading.level([(root / path).stat().st_size for path, _ in wanted])
    return tuple(
        _with_its_end(root, reading.file(root / path, path, found_as, most))
        for path, found_as in wanted
    )


def _with_its_end(root: Path, source: Source) -> Source:
    """A log with how it ends, where that is in an error."""
    if source.format != "log" or source.encoding is None:
        return source
    found = error_at_end(root / source.path, source.path, source.encoding)
    return source if found is None else replace(source, facts=(*source.facts, found))
