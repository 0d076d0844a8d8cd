"""What holds each input of a run: the commit, its patch, a submodule, or nothing at all.

Responsible for the record of it, with a reason where whoever has the commit lacks the file. How
git is asked is `holding`'s.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from msgspec.structs import replace

from evidence.capture.git import PatchedTree, differs, patched_tree
from evidence.capture.holding import (
    OUTSIDE,
    Holding,
    from_top,
    holding,
    is_filtered,
    why_ignored,
    why_in_dvc,
)
from evidence.capture.repository import Repository
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord, HeldBy, InputPlaceRecord
from evidence.records.record import Record


class Input(Record):
    """A file or a folder that the run reads."""

    key: str
    """Of the milestone: data.train.path, model.config; `milestone` for the file itself."""
    path: str
    """As the milestone names it."""
    sha256: str | None = None
    """None: whether git has it is asked, and not whether with these bytes."""


class Source(Record):
    """Commit and patch that the run started from."""

    tree: PatchedTree
    state: GitStateRecord
    patch: bytes | Unavailable

    @property
    def found(self) -> Repository:
        """The repository of the project."""
        return self.tree.found

    def changed(self, file: str) -> bool:
        """Whether a file differed from the commit."""
        if any(one.path == file for one in self.state.files):
            return True
        return self.state.left_out is not None and differs(self.found, file)


def place_inputs(
    found: Repository | Unavailable,
    state: GitStateRecord | Unavailable,
    patch: bytes | Unavailable,
    inputs: Iterable[Input],
) -> tuple[InputPlaceRecord, ...] | None:
    """A record for each input; None without a commit."""
    if isinstance(found, Unavailable) or isinstance(state, Unavailable):
        return None
    applied = b"" if isinstance(patch, Unavailable) else patch
    try:
        with patched_tree(found, state.commit, applied) as tree:
            return tuple(_place(Source(tree, state, patch), one) for one in inputs)
    except Exception:  # a patch that does not apply, or a git that answers what no git answers
        return None


def not_held(places: tuple[InputPlaceRecord, ...] | None) -> tuple[InputPlaceRecord, ...]:
    """Inputs that whoever has the commit and the pack lacks."""
    return tuple(one for one in places or () if one.held_by == "nothing")


def _place(source: Source, one: Input) -> InputPlaceRecord:
    name = from_top(source.found, one.path)
    if name is None:
        return InputPlaceRecord(one.key, one.path, "nothing", OUTSIDE)
    places = [
        _place_file(source, InputPlaceRecord(one.key, name, "commit", ""), file, one.sha256)
        for file in _files(source.found, name)
    ]
    order = ("nothing", "patch", "pointer", "submodule", "commit")
    return min(places, key=lambda place: order.index(place.held_by))


def _files(found: Repository, name: str) -> Iterator[str]:
    """The file, or the files of the folder (not of those below: no model has any)."""
    folder = Path(str(found.repo.working_tree_dir)) / name
    inside = sorted(p.name for p in folder.iterdir() if p.is_file()) if folder.is_dir() else []
    yield from (f"{name}/{one}" for one in inside) if inside else (name,)


def _place_file(
    source: Source, place: InputPlaceRecord, file: str, sha256: str | None
) -> InputPlaceRecord:
    got = holding(source.tree, file, sha256)
    said = "" if file == place.path else f"{file.rpartition('/')[2]}: "
    reason = "" if got.held else f"{said}{_reason(source, file, got)}"
    return replace(place, held_by=_held_by(source, file, got), reason=reason)


def _held_by(source: Source, file: str, got: Holding) -> HeldBy:
    if got.kind == "other" or got.kind == "absent":
        return "nothing"
    return "patch" if got.kind == "commit" and source.changed(file) else got.kind


def _reason(source: Source, file: str, got: Holding) -> str:
    if got.submodule or OUTSIDE in got.reason:
        changed = got.kind == "other"
        return f"{got.reason}; it was changed there" if changed else got.reason
    if isinstance(source.patch, Unavailable) and source.changed(file):
        return f"it differs from the commit, and no patch is kept: {source.patch.reason}"
    if got.kind == "other" and is_filtered(source.found, file):
        return "the commit has it as the project's .gitattributes converts it"
    known = why_in_dvc(source.found, file) or why_ignored(source.found, file)
    return known or got.reason
