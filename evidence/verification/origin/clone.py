"""A pack held against the verifier's own clone: commit, patch, milestone and data.

Responsible for checks that need the history of the project, which a pack does not carry. git runs
in the caller's clone alone and writes nothing there (patches are applied in a temporary index);
nothing is ever run in the pack.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.git import PatchedTree, PatchError, patched_tree, tree_of
from evidence.capture.repository import Repository, open_repository
from evidence.data.asked import Compile, describe
from evidence.data.facts import DataSet
from evidence.data.read import read_rows
from evidence.encoding.codec import encode
from evidence.encoding.digest import sha256_hex, with_crlf, with_lf
from evidence.errors import MalformedError, MilestoneError, UsageError
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord
from evidence.records.milestone import Milestone
from evidence.text import templating
from evidence.verification.consistency.registry import Check, Evidence
from evidence.verification.ledger import Rule
from evidence.verification.problem import CannotCheckError, Problem, shown

COMMIT: Final = Rule("repo-commit", "the clone has the commit, with the tree that git.json names")
PATCH: Final = Rule("repo-patch", "the patch leads from that commit to what ran")
MILESTONE: Final = Rule("repo-milestone", "the clone has the milestone with the bytes that ran")
FACTS: Final = Rule("repo-data-facts", "facts about the data, counted again from them")
DATA: Final = Rule("repo-data", "the clone has the data with the bytes that the run read")

_COMMIT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_PROMISOR: Final = r"^(extensions\.partialclone|remote\..*\.promisor)$"
_LFS: Final = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:.*\n)*?oid sha256:([0-9a-f]{64})\n.*",
    re.DOTALL,
)
_RENDERED: Final = frozenset({"num_conflicting_prompts", "conflicting_rows", "overlap"})
"""Facts that need the milestone's templates."""
_MAX_POINTER_BYTES: Final = 1024


def repository_checks(clone: Path) -> tuple[Check, ...]:
    """The checks against a clone, for `VerifyOptions.further`. Raises UsageError without one.

    `clone` is the project's folder in a working tree: the one that holds milestones/. A partial
    clone is refused: git would fetch what it lacks, and verifying opens no connection.
    """
    found = open_repository(clone)
    if isinstance(found, Unavailable):
        raise UsageError(f"{clone} cannot be compared with: {found.reason}")
    if not isinstance(found.attempt("config", "--get-regexp", _PROMISOR), Unavailable):
        raise UsageError(
            f"{clone} is a partial clone, and verify fetches nothing; "
            "clone the project once more, without --filter"
        )

    def bound(
        run: Callable[[Repository, Evidence], Iterator[Problem]],
    ) -> Callable[[Evidence], Iterator[Problem]]:
        return lambda evidence: run(found, evidence)

    return (
        Check(COMMIT, bound(_commit)),
        Check(PATCH, bound(_patch)),
        Check(MILESTONE, bound(_milestone)),
        Check(DATA, bound(_data)),
        Check(FACTS, bound(_facts)),
    )


def _start(evidence: Evidence) -> GitStateRecord:
    start = evidence.documents.git.start
    if isinstance(start, Unavailable):
        raise CannotCheckError(f"the pack names no commit: {start.reason}")
    return start


def _known(found: Repository, evidence: Evidence) -> str:
    """The recorded commit, which the clone has."""
    commit = _start(evidence).commit
    if not _COMMIT.fullmatch(commit) or tree_of(found, commit) is None:
        raise CannotCheckError("the clone does not have the commit, see repo-commit")
    return commit


