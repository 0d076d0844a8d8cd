"""What a run read, held against the verifier's clone: the milestone, and the data.

Responsible for one distinction. Only a commit that has the path with other bytes contradicts the
pack. Where no commit holds a file (ignored, outside, in DVC, behind LFS, in a submodule that is not
there), the file on disk decides when it has the recorded digest; else it is *not checked*.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.git import PatchedTree
from evidence.capture.holding import Holding, from_top, holding, is_filtered
from evidence.capture.repository import Repository
from evidence.data.files import names_file
from evidence.encoding import jsonio
from evidence.encoding.codec import decode
from evidence.encoding.digest import sha256_hex, with_crlf, with_lf
from evidence.records.availability import Unavailable
from evidence.records.functions import FunctionsRecord
from evidence.records.inputs import DataRecord
from evidence.records.record import Record
from evidence.verification.consistency.registry import Evidence
from evidence.verification.ledger import Rule
from evidence.verification.origin.recorded import start_of, tree_that_ran
from evidence.verification.problem import CannotCheckError, Problem, shown

MILESTONE: Final = Rule("repo-milestone", "the clone has the milestone with the bytes that ran")
DATA: Final = Rule("repo-data", "the clone has the data with the bytes that the run read")


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
    """The milestone file, by the digest of the copy in the pack, and the files of functions that it
    names."""
    with tree_that_ran(found, evidence) as tree:
        sought = [_milestone_file(evidence), *_functions(evidence)]
        yield from held_against(tree, evidence, sought)


def _functions(evidence: Evidence) -> Iterator[Sought]:
    """Files of functions that scored answers, of every evaluation, by their copies' digests."""
    for path, data in sorted(evidence.contents.items()):
        if layout.without_stage(path) == layout.FUNCTIONS:
            kept = decode(FunctionsRecord, jsonio.load_document(data))
            for index, one in enumerate(kept.functions):
                place = f"{path}#/functions/{index}/sha256"
                yield Sought("eval.metric", one.file, one.sha256, one.size_bytes, place)


def has_milestone(tree: PatchedTree, evidence: Evidence) -> bool:
    """Whether the clone has the milestone's very bytes: else its templates are a stranger's."""
    return _look(tree, evidence, _milestone_file(evidence)).content is not None


def _milestone_file(evidence: Evidence) -> Sought:
    return milestone_file(evidence.documents.milestone.id, evidence.contents[layout.MILESTONE])


def milestone_file(milestone_id: str, source: bytes) -> Sought:
    """The file of a milestone, with the bytes of the copy in its pack."""
    path = layout.milestone_file(Path(), milestone_id).as_posix()
    return Sought("milestone", path, sha256_hex(source), len(source), layout.MILESTONE)


def data(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """Every data set that is a file."""
    sought = [one for name in _names(evidence) for one in _sought(evidence, name)]
    if not sought:
        raise CannotCheckError("no data set is a file of the project")
    with tree_that_ran(found, evidence) as tree:
        yield from _left_out(tree, evidence)
        yield from held_against(tree, evidence, sought)


def _left_out(tree: PatchedTree, evidence: Evidence) -> Iterator[Problem]:
    """Files of the commit, with its patch, that a pattern of `path` names and the run did not read.

    What was left out of the patch may have been deleted: of that nothing is said here.
    """
    documents = evidence.documents
    asked = {name: one.paths for name, one in documents.milestone.data.items() if one.paths}
    files = tree.files_from_top() if asked else ()
    if isinstance(files, Unavailable):
        raise CannotCheckError(f"the files of the commit cannot be listed: {shown(files.reason)}")
    prefix = tree.found.prefix
    inside = sorted(one.removeprefix(prefix) for one in files if one.startswith(prefix))
    for name, paths in sorted(asked.items()):
        record = documents.inputs.data.get(name)
        known = set() if record is None else {one.path for one in record.files}
        for file in inside:
            if file in known or not any(names_file(one, file) for one in paths):
                continue
            if not _is_accounted_for(tree.found, evidence, f"{prefix}{file}", Holding("other")):
                text = f"the commit has {shown(file)}, which `path` names, and the run read without"
                yield Problem(f"{layout.INPUTS}#/data/{name}/files", text)


def _names(evidence: Evidence) -> list[str]:
    return sorted(evidence.documents.milestone.data)


def _sought(evidence: Evidence, name: str) -> list[Sought]:
    record = evidence.documents.inputs.data.get(name)
    return [] if record is None else sought_of(record, f"{layout.INPUTS}#/data/{name}")


def sought_of(record: DataRecord, place: str) -> list[Sought]:
    """The files of a data set, none of the hub; `place`: where the pack tells of it."""
    where = [""] if record.path is not None else [f"/files/{i}" for i in range(len(record.files))]
    return [
        Sought(key, one.path, one.sha256, one.size_bytes, f"{place}{below}/sha256")
        for below, (key, one) in zip(where, record.sources, strict=True)
    ]


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


def files_of(tree: PatchedTree, name: str, evidence: Evidence) -> list[tuple[str, bytes]] | None:
    """The files of a data set, each with the very bytes that the run read; None where the clone has
    others of one."""
    found: list[tuple[str, bytes]] = []
    for one in _sought(evidence, name):
        content = _look(tree, evidence, one).content
        if content is None:
            return None
        found.append((one.path, content))
    return found or None


def content_of(tree: PatchedTree, evidence: Evidence, one: Sought) -> bytes | None:
    """The bytes of an input up to their line ends; None where the clone has others."""
    return _look(tree, evidence, one).content
