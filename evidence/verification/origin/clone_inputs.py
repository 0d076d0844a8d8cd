"""What a run read, held against the verifier's clone: the milestone, and the data.

Responsible for one distinction. Only a commit that has the path with other bytes contradicts the
pack. Where no commit holds a file (ignored, outside, in DVC, behind LFS, in a submodule that is not
there), the file on disk decides when it has the recorded digest; else it is *not checked*.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.git import PatchedTree
from evidence.capture.holding import Holding, from_top, holding, is_filtered
from evidence.capture.repository import Repository
from evidence.data.asked import Compile, describe
from evidence.data.facts import DataSet
from evidence.data.read import read_rows
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex, with_crlf, with_lf
from evidence.errors import MalformedError, MilestoneError
from evidence.records.milestone import Milestone
from evidence.records.record import Record
from evidence.text import templating
from evidence.verification.consistency.registry import Evidence
from evidence.verification.ledger import Rule
from evidence.verification.origin.recorded import start_of, tree_that_ran
from evidence.verification.problem import CannotCheckError, Problem, shown

MILESTONE: Final = Rule("repo-milestone", "the clone has the milestone with the bytes that ran")
DATA: Final = Rule("repo-data", "the clone has the data with the bytes that the run read")
FACTS: Final = Rule("repo-data-facts", "facts about the data, counted again from them")


_RENDERED: Final = frozenset({"num_conflicting_prompts", "conflicting_rows", "overlap"})
"""Facts that need the milestone's templates."""


class Sought(Record):
    """An input as the pack records it."""

    key: str
    path: str
    sha256: str
    size_bytes: int
    place: str
    """Where the pack states the digest."""


class _Found(Record):
    """What came of looking for it."""

    content: bytes | None = None
    """The very bytes of the run, up to their line ends."""
    contradicted: str | None = None
    """Digest of what the commit has instead."""
    not_checked: str = ""
    """Why nothing can be said."""