def _commit(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    start = _start(evidence)
    tree = tree_of(found, start.commit) if _COMMIT.fullmatch(start.commit) else None
    place = f"{layout.GIT}#/start"
    if tree is None:
        text = "the clone has no such commit; `git fetch --all --tags` may bring it"
        yield Problem(f"{place}/commit", text, actual=start.commit)
    elif tree != start.tree:
        yield Problem(f"{place}/tree", "another tree than the commit has", tree, start.tree)


def _patch_bytes(evidence: Evidence) -> bytes:
    """The patch of a dirty tree, empty for a clean one. Raises CannotCheckError."""
    patch = evidence.contents.get(layout.PATCH)
    if patch is None and _start(evidence).dirty:
        reason = evidence.documents.git.patch_sha256
        said = reason.reason if isinstance(reason, Unavailable) else "it is not in the pack"
        raise CannotCheckError(f"the tree was dirty and there is no patch: {said}")
    return patch or b""


def _patch(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    commit, patch = _known(found, evidence), _patch_bytes(evidence)
    try:
        with patched_tree(found, commit, patch) as tree:
            yield from _changed_files(tree, evidence)
    except PatchError as error:
        text = f"does not apply to the recorded commit: {shown(str(error))}"
        yield Problem(layout.PATCH, text)


def _changed_files(tree: PatchedTree, evidence: Evidence) -> Iterator[Problem]:
    """git.json's digests of changed files are what commit and patch give."""
    for index, file in enumerate(_start(evidence).files):
        if isinstance(file.sha256, Unavailable) or "\\" in file.path:
            continue  # deleted, or a name that git.json can only spell
        blob = tree.blob_from_top(file.path)
        if blob is None or not _same(file.sha256, blob):
            text = f"commit and patch give other bytes for {shown(file.path)}"
            found = "not there" if blob is None else sha256_hex(blob)
            yield Problem(f"{layout.GIT}#/start/files/{index}", text, found, file.sha256)


@contextmanager
def _tree(found: Repository, evidence: Evidence) -> Iterator[PatchedTree]:
    """The files that the run had: commit and patch; the commit alone where the patch is bad."""
    commit = _known(found, evidence)
    try:
        patch = _patch_bytes(evidence)
    except CannotCheckError:
        patch = b""
    try:
        with patched_tree(found, commit, patch) as tree:
            yield tree
    except PatchError as error:
        raise CannotCheckError("the patch does not apply, see repo-patch") from error


def _milestone(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    with _tree(found, evidence) as tree:
        yield from _compared(tree, *_milestone_file(evidence))


def _milestone_file(evidence: Evidence) -> tuple[str, str, str]:
    """Its path in the project, the digest of what ran, and where that lies in the pack."""
    path = layout.milestone_file(Path(), evidence.documents.milestone.id).as_posix()
    return path, sha256_hex(evidence.contents[layout.MILESTONE]), layout.MILESTONE


def _data(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    records = evidence.documents.inputs.data
    local = {name: one for name, one in records.items() if one.path is not None}
    if not local:
        raise CannotCheckError("no data set is a file of the project")
    with _tree(found, evidence) as tree:
        for name, record in sorted(local.items()):
            place = f"{layout.INPUTS}#/data/{name}/sha256"
            yield from _compared(tree, record.path or "", record.sha256, place)


def _facts(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    """inputs.json's facts about each data set, counted again from the clone's bytes. Exact."""
    milestone, records = evidence.documents.milestone, evidence.documents.inputs.data
    with _tree(found, evidence) as tree:
        if any(_compared(tree, *_milestone_file(evidence))):
            raise CannotCheckError("the clone has another milestone, see repo-milestone")
        sets = {name: _read(tree, name, evidence) for name in sorted(milestone.data)}
    if all(one is None for one in sets.values()):
        raise CannotCheckError("the clone has no data set with the bytes of the run, see repo-data")
    other = milestone.eval.data
    longest = max(len(row) for one in sets.values() if one for row in one.raw.split(b"\n"))
    compiled = partial(templating.compile_bounded, longest_row=longest)
    refused = _refused(milestone, compiled)
    for name, data in sets.items():
        evaluation = sets[other]
        if data is None or name not in records or evaluation is None:
            continue
        of = None if name == other else evaluation
        counted = describe(milestone, data, of, compiled)
        expected, actual = encode(counted), encode(records[name])
        for key in sorted(expected.keys() - (_RENDERED if refused else set())):
            place = f"{layout.INPUTS}#/data/{name}/{key}"
            if expected[key] != actual.get(key):
                text = "not what the data give when they are counted again"
                yield Problem(place, text, _short(expected[key]), _short(actual.get(key)))
    if refused:
        raise CannotCheckError(f"conflicts and overlap were not counted again: {shown(refused)}")


def _refused(milestone: Milestone, compiled: Compile) -> str:
    """Why its templates are not rendered here; empty where they are."""
    try:
        for source in (milestone.eval.prompt, *(one.text or "" for one in milestone.data.values())):
            compiled(source)
    except MalformedError as error:
        return error.message
    return ""


def _read(tree: PatchedTree, name: str, evidence: Evidence) -> DataSet | None:
    """A data set with the very bytes that the run read; None where the clone has others."""
    spec, record = evidence.documents.milestone.data[name], evidence.documents.inputs.data.get(name)
    blob = None if spec.path is None or record is None else tree.blob(spec.path)
    if blob is None or record is None:
        return None
    for raw in (blob, with_lf(blob), with_crlf(blob)):
        if sha256_hex(raw) == record.sha256:
            try:
                return read_rows(name, raw, spec.path or name, spec)
            except MilestoneError as error:
                said = error.message.partition("\n")[0]
                raise CannotCheckError(f"the data cannot be read: {shown(said)}") from error
    return None


def _short(value: object) -> str:
    return shown(repr(value))


def _compared(tree: PatchedTree, path: str, expected: str, place: str) -> Iterator[Problem]:
    blob = tree.blob(path)
    if blob is None:
        text = f"{shown(path)} is neither in the recorded commit nor in the patch"
        yield Problem(place, text, "not there", expected)
    elif not _same(expected, blob):
        text = f"{shown(path)} has other bytes in the recorded commit (with the patch)"
        yield Problem(place, text, sha256_hex(blob), expected)


def _same(expected: str, blob: bytes) -> bool:
    """Equal bytes; also as git checks them out: other line ends, or through an LFS pointer."""
    if expected in {sha256_hex(one) for one in (blob, with_lf(blob), with_crlf(blob))}:
        return True
    pointer = _LFS.fullmatch(blob) if len(blob) <= _MAX_POINTER_BYTES else None
    return pointer is not None and pointer[1].decode() == expected
