"""A pack held against the verifier's own clone: commit and patch.

Responsible for which checks a clone allows and for those on its history, which a pack does not
carry; what the run read is `clone_inputs`'. git runs in the caller's clone alone and writes nothing
there (patches are applied in a temporary index); nothing is ever run in the pack.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from evidence import layout
from evidence.capture.git import (
    NoAnswerError,
    PatchedTree,
    PatchError,
    description_of,
    patched_tree,
    tree_of,
)
from evidence.capture.holding import is_filtered, is_pointer, same
from evidence.capture.repository import Repository, open_repository
from evidence.encoding.digest import sha256_hex
from evidence.errors import UsageError
from evidence.records.availability import Unavailable
from evidence.records.capture import GitStateRecord
from evidence.redact.marks import is_cut_from
from evidence.verification.consistency.registry import Check, Evidence
from evidence.verification.ledger import Rule
from evidence.verification.origin import clone_facts, clone_inputs, clone_models, clone_rows
from evidence.verification.origin.recorded import (
    COMMIT_ID,
    at_project,
    known_commit,
    patch_bytes,
    start_of,
)
from evidence.verification.problem import CannotCheckError, Problem, shown

COMMIT: Final = Rule(
    "repo-commit", "the clone has the commit, with the tree, date and subject in git.json"
)
PATCH: Final = Rule("repo-patch", "the patch leads from that commit to what ran")

_PROMISOR: Final = r"^(extensions\.partialclone|remote\..*\.promisor)$"


def repository_checks(clone: Path) -> tuple[Check, ...]:
    """The checks against a clone, for `VerifyOptions.further`. Raises UsageError without one.

    `clone` is a folder in a working tree: its top, or the project's own, which holds milestones/.
    A partial clone is refused: git would fetch what it lacks, and verifying opens no connection.
    """
    found = open_repository(clone)
    if isinstance(found, Unavailable):
        raise UsageError(f"{clone} cannot be compared with: {found.reason}")
    inside = found.attempt("rev-parse", "--is-inside-work-tree")
    if inside != b"true\n":  # before the absence of an answer is taken for one
        why = inside.reason if isinstance(inside, Unavailable) else "git answers what no git does"
        raise UsageError(f"{clone} cannot be compared with: {why}")
    if not isinstance(found.attempt("config", "--get-regexp", _PROMISOR), Unavailable):
        raise UsageError(
            f"{clone} is a partial clone, and verify fetches nothing; "
            "clone the project once more, without --filter"
        )

    def bound(
        run: Callable[[Repository, Evidence], Iterator[Problem]],
    ) -> Callable[[Evidence], Iterator[Problem]]:
        def check(evidence: Evidence) -> Iterator[Problem]:
            try:
                yield from run(at_project(found, evidence), evidence)
            except NoAnswerError as error:
                raise CannotCheckError(str(error)) from error

        return check

    return (
        Check(COMMIT, bound(_commit)),
        Check(PATCH, bound(_patch)),
        Check(clone_inputs.MILESTONE, bound(clone_inputs.milestone)),
        Check(clone_inputs.DATA, bound(clone_inputs.data)),
        Check(clone_facts.FACTS, bound(clone_facts.facts)),
        Check(clone_models.MODEL, bound(clone_models.model)),
        Check(clone_rows.EVALUATION, bound(clone_rows.evaluation)),
        Check(clone_rows.ROWS, bound(clone_rows.rows_taught)),
        Check(clone_rows.REFS, bound(clone_rows.refs)),
    )


def _commit(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    start = start_of(evidence)
    tree = tree_of(found, start.commit) if COMMIT_ID.fullmatch(start.commit) else None
    place = f"{layout.GIT}#/start"
    if tree is None:
        text = "the clone has no such commit; `git fetch --all --tags` may bring it"
        yield Problem(f"{place}/commit", text, actual=start.commit)
    elif tree != start.tree:
        yield Problem(f"{place}/tree", "another tree than the commit has", tree, start.tree)
    else:
        yield from _described(
            found, start, place, anonymous=evidence.documents.milestone.publish.pseudonyms
        )


def _described(
    found: Repository, start: GitStateRecord, place: str, *, anonymous: bool
) -> Iterator[Problem]:
    """Date and subject are the commit's; of a subject from which something was cut, the rest."""
    described = description_of(found, start.commit)
    if isinstance(described, Unavailable):
        raise CannotCheckError(described.reason)
    date, subject = described
    if start.commit_utc != date:
        text = "another date than the commit has"
        yield Problem(f"{place}/commit_utc", text, date, start.commit_utc)
    if not is_cut_from(subject, start.subject, names=anonymous):
        text = "another subject than the commit has"
        yield Problem(f"{place}/subject", text, shown(subject), shown(start.subject))


def _patch(found: Repository, evidence: Evidence) -> Iterator[Problem]:
    commit, patch = known_commit(found, evidence), patch_bytes(evidence)
    try:
        with patched_tree(found, commit, patch) as tree:
            yield from _changed_files(tree, evidence)
    except PatchError as error:
        text = f"does not apply to the recorded commit: {shown(str(error))}"
        yield Problem(layout.PATCH, text)


def _changed_files(tree: PatchedTree, evidence: Evidence) -> Iterator[Problem]:
    """git.json's digests of changed files are what commit and patch give."""
    filtered = []
    for index, file in enumerate(start_of(evidence).files):
        if isinstance(file.sha256, Unavailable) or "\\" in file.path:
            continue  # deleted, or a name that git.json can only spell
        blob = tree.blob_from_top(file.path)
        if blob is not None and (same(file.sha256, blob) or is_pointer(file.sha256, blob)):
            continue
        if blob is not None and is_filtered(tree.found, file.path):
            filtered.append(file.path)
            continue
        text = f"commit and patch give other bytes for {shown(file.path)}"
        found = "not there" if blob is None else sha256_hex(blob)
        yield Problem(f"{layout.GIT}#/start/files/{index}", text, found, file.sha256)
    rest = start_of(evidence).left_out
    if rest is not None:
        text = f"{rest.num_files} changed files have no digest: {shown(rest.reason)}"
        raise CannotCheckError(text)
    if filtered:
        raise CannotCheckError(f"the project's .gitattributes converts {', '.join(filtered)}")