def milestone(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """The milestone file, by the digest of the copy in the pack."""
    with tree_that_ran(found, evidence) as tree:
        yield from held_against(tree, evidence, [_milestone_file(evidence)])


def has_milestone(tree: PatchedTree, evidence: Evidence) -> bool:
    """Whether the clone has the milestone's very bytes: else its templates are a stranger's."""
    return _look(tree, evidence, _milestone_file(evidence)).content is not None


def _milestone_file(evidence: Evidence) -> Sought:
    path = layout.milestone_file(Path(), evidence.documents.milestone.id).as_posix()
    source = evidence.contents[layout.MILESTONE]
    return Sought("milestone", path, sha256_hex(source), len(source), layout.MILESTONE)


def data(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """Every data set that is a file."""
    sought = [one for name in _names(evidence) if (one := _sought(evidence, name)) is not None]
    if not sought:
        raise CannotCheckError("no data set is a file of the project")
    with tree_that_ran(found, evidence) as tree:
        yield from held_against(tree, evidence, sought)


def facts(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """inputs.json's facts about each data set, counted again from the clone's bytes. Exact."""
    spec, records = evidence.documents.milestone, evidence.documents.inputs.data
    with tree_that_ran(found, evidence) as tree:
        # Its templates are rendered here, which may be a stranger's: only where the clone has them.
        trusted = has_milestone(tree, evidence)
        sets = {name: data_set(tree, name, evidence) for name in _names(evidence)}
    if all(one is None for one in sets.values()):
        raise CannotCheckError("the clone has no data set with the bytes of the run, see repo-data")
    longest = max(len(row) for one in sets.values() if one for row in one.raw.split(b"\n"))
    compiled = partial(templating.compile_bounded, longest_row=longest)
    refused = _refused(spec, compiled) if trusted else "the clone has another milestone"
    other = None if spec.given_eval is None else spec.given_eval.data
    for name, rows in sets.items():
        evaluation = None if other is None else sets[other]
        is_unknown = other is not None and evaluation is None
        if rows is None or name not in records or is_unknown or not trusted:
            continue
        counted = describe(spec, rows, None if name == other else evaluation, compiled)
        expected, actual = encode(counted), encode(records[name])
        for key in sorted(expected.keys() - (_RENDERED if refused else set())):
            place = f"{layout.INPUTS}#/data/{name}/{key}"
            if expected[key] != actual.get(key):
                text = "not what the data give when they are counted again"
                yield Problem(place, text, shown(repr(expected[key])), shown(repr(actual.get(key))))
    if refused:
        raise CannotCheckError(f"conflicts and overlap were not counted again: {shown(refused)}")
    missing = [name for name, one in sets.items() if one is None]
    if missing:
        said = ", ".join(missing)
        raise CannotCheckError(f"the clone lacks the bytes of {shown(said)}, see repo-data")


def _refused(milestone: Milestone, compiled: Compile) -> str:
    """Why its templates are not rendered here; empty where they are."""
    try:
        prompt = "" if milestone.given_eval is None else milestone.given_eval.prompt
        for source in (prompt, *(one.text or "" for one in milestone.data.values())):
            compiled(source)
    except MalformedError as error:
        return error.message
    return ""


def _names(evidence: Evidence) -> list[str]:
    return sorted(evidence.documents.milestone.data)


def _sought(evidence: Evidence, name: str) -> Sought | None:
    record = evidence.documents.inputs.data.get(name)
    if record is None or record.path is None:
        return None
    place = f"{layout.INPUTS}#/data/{name}/sha256"
    return Sought(f"data.{name}.path", record.path, record.sha256, record.size_bytes, place)


def held_against(tree: PatchedTree, evidence: Evidence, sought: list[Sought]) -> Iterator[Problem]:
    """A problem of each whose bytes the commit contradicts. Raises CannotCheckError at the end
    where it says nothing of some."""
    not_checked = []
    for one in sought:
        found = _look(tree, evidence, one)
        if found.contradicted is not None:
            text = f"{shown(one.path)} has other bytes in the recorded commit (with the patch)"
            yield Problem(one.place, text, found.contradicted, one.sha256)
        elif found.not_checked:
            not_checked.append(f"{one.path}: {found.not_checked}")
    if not_checked:
        raise CannotCheckError("; ".join(not_checked))


def _look(tree: PatchedTree, evidence: Evidence, one: Sought) -> _Found:
    name = _name_in_clone(tree.found, evidence, one)
    if name is None:
        return _Found(not_checked="it lies outside the repository, where verify reads nothing")
    got = holding(tree, name, one.sha256)
    on_disk = _on_disk(tree.found, name, one)
    if got.held:
        return _Found(content=on_disk or _as_sealed(got.content or b"", one.sha256))
    if got.kind == "other" and not _is_accounted_for(tree.found, evidence, name, got):
        return _Found(contradicted=sha256_hex(got.content or b""))
    if on_disk is not None:
        return _Found(content=on_disk)
    return _Found(not_checked=f"{got.reason}, and no file with the recorded digest lies there")


def _is_accounted_for(found: Repository, evidence: Evidence, name: str, got: Holding) -> bool:
    """Whether honest bytes can be others than the commit has: no patch was kept, or a filter."""
    changed = {name, got.submodule} - {""}
    unkept = layout.PATCH not in evidence.contents or bool(got.submodule)
    start = start_of(evidence)
    if unkept and (start.left_out or any(file.path in changed for file in start.files)):
        return True
    return is_filtered(found, name)


def _name_in_clone(found: Repository, evidence: Evidence, one: Sought) -> str | None:
    """The path from the top: as recorded, so that an absolute path inside the project is found."""
    recorded = {place.input: place.path for place in evidence.documents.git.inputs or ()}
    if Path(one.path).is_absolute() and one.key in recorded:
        name = recorded[one.key]
        inside = one.path.endswith(f"/{name}") and ".." not in name.split("/")
        return name if inside else None
    return from_top(found, one.path)


def _on_disk(found: Repository, name: str, one: Sought) -> bytes | None:
    """The file of the clone's working tree, where it has the recorded digest."""
    path = Path(str(found.repo.working_tree_dir)) / name
    with suppress(OSError):
        if path.is_file() and path.stat().st_size <= 2 * one.size_bytes:
            content = path.read_bytes()
            return _as_sealed(content, one.sha256)
    return None


def _as_sealed(blob: bytes, sha256: str) -> bytes | None:
    """The bytes with the line ends that have the digest; None where there are none."""
    return next(
        (raw for raw in (blob, with_lf(blob), with_crlf(blob)) if sha256_hex(raw) == sha256), None
    )


def data_set(tree: PatchedTree, name: str, evidence: Evidence) -> DataSet | None:
    """A data set with the very bytes that the run read; None where the clone has others."""
    spec, sought = evidence.documents.milestone.data[name], _sought(evidence, name)
    found = None if sought is None else _look(tree, evidence, sought)
    if found is None or found.content is None:
        return None
    try:
        return read_rows(name, found.content, spec.path or name, spec)
    except MilestoneError as error:
        said = error.message.partition("\n")[0]
        raise CannotCheckError(f"the data cannot be read: {shown(said)}") from error
